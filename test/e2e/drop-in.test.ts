// Somebody who ran the original swaps the program and keeps everything else: the two jobs of its manual, word by word, with a
// real API server and real Prometheus servers, and the account's old rights.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";
import { kubernetesToolPath } from "../support/tool-paths.ts";

const tokens = [
  { token: "proxy-token", user: "proxy" },
  { token: "prometheus-token", user: "prometheus" },
];
const names = Array.from({ length: 10 }, (_, index) => `apple-${index}`);

let cluster: Cluster;
let pods: FakePods;
let proxy: StartedProgram;
let current: PrometheusServer;
let old: PrometheusServer;

const podObject = (name: string) => ({
  namespace: "project1",
  name,
  ip: pods.get(name).ip,
  labels: { app: "apple" },
  containerPorts: [{ name: "metrics", containerPort: pods.port }],
});

beforeAll(async () => {
  [cluster, pods] = await Promise.all([
    startCluster({ tokens }),
    FakePods.start(
      [...names, "apple-late", "pear-0"].map((name) => ({
        name,
        http: answers(`# TYPE fruit_info gauge\nfruit_info{fruit="${name}"} 1\nrequests_total 5\n`),
      })),
    ),
  ]);
  await cluster.createNamespace("project1");
  await cluster.createPods([...names, "pear-0"].map(podObject));
  await cluster.allowPods({ subject: "proxy", verbs: ["list", "watch"], namespace: "project1" });
  await cluster.allowPods({ subject: "prometheus", verbs: ["get", "list", "watch"], namespace: "project1" });
  proxy = await startProgram({
    env: {
      METRICS_PATH_WHITELIST: "/ctxt/metrics",
      KUBERNETES_SERVICE_HOST: cluster.host,
      KUBERNETES_SERVICE_PORT: String(cluster.port),
      K8S_CACERT: cluster.caFile,
      K8S_GLOBAL_TOKEN: "proxy-token",
    },
  });
  const address = `127.0.0.1:${proxy.port}`;
  const allPods = {
    job_name: "example-job",
    params: { upstreamPort: [String(pods.port)], ssl: ["false"] },
    metrics_path: "/mproxy/project1/apple/ctxt/metrics",
    scheme: "http",
    static_configs: [{ targets: [address] }],
  };
  const discovered = {
    job_name: "kubesd",
    scheme: "http",
    params: { target_scheme: ["http"], target_port: [String(pods.port)] },
    metrics_path: "/kubesd/ctxt/metrics",
    kubernetes_sd_configs: [
      {
        api_server: cluster.url,
        role: "pod",
        authorization: { credentials: "prometheus-token" },
        namespaces: { names: ["project1"] },
        tls_config: { insecure_skip_verify: true },
      },
    ],
    relabel_configs: [
      { source_labels: ["__meta_kubernetes_pod_ip"], target_label: "__param_pod" },
      { source_labels: ["__meta_kubernetes_pod_name"], target_label: "podname" },
      { source_labels: ["__meta_kubernetes_pod_ip"], target_label: "podip" },
      { target_label: "__address__", replacement: address },
      { source_labels: ["__meta_kubernetes_pod_name"], target_label: "instance" },
      { source_labels: ["__meta_kubernetes_pod_name"], regex: ".*apple.*", action: "keep" },
    ],
  };
  const global = { scrape_interval: "1s", scrape_timeout: "1s" };
  [current, old] = await Promise.all([
    startPrometheus({ version: "3.5", config: { global, scrape_configs: [allPods, discovered] } }),
    startPrometheus({ version: "2.42", config: { global, scrape_configs: [allPods] } }),
  ]);
}, 120_000);

afterAll(async () => {
  await Promise.all([current?.stop(), old?.stop()]);
  proxy?.kill("SIGTERM");
  await proxy?.exit;
  await Promise.all([cluster?.stop(), pods?.stop()]);
});

/** `podname podip` of every series of a query, sorted. */
async function podsIn(server: PrometheusServer, query: string): Promise<string[]> {
  const samples = await server.query(query);
  return samples.map(({ labels }) => `${labels["podname"]} ${labels["podip"]}`).sort();
}

const expected = (list: readonly string[]) => list.map((name) => `${name} ${pods.get(name).ip}`).sort();

async function mproxy(): Promise<string> {
  const answer = await request(
    proxy.origin,
    `/mproxy/project1/apple/ctxt/metrics?upstreamPort=${pods.port}&ssl=false`,
  );
  expect(answer.status).toBe(200);
  return answer.text;
}

/** Milliseconds until the proxy's answer shows it. */
async function shown(condition: (text: string) => boolean): Promise<number> {
  const beganMs = performance.now();
  while (!condition(await mproxy())) {
    if (performance.now() - beganMs > 5000)
      throw new Error("Cannot see the change in the answer: not within 5 s");
    await delay(10);
  }
  return performance.now() - beganMs;
}

describe("the manual's job for all pods", () => {
  for (const version of ["3.5", "2.42"] as const) {
    test(`is up in Prometheus ${version}, with every pod under its name and address`, async () => {
      const server = version === "3.5" ? current : old;
      await server.waitFor(
        "all pods",
        async () => (await podsIn(server, 'fruit_info{job="example-job"}')).length === 10,
      );
      expect((await server.query('up{job="example-job"}')).map(({ value }) => value)).toEqual(["1"]);
      expect(await podsIn(server, 'fruit_info{job="example-job"}')).toEqual(expected(names));
      expect(await podsIn(server, 'k8s_prometheus_proxy_pod_up{job="example-job"} == 1')).toEqual(
        expected(names),
      );
      const fruits = await server.query('fruit_info{job="example-job"}');
      expect(fruits.every(({ labels }) => labels["fruit"] === labels["podname"])).toBe(true);
    });
  }
});

describe("the manual's job with service discovery", () => {
  test("is up for every pod, with the labels of its relabel rules", async () => {
    await current.waitFor(
      "all pods",
      async () => (await podsIn(current, 'fruit_info{job="kubesd"}')).length === 10,
    );
    const targets = (await current.targets()).filter(({ scrapePool }) => scrapePool === "kubesd");
    expect(targets.map(({ health, lastError }) => ({ health, lastError }))).toEqual(
      names.map(() => ({ health: "up", lastError: "" })),
    );
    expect(
      (await current.query('up{job="kubesd"} == 1')).map(({ labels }) => labels["instance"]!).sort(),
    ).toEqual(names);
    expect(await podsIn(current, 'fruit_info{job="kubesd"}')).toEqual(expected(names));
  });
});

test("a pod that is created, and one that is deleted, shows in the proxy's answer within a second", async () => {
  await mproxy();
  await cluster.createPod(podObject("apple-late"));
  expect(await shown((text) => text.includes('podname="apple-late"'))).toBeLessThan(1000);
  await cluster.deletePod("project1", "apple-late");
  expect(await shown((text) => !text.includes("apple-late"))).toBeLessThan(1000);
});

test("the API server paid for one list and one watch, however often Prometheus scraped", async () => {
  for (let i = 0; i < 20; i++) await mproxy();
  expect(await cluster.apiRequestCount({ user: "proxy", verb: "list" })).toBe(1);
  expect(await cluster.apiRequestCount({ user: "proxy", verb: "watch" })).toBe(1);
  expect(await cluster.apiRequestCount({ user: "proxy" })).toBe(2);
});

test("the original's account, which may list but not watch, is enough", async () => {
  await using other = await startCluster({ tokens });
  await other.createNamespace("project1");
  await other.createPods(names.map(podObject));
  await other.allowPods({ subject: "proxy", verbs: ["get", "list"], namespace: "project1" });
  const program = await startProgram({
    env: {
      METRICS_PATH_WHITELIST: "/ctxt/metrics",
      KUBERNETES_API_URL: other.url,
      K8S_CACERT: other.caFile,
      K8S_GLOBAL_TOKEN: "proxy-token",
    },
  });
  try {
    const path = `/mproxy/project1/apple/ctxt/metrics?upstreamPort=${pods.port}`;
    const scrape = async () => {
      const { status, text } = await request(program.origin, path);
      return { status, pods: text.match(/^fruit_info\{/gmu)?.length ?? 0 };
    };
    const many = await Promise.all(Array.from({ length: 10 }, scrape));
    expect(many).toEqual(Array.from({ length: 10 }, () => ({ status: 200, pods: 10 })));
    expect(await other.apiRequestCount({ user: "proxy", verb: "list" })).toBe(1);
    await other.deletePod("project1", "apple-3");
    await delay(5100);
    expect(await scrape()).toEqual({ status: 200, pods: 9 });
    expect(await other.apiRequestCount({ user: "proxy", verb: "list" })).toBe(2);
    const said = program.lines.filter((line) => line.includes("may list pods, but not watch"));
    expect(said).toHaveLength(1);
  } finally {
    program.kill("SIGTERM");
    await program.exit;
  }
}, 60_000);

test("KUBERNETES_API_URL takes the API from `kubectl proxy`, without a token", async () => {
  const kubectl = spawn(kubernetesToolPath("kubectl"), ["proxy", "--port=0"], {
    env: { KUBECONFIG: cluster.kubeconfigFile, HOME: cluster.folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let program: StartedProgram | undefined;
  try {
    const [line] = (await once(createInterface(kubectl.stdout), "line")) as [string];
    program = await startProgram({
      env: {
        METRICS_PATH_WHITELIST: "/ctxt/metrics",
        KUBERNETES_API_URL: `http://${/127\.0\.0\.1:\d+/u.exec(line)![0]}`,
        TOKEN_FILE: "/nonexistent",
      },
    });
    const path = `/mproxy/project1/apple/ctxt/metrics?upstreamPort=${pods.port}`;
    const { status, text } = await request(program.origin, path);
    expect([status, text.match(/^fruit_info\{/gmu)?.length]).toEqual([200, 10]);
  } finally {
    program?.kill("SIGTERM");
    kubectl.kill("SIGKILL");
    await Promise.all([program?.exit, once(kubectl, "exit")]);
  }
}, 30_000);
