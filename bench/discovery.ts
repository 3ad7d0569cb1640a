/**
 * `npm run bench:discovery`: how long the proxy takes to know the pods of a cluster, what that costs, and how soon it sees a
 * change. A real API server, and pods with managedFields of a usual size. Times of a machine are noise; the empty cluster in
 * the same run is what to compare with. `--pods 0` measures the delay of the watch alone. Needs the test tools (`npm test`
 * installs them).
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { request } from "undici";
import { type Cluster, startCluster } from "../test/support/kubernetes-cluster.ts";
import { cpuMs, peakMegabytes, startProgram } from "./child-process.ts";
import { measureWatchDelay } from "./watch-delay.ts";

const { values } = parseArgs({
  options: { pods: { type: "string", default: "10000" }, writes: { type: "string", default: "500" } },
});
const podCount = Number(values.pods);
const writes = Number(values.writes);
const managedFieldsPadding = 3500;
const token = "bench-token";
const metricsPort = 5955;

async function metrics(): Promise<Map<string, number>> {
  const { body } = await request(`http://127.0.0.1:${metricsPort}/metrics`);
  const lines = (await body.text()).split("\n").filter((line) => /^[a-z]/.test(line));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
}

/** Runs the program over one namespace until it is ready and has come to rest. */
async function measure(cluster: Cluster, namespace: string) {
  const beganMs = performance.now();
  const { child, port } = await startProgram([
    "--cidr-whitelist=10.0.0.0/8",
    "--metrics-path-whitelist=/metrics",
    "--listen-address=127.0.0.1",
    "--http-port=0",
    `--metrics-http-port=${metricsPort}`,
    `--kubernetes-api-url=${cluster.url}`,
    `--k8s-cacert=${cluster.caFile}`,
    `--k8s-global-token=${token}`,
    `--watch-namespaces=${namespace}`,
    "--shutdown-delay=0s",
  ]);
  try {
    const startedMs = performance.now();
    for (;;) {
      const { statusCode, body } = await request(`http://127.0.0.1:${metricsPort}/-/ready`);
      await body.dump();
      if (statusCode === 200) break;
      await delay(5);
    }
    const readyMs = performance.now();
    // The longest since the last look: a look resets it.
    const longestDelaySeconds = (await metrics()).get("nodejs_eventloop_lag_max_seconds") ?? Number.NaN;
    await delay(5000);
    const atRest = await metrics();
    return {
      pods:
        [...atRest]
          .filter(([name]) => name.startsWith("k8s_prometheus_proxy_pods{"))
          .map(([, value]) => value)[0] ?? 0,
      "start to listening ms": Math.round(startedMs - beganMs),
      "listening to ready ms": Math.round(readyMs - startedMs),
      "CPU ms": Math.round(cpuMs(child.pid!)),
      "event loop delay max ms": Math.round(longestDelaySeconds * 1000),
      "heap used MB": Math.round((atRest.get("nodejs_heap_size_used_bytes") ?? 0) / 1e5) / 10,
      "resident MB": Math.round((atRest.get("process_resident_memory_bytes") ?? 0) / 1e6),
      "peak MB": Math.round(peakMegabytes(child.pid!)),
      ...(await changeToVisible(cluster, namespace, port)),
    };
  } finally {
    child.kill("SIGKILL");
  }
}

/** From the answer of the API server to a change until a scrape sees it; medians of 20. Pods are never reached: 502 names them. */
async function changeToVisible(cluster: Cluster, namespace: string, port: number) {
  const latencies: number[] = [];
  const scrapes: number[] = [];
  for (let round = 0; round < 20; round++) {
    const name = `change-${round}`;
    await cluster.createPod({ namespace, name, ip: "192.0.2.1" });
    const beganMs = performance.now();
    for (;;) {
      const scrapeMs = performance.now();
      const { body } = await request(
        `http://127.0.0.1:${port}/mproxy/${namespace}/${name}/metrics?upstreamPort=9`,
      );
      const text = await body.text();
      scrapes.push(performance.now() - scrapeMs);
      // It runs and has an address outside CIDR_WHITELIST: nothing is dialled, and the text says so.
      if (text.includes("leaves out 1")) break;
      await delay(1);
    }
    latencies.push(performance.now() - beganMs);
    await cluster.deletePod(namespace, name);
  }
  return { "change to visible ms": median(latencies), "look-up ms": median(scrapes) };
}

function median(list: number[]): number {
  const sorted = list.sort((a, b) => a - b);
  return Math.round(sorted[sorted.length >> 1]! * 10) / 10;
}

async function measureLists(cluster: Cluster): Promise<void> {
  await cluster.createNamespace("empty");
  await cluster.createNamespace("full");
  console.log(`Creating ${podCount} pods`);
  await cluster.createPods(
    Array.from({ length: podCount }, (_, index) => ({
      namespace: "full",
      name: `app-${index % 100}-${index}`,
      ip: `10.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
      labels: { app: `app-${index % 100}`, tier: "backend", "pod-template-hash": `${index % 100}f5b9c` },
      annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "8080" },
      containerPorts: [{ name: "metrics", containerPort: 8080 }],
      managedFieldsPadding,
    })),
  );
  const { items } = await cluster.request<{ items: object[] }>("GET", "/api/v1/namespaces/full/pods?limit=1");
  console.log(`A pod has ${JSON.stringify(items[0]).length} bytes of JSON`);
  const rounds = [];
  for (let round = 0; round < 3; round++) {
    rounds.push({ namespace: "empty", ...(await measure(cluster, "empty")) });
    rounds.push({ namespace: "full", ...(await measure(cluster, "full")) });
  }
  console.table(rounds);
}

const cluster = await startCluster({ tokens: [{ token, user: "bench" }] });
try {
  await cluster.allowPods({ subject: "bench", verbs: ["list", "watch"] });
  console.table(await measureWatchDelay(cluster, { token, writes }));
  if (podCount > 0) await measureLists(cluster);
} finally {
  await cluster.stop();
}
