// `/sd` beside Prometheus' own discovery of pods, in one real Prometheus against one real API server: what both list has the same
// `__meta_kubernetes_*` labels. Nothing is scraped: all targets are dropped, and compared as they were discovered.
import { afterAll, beforeAll, expect, test } from "vitest";

import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import {
  compareTargets,
  type Comparison,
  findMissing,
  type Labels,
  type StoredPod,
} from "../support/kubernetes/discovered-labels.ts";
import {
  createVariedPods,
  type VariedPod,
  variedNamespaces,
  variedTcpPorts,
} from "../support/kubernetes/varied-pods.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";

const podCount = 300;
const patch = { contentType: "application/merge-patch+json" };

/** By job: all ports by their numbers, ports by their names, those that pods name themselves, and those of one container. */
const queries: Readonly<Record<string, string>> = {
  numbers: `port=${variedTcpPorts.join()}&path=/metrics&scheme=http`,
  names: "port=metrics,http-metrics,web,a1&path=/metrics&scheme=http",
  annotations: "",
  mesh: "container=0-mesh&port=9100,8080&path=/metrics&scheme=http",
};

let cluster: Cluster;
let proxy: StartedProgram;
let prometheus: PrometheusServer;

beforeAll(async () => {
  cluster = await startCluster({
    tokens: [
      { token: "proxy-token", user: "proxy" },
      { token: "prometheus-token", user: "prometheus" },
    ],
  });
  for (const namespace of variedNamespaces) await cluster.createNamespace(namespace);
  await createPods(createVariedPods(podCount));
  for (const subject of ["proxy", "prometheus"])
    await cluster.allowPods({ subject, verbs: ["list", "watch"] });
  proxy = await startProgram({
    env: {
      CIDR_WHITELIST: "10.0.0.0/8,192.0.2.0/24,fd00::/8,2001:db8::/32",
      SD_ANNOTATIONS: ".*",
      WATCH_NAMESPACES: "*",
      KUBERNETES_API_URL: cluster.url,
      K8S_CACERT: cluster.caFile,
      K8S_GLOBAL_TOKEN: "proxy-token",
    },
  });
  const relabel_configs = [{ action: "drop" }];
  prometheus = await startPrometheus({
    version: "3.5",
    config: {
      scrape_configs: [
        {
          job_name: "kubernetes",
          relabel_configs,
          kubernetes_sd_configs: [
            {
              api_server: cluster.url,
              role: "pod",
              authorization: { credentials: "prometheus-token" },
              tls_config: { ca_file: cluster.caFile },
            },
          ],
        },
        ...Object.entries(queries).map(([job, query]) => ({
          job_name: job,
          relabel_configs,
          http_sd_configs: [{ url: `${proxy.origin}/sd?${query}`, refresh_interval: "1s" }],
        })),
      ],
    },
  });
}, 180_000);

afterAll(async () => {
  await prometheus?.stop();
  proxy?.kill("SIGTERM");
  await proxy?.exit;
  await cluster?.stop();
});

async function createPods(pods: readonly VariedPod[]): Promise<void> {
  const queue = pods.values();
  const work = async () => {
    for (const { namespace, name, object, status } of queue) {
      await cluster.request("POST", `/api/v1/namespaces/${namespace}/pods`, object);
      await cluster.request("PATCH", `/api/v1/namespaces/${namespace}/pods/${name}/status`, status, patch);
    }
  };
  await Promise.all(Array.from({ length: 24 }, work));
}

/** By job. */
async function discovered(): Promise<ReadonlyMap<string, readonly Labels[]>> {
  const { droppedTargets } = await prometheus.get<{
    droppedTargets: { scrapePool: string; discoveredLabels: Labels }[];
  }>("targets", { state: "dropped" });
  const byJob = Map.groupBy(droppedTargets, ({ scrapePool }) => scrapePool);
  return new Map(
    Array.from(byJob, ([job, targets]) => [job, targets.map(({ discoveredLabels }) => discoveredLabels)]),
  );
}

/** Waits until Prometheus has both lists as the pods are now. */
async function compareAll(): Promise<ReadonlyMap<string, Comparison>> {
  const { items: pods } = await cluster.request<{ items: StoredPod[] }>("GET", "/api/v1/pods");
  let missing: readonly string[] = [];
  const jobs = await prometheus
    .waitFor(
      "both lists",
      async () => {
        const byJob = await discovered();
        const theirs = byJob.get("kubernetes") ?? [];
        missing = Object.keys(queries).flatMap((job) =>
          findMissing(pods, {
            ours: byJob.get(job) ?? [],
            theirs,
            ports: job === "numbers" ? variedTcpPorts : [],
          }).map((problem) => `${job}: ${problem}`),
        );
        return missing.length === 0 && byJob;
      },
      30_000,
    )
    .catch((error: unknown) => {
      throw new Error(`${missing.length} are missing:\n${missing.slice(0, 20).join("\n")}`, { cause: error });
    });
  const theirs = jobs.get("kubernetes")!;
  return new Map(
    Object.keys(queries).map((job) => [job, compareTargets(pods, { ours: jobs.get(job) ?? [], theirs })]),
  );
}

function expectAgreement(comparisons: ReadonlyMap<string, Comparison>): void {
  for (const [job, { differences }] of comparisons) expect(differences.slice(0, 20), job).toEqual([]);
  expect(comparisons.get("numbers")!.declared).toBeGreaterThan(200);
  expect(comparisons.get("numbers")!.undeclared).toBeGreaterThan(500);
  expect(comparisons.get("names")!.declared).toBeGreaterThan(100);
  expect(comparisons.get("annotations")!.declared).toBeGreaterThan(50);
  expect(comparisons.get("mesh")!.declared).toBeGreaterThan(5);
  expect(comparisons.get("numbers")!.labels).toBeGreaterThan(20_000);
}

test("every pod that both list has the same labels", async () => {
  expectAgreement(await compareAll());
  const byJob = await discovered();
  const ofMesh = byJob
    .get("mesh")!
    .filter((labels) => "__meta_kubernetes_pod_container_port_number" in labels);
  expect(ofMesh.every((labels) => labels["__meta_kubernetes_pod_container_name"] === "0-mesh")).toBe(true);
  const listed = byJob.get("numbers")!;
  const values = (name: string) => new Set(listed.map((labels) => labels[`__meta_kubernetes_${name}`]));
  expect(values("namespace").size).toBe(variedNamespaces.length);
  expect(values("pod_ready")).toEqual(new Set(["true", "false", "unknown"]));
  expect(values("pod_controller_kind").size).toBe(7);
  expect(values("pod_container_name").size).toBe(4);
  expect(values("pod_container_port_number").size).toBe(1 + variedTcpPorts.length);
  expect(
    values("pod_ip")
      .values()
      .some((ip) => ip?.includes(":")),
  ).toBe(true);
  expect(values("pod_node_name")).toContain(undefined);
});

test("and still has them after changes", async () => {
  const { items } = await cluster.request<{ items: (StoredPod & { metadata: { namespace: string } })[] }>(
    "GET",
    "/api/v1/pods",
  );
  for (const [index, { metadata, status }] of items.entries()) {
    const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
    const change = (part: object, subresource = "") =>
      cluster.request("PATCH", `${path}${subresource}`, part, patch);
    switch (index % 8) {
      case 0:
        await change({ metadata: { labels: { generation: "2", app: null, "new.example/key": "" } } });
        break;
      case 1:
        await change({
          metadata: { annotations: { quotes: null, later: '"é\n' }, labels: { generation: "2" } },
        });
        break;
      case 2: {
        const isReady = status.conditions?.some((each) => each.type === "Ready" && each.status === "True");
        const conditions = [{ type: "Ready", status: isReady === true ? "False" : "True" }];
        await change({ status: { conditions } }, "/status");
        break;
      }
      case 3: {
        const ip = `10.200.${index >> 8}.${index & 255}`;
        await change({ status: { podIP: ip, podIPs: [{ ip }] } }, "/status");
        break;
      }
      case 4:
        await change({ status: { phase: status.phase === "Running" ? "Succeeded" : "Running" } }, "/status");
        break;
      case 5:
        if (index % 3 === 0) await cluster.deletePod(metadata.namespace, metadata.name);
        break;
      case 6:
        // It stays, and only has a time by which it has to be gone.
        if (index % 3 === 0) await cluster.request("DELETE", `${path}?gracePeriodSeconds=600`);
        break;
    }
  }
  await createPods(createVariedPods(podCount + 20).slice(podCount));
  expectAgreement(await compareAll());
});
