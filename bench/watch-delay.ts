/**
 * How long the proxy goes on believing in an address after the API server has answered the write that changed it: the time for
 * which another pod could be reached under the old one's name. One pod moves from address to address, and `/kubesd` is asked
 * until it takes the new one; nobody listens there. A look takes about a millisecond, which is part of the figures.
 */
import { setTimeout as delay } from "node:timers/promises";
import { request } from "undici";
import type { Cluster } from "../test/support/kubernetes-cluster.ts";
import { startProgram } from "./child-process.ts";

const namespace = "delay";
const loadPods = 50;

interface WatchDelayOptions {
  /** Of a user that may list and watch pods. */
  readonly token: string;
  readonly writes: number;
}

/** One row for a cluster at rest, and one with 50 other writes a second in the same namespace. */
export async function measureWatchDelay(
  cluster: Cluster,
  { token, writes }: WatchDelayOptions,
): Promise<object[]> {
  await cluster.createNamespace(namespace);
  await cluster.createPod({ namespace, name: "moving", ip: addressOf(0) });
  await cluster.createPods(
    Array.from({ length: loadPods }, (_, index) => ({ namespace, name: `load-${index}` })),
  );
  const { child, port } = await startProgram([
    "--cidr-whitelist=127.0.0.0/8",
    "--metrics-path-whitelist=/metrics",
    "--listen-address=127.0.0.1",
    "--http-port=0",
    "--metrics-http-port=0",
    `--kubernetes-api-url=${cluster.url}`,
    `--k8s-cacert=${cluster.caFile}`,
    `--k8s-global-token=${token}`,
    `--watch-namespaces=${namespace}`,
    "--kubesd-require-pod=true",
    "--shutdown-delay=0s",
  ]);
  try {
    await untilKnown(port, addressOf(0));
    const rows: object[] = [];
    let moves = 0;
    for (const load of [0, 50]) {
      const background = startWrites(cluster, load);
      const delays: number[] = [];
      const looks: number[] = [];
      const beganMs = performance.now();
      for (let write = 0; write < writes; write++) {
        const ip = addressOf(++moves);
        await cluster.setPodStatus(namespace, "moving", { ip });
        const answeredMs = performance.now();
        looks.push(...(await untilKnown(port, ip)));
        delays.push(performance.now() - answeredMs);
        // Not in step with anything.
        await delay(Math.random() * 20);
      }
      const seconds = (performance.now() - beganMs) / 1000;
      rows.push({
        "other writes/s": Math.round((await background.stop()) / seconds),
        writes,
        "p50 ms": quantile(delays, 0.5),
        "p99 ms": quantile(delays, 0.99),
        "max ms": quantile(delays, 1),
        "look-up p50 ms": quantile(looks, 0.5),
      });
    }
    return rows;
  } finally {
    child.kill("SIGKILL");
  }
}

/** @returns how long each look took */
async function untilKnown(port: number, ip: string): Promise<number[]> {
  const looks: number[] = [];
  for (;;) {
    const beganMs = performance.now();
    const { statusCode, body } = await request(
      `http://127.0.0.1:${port}/kubesd/metrics?pod=${ip}&target_port=9`,
    );
    await body.dump();
    looks.push(performance.now() - beganMs);
    // 403 until the pod is known to have the address, then 502: the connection is refused. 503 before the first list.
    if (statusCode === 502) return looks;
    if (statusCode !== 403 && statusCode !== 503) throw new Error(`Cannot measure: status ${statusCode}`);
  }
}

/** Writes to other pods, evenly, until they are stopped. */
function startWrites(cluster: Cluster, perSecond: number): { stop(): Promise<number> } {
  let count = 0;
  const pending = new Set<Promise<void>>();
  const write = () => {
    const ready = count % (2 * loadPods) < loadPods;
    const done = cluster
      .setPodStatus(namespace, `load-${count++ % loadPods}`, { ready })
      .finally(() => pending.delete(done));
    pending.add(done);
  };
  const timer = perSecond > 0 ? setInterval(write, 1000 / perSecond) : undefined;
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      return count;
    },
  };
}

function addressOf(index: number): string {
  return `127.9.${index >> 8}.${index & 255}`;
}

function quantile(list: readonly number[], share: number): number {
  const sorted = list.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]! * 10) / 10;
}
