// 10^5 random steps of a cluster, with everything that goes wrong between it and a watch: what the store holds is what the
// cluster has. Each run prints nothing; a failure names its seed.
import { expect, test } from "vitest";

import { FakeKubernetesApi } from "../support/kubernetes/fake-api.ts";
import { applyStep, PodEvents } from "../support/kubernetes/pod-events.ts";
import { createPodsOfApi } from "../support/kubernetes/pods-of-api.ts";

const namespaces = ["team-a", "team-b"];
const stepsPerRun = 10_000;

/** The pods of the store in the shape of what is expected. */
function shown({ store }: ReturnType<typeof createPodsOfApi>) {
  const pods = namespaces.flatMap((namespace) => store.inNamespace(namespace));
  return new Map(
    pods.map(({ uid, namespace, name, ips, phase }) => [uid, { namespace, name, ip: ips[0] ?? "", phase }]),
  );
}

/** Waits until both are the same; gives what is shown at the end, for the message. */
async function converge(pods: ReturnType<typeof createPodsOfApi>, events: PodEvents) {
  const endMs = performance.now() + 5000;
  const { expected } = events;
  const same = () => {
    const found = shown(pods);
    return found.size === expected.size && [...expected].every(([uid, pod]) => isSame(found.get(uid), pod));
  };
  while (!same() && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 5));
  return { shown: sorted(shown(pods)), expected: sorted(expected) };
}

function isSame(a: object | undefined, b: object): boolean {
  return (
    a !== undefined &&
    Object.entries(b).every(([key, value]) => (a as Record<string, unknown>)[key] === value)
  );
}

const sorted = (pods: ReadonlyMap<string, object>) => [...pods].sort(([a], [b]) => (a < b ? -1 : 1));

for (let seed = 1; seed <= 10; seed++) {
  const scope = seed % 2 === 0 ? "*" : namespaces;
  test(`${stepsPerRun} random steps end in the same pods (seed ${seed}, watching ${String(scope)})`, async () => {
    const api = new FakeKubernetesApi({ revision: 1000 });
    await api.start();
    const events = new PodEvents({ seed, namespaces, mixesPods: seed > 5 });
    const pods = createPodsOfApi({
      url: api.url,
      namespaces: scope,
      timing: { backoff: { next: () => 1 }, relistBackoff: { next: () => 1 }, shortestWatchMs: 0 },
    });
    try {
      await pods.source.start();
      for (let step = 0; step < stepsPerRun; step++) {
        await applyStep(api, events.next());
        // Now and then the client gets its turn, at moments that have nothing to do with the steps.
        if (step % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (step % 500 === 499) {
          const { shown, expected } = await converge(pods, events);
          expect(shown, `seed ${seed}, step ${step}`).toEqual(expected);
        }
      }
      expect(pods.store.size).toBe(events.expected.size);
      // The steps did disturb it, and most disturbances cost no list.
      const { restarts, lists } = pods.counts;
      expect(new Set(restarts)).toEqual(new Set([...new Set(restarts), "closed", "unreachable", "expired"]));
      expect(lists).toBeLessThan(restarts.length);
    } finally {
      await pods.source.stop();
      await api.stop();
    }
  }, 120_000);
}
