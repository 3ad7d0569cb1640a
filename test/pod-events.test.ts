/**
 * The random histories, and the judge of them: a plain list and watch, done by the book, must come to exactly the pods that
 * the generator expects. If it did not, a history would ask for more than an API server promises.
 */
import { setImmediate as turn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { expect, it, onTestFinished } from "vitest";

import { FakeKubernetesApi } from "./support/kubernetes/fake-api.ts";
import {
  type ApiStep,
  applyStep,
  type ExpectedPod,
  mixPods,
  PodEvents,
} from "./support/kubernetes/pod-events.ts";
import { smallPod } from "./support/kubernetes/pod-objects.ts";
import { WatchReader } from "./support/kubernetes/watch-reader.ts";
import { until } from "./support/scrape/until.ts";

interface Item {
  readonly metadata: { namespace: string; name: string; uid: string; resourceVersion: string };
  readonly status: { phase: string; podIP?: string };
}

const expectedOf = ({ metadata: { namespace, name }, status: { phase, podIP = "" } }: Item): ExpectedPod => ({
  namespace,
  name,
  ip: podIP,
  phase,
});

const sorted = (pods: ReadonlyMap<string, ExpectedPod>) => [...pods].sort(([a], [b]) => (a < b ? -1 : 1));

/** Lists in pages, watches from there, takes the revision of every event, and lists again on 410. */
class PlainReflector {
  readonly pods = new Map<string, ExpectedPod>();
  lists = 0;
  watches = 0;
  /** How watches came to their end, and whether in the middle of a line. */
  readonly ends = new Set<string>();
  #stopped = false;
  #reader: WatchReader | undefined;
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      let version = await this.#list();
      while (!this.#stopped && version !== undefined) version = await this.#watch(version);
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#reader?.close();
  }

  async #list(): Promise<string | undefined> {
    this.lists++;
    const pods = new Map<string, ExpectedPod>();
    for (let token = ""; ;) {
      const response = await fetch(`${this.#url}/api/v1/pods?limit=7&continue=${token}`);
      const { items, metadata } = (await response.json()) as {
        items: Item[];
        metadata: { resourceVersion: string; continue?: string };
      };
      if (response.status === 410) return undefined;
      for (const item of items) pods.set(item.metadata.uid, expectedOf(item));
      if (metadata.continue === undefined) {
        this.pods.clear();
        for (const [uid, pod] of pods) this.pods.set(uid, pod);
        return metadata.resourceVersion;
      }
      token = metadata.continue;
    }
  }

  /** The version to go on from; undefined: it is gone. */
  async #watch(from: string): Promise<string | undefined> {
    this.watches++;
    const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${from}`;
    const reader = await WatchReader.open(`${this.#url}/api/v1/pods?${query}`);
    this.#reader = reader;
    let version = from;
    for (let done = 0; ;) {
      const { state } = reader;
      for (; done < reader.events.length; done++) {
        const { type, object } = reader.events[done]!;
        if (type === "ERROR") return undefined;
        version = object.metadata.resourceVersion;
        if (type === "DELETED") this.pods.delete(object.metadata.uid!);
        else if (type !== "BOOKMARK") this.pods.set(object.metadata.uid!, expectedOf(object as Item));
      }
      if (state !== "open") {
        this.ends.add(reader.rest.length > 0 ? `${state} in a line` : state);
        return version;
      }
      await turn();
    }
  }
}

it.each([1, 2, 3])(
  "histories end with the expected pods for a plain list and watch (seed %i)",
  async (seed) => {
    const api = new FakeKubernetesApi();
    await api.start();
    onTestFinished(() => api.stop());
    const reflector = new PlainReflector(api.url);
    const running = reflector.run();
    const history = new PodEvents({ seed, disturbancesPerMille: 30 });
    const kinds = new Set<ApiStep["kind"]>();
    for (let step = 0; step < 3000; step++) {
      const next = history.next();
      kinds.add(next.kind);
      await applyStep(api, next);
      if (step % 3 === 0) await turn();
      if (step % 1000 === 500) {
        // However fast the client comes back, here its history is gone.
        await until(() => api.watches.size === 1);
        api.watches.close();
        api.advance();
        api.compact();
      }
    }
    const expected = sorted(history.expected);
    expect(sorted(new Map(api.pods().map((pod) => [pod.metadata.uid, expectedOf(pod as Item)])))).toEqual(
      expected,
    );
    await until(() => isDeepStrictEqual(sorted(reflector.pods), expected));
    reflector.stop();
    await running;
    expect(expected.length).toBeGreaterThan(10);
    expect(kinds.size).toBe(12);
    expect(reflector.ends).toEqual(new Set(["ended", "cut", "cut in a line"]));
    // It lost connections and history on the way.
    expect(reflector.watches).toBeGreaterThan(5);
    expect(reflector.lists).toBeGreaterThan(1);
  },
);

it("the same seed gives the same steps, another one others", () => {
  const steps = (seed: number) => {
    const history = new PodEvents({ seed });
    return Array.from({ length: 200 }, () => history.next());
  };
  expect(steps(7)).toEqual(steps(7));
  expect(steps(7)).not.toEqual(steps(8));
});

it("mixPods() keeps every event, and the order of each pod's own", () => {
  const events = Array.from({ length: 60 }, (_, index) => ({
    revision: index,
    pod: smallPod({ namespace: "a", name: `app-${index % 7}` }),
    previous: undefined,
  }));
  const mixed = mixPods(events, 1);
  expect(mixed).not.toEqual(events);
  expect(mixed.toSorted((a, b) => a.revision - b.revision)).toEqual(events);
  for (let number = 0; number < 7; number++) {
    const own = (list: typeof mixed) => list.filter(({ pod }) => pod!.metadata.name === `app-${number}`);
    expect(own(mixed)).toEqual(own(events));
  }
});
