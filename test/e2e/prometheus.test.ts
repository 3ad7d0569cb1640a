/**
 * The main job, end to end: real Prometheus servers store the series of twenty pods, which answer with real expositions,
 * through the real program, both ways. What comes through `/mproxy` is what comes through `/kubesd`, pod by pod.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import type { QuerySample } from "../support/prometheus-api.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
const nodeExporter = fixture("node_exporter.txt");
const apiServer = gunzipSync(fixture("kube_apiserver.txt.gz"));
const prometheus = fixture("prometheus.txt");

const pad = (index: number) => String(index).padStart(2, "0");
const podNames = Array.from({ length: 20 }, (_, index) => `pod-${pad(index)}`);
const bodies = podNames.map((_, index) => (index < 2 ? apiServer : index < 11 ? prometheus : nodeExporter));

let pods: FakePods;
let program: StartedProgram;
let current: PrometheusServer;
let old: PrometheusServer;

beforeAll(async () => {
  pods = await FakePods.start(podNames.map((name, index) => ({ name, http: answers(bodies[index]!) })));
  program = await startProgram({ env: { PODS_FILE: pods.file } });
  const address = `127.0.0.1:${program.port}`;
  const all = {
    job_name: "all",
    metrics_path: "/mproxy/team-a/pod-/metrics",
    params: { upstreamPort: [String(pods.port)] },
    static_configs: [{ targets: [address] }],
  };
  // What relabelling makes of pods that kubernetes_sd_configs found.
  const one = {
    job_name: "one",
    metrics_path: "/kubesd/metrics",
    params: { target_port: [String(pods.port)], target_scheme: ["http"] },
    static_configs: podNames.map((name) => {
      const { ip } = pods.get(name);
      return { targets: [address], labels: { __param_pod: ip, podname: name, podip: ip, instance: name } };
    }),
  };
  const global = { scrape_interval: "15s", scrape_timeout: "15s" };
  [current, old] = await Promise.all([
    startPrometheus({ version: "3.5", config: { global, scrape_configs: [all, one] } }),
    startPrometheus({ version: "2.42", config: { global, scrape_configs: [all] } }),
  ]);
  await Promise.all([untilScraped(current, 21), untilScraped(old, 1)]);
}, 150_000);

afterAll(async () => {
  await Promise.all([current?.stop(), old?.stop()]);
  program?.kill("SIGTERM");
  await program?.exit;
  await pods?.stop();
});

async function untilScraped(server: PrometheusServer, count: number): Promise<void> {
  await server.waitFor(
    "a scrape of every target",
    async () => {
      const targets = await server.targets();
      if (targets.length !== count || targets.some(({ health }) => health === "unknown")) return false;
      // A target has its health a moment before its samples can be asked for; `up` comes together with them.
      return (await server.query("up")).length === count;
    },
    90_000,
  );
}

const scrapeSeries = /^(up|scrape_\w+|k8s_prometheus_proxy_pod_\w+)$/;

/** The samples of a job by pod, as sorted `name{labels} value` without what tells job and instance. */
async function byPod(server: PrometheusServer, job: string): Promise<Map<string, string[]>> {
  const samples = (await server.query(`{job="${job}"}`)).filter(
    ({ labels }) => !scrapeSeries.test(labels["__name__"]!),
  );
  const text = ({ labels, value }: QuerySample) => {
    const { job: _job, instance: _instance, ...rest } = labels;
    return `${JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)))} ${value}`;
  };
  const grouped = Map.groupBy(samples, ({ labels }) => labels["podname"]!);
  return new Map([...grouped].map(([pod, list]) => [pod, list.map(text).sort()]));
}

test("every target is up, both ways, in Prometheus 3.5 and 2.42", async () => {
  for (const server of [current, old]) {
    expect((await server.targets()).map(({ health, lastError }) => ({ health, lastError }))).toEqual(
      Array.from({ length: server === current ? 21 : 1 }, () => ({ health: "up", lastError: "" })),
    );
  }
});

test("each pod is up in the merged answer, under its name and address", async () => {
  for (const server of [current, old]) {
    const up = await server.query("k8s_prometheus_proxy_pod_up");
    const found = up.map(({ labels, value }) => `${labels["podname"]} ${labels["podip"]} ${value}`);
    expect(found.sort()).toEqual(podNames.map((name) => `${name} ${pods.get(name).ip} 1`));
  }
});

test("the series and values of every pod are the same both ways", async () => {
  const [merged, single] = await Promise.all([byPod(current, "all"), byPod(current, "one")]);
  expect([...merged.keys()].sort()).toEqual(podNames);
  const samples = (body: Buffer) => body.toString().match(/^[^#\n]+/gm)!.length;
  for (const [index, name] of podNames.entries())
    expect(merged.get(name)).toHaveLength(samples(bodies[index]!));
  for (const name of podNames) {
    const [a, b] = [new Set(merged.get(name)), new Set(single.get(name))];
    expect({ onlyMerged: [...a.difference(b)], onlySingle: [...b.difference(a)] }, name).toEqual({
      onlyMerged: [],
      onlySingle: [],
    });
  }
});

test("the older Prometheus stores as many series", async () => {
  const [merged, before] = await Promise.all([byPod(current, "all"), byPod(old, "all")]);
  for (const name of podNames) expect(before.get(name)?.length, name).toBe(merged.get(name)!.length);
});
