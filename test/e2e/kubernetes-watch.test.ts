// The watch against a real API server through its worst days: killed, frozen, compacted while away, its tokens replaced. After
// each of them the proxy knows exactly the pods that kubectl sees.
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";

const otherPods = 4990;
const names = Array.from({ length: 10 }, (_, index) => `web-${index}`);

let cluster: Cluster;
let pods: FakePods;
let proxy: StartedProgram;
let tokenFile: string;

beforeAll(async () => {
  [cluster, pods] = await Promise.all([
    startCluster({ tokens: [{ token: "first-token", user: "proxy" }] }),
    FakePods.start(
      [...names, ...Array.from({ length: 6 }, (_, index) => `web-new-${index}`)].map((name) => ({
        name,
        http: answers("answer_info 1\n"),
      })),
    ),
  ]);
  await cluster.createNamespace("team-a");
  await cluster.createPods([
    ...Array.from({ length: otherPods }, (_, index) => ({
      namespace: "team-a",
      name: `other-${index}`,
      ip: `10.${index >> 8}.${index & 255}.1`,
    })),
    ...names.map(podObject),
  ]);
  await cluster.allowPods({ subject: "proxy", verbs: ["list", "watch"] });
  tokenFile = join(cluster.folder, "proxy-token");
  await writeFile(tokenFile, "first-token\n");
  proxy = await startProgram({
    env: {
      KUBERNETES_SERVICE_HOST: cluster.host,
      KUBERNETES_SERVICE_PORT: String(cluster.port),
      K8S_CACERT: cluster.caFile,
      TOKEN_FILE: tokenFile,
      WATCH_NAMESPACES: "team-a",
    },
  });
  await until("readiness", async () => (await request(proxy.metricsOrigin, "/-/ready")).status === 200);
}, 180_000);

afterAll(async () => {
  proxy?.kill("SIGTERM");
  await proxy?.exit;
  await Promise.all([cluster?.stop(), pods?.stop()]);
});

function podObject(name: string) {
  return { namespace: "team-a", name, ip: pods.get(name).ip };
}

async function until(what: string, condition: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > endMs) {
      throw new Error(`Cannot see ${what}: not within ${withinMs} ms\n${proxy.lines.slice(-20).join("\n")}`);
    }
    await delay(50);
  }
}

/** The names of the pods in the answer; a scrape must never fail. */
async function scraped(): Promise<string[]> {
  const answer = await request(proxy.origin, `/mproxy/team-a/web-/metrics?upstreamPort=${pods.port}`);
  if (answer.status !== 200) throw new Error(`Cannot scrape: ${answer.status} ${answer.text}`);
  return [...answer.text.matchAll(/^answer_info\{podname="([^"]+)"/gmu)].map(([, name]) => name!).sort();
}

/** What the cluster itself says. */
async function inCluster(): Promise<string[]> {
  const list = await cluster.kubectl(["get", "pods", "-n", "team-a", "-o", "name"]);
  return [...list.matchAll(/^pod\/(web-.*)$/gmu)].map(([, name]) => name!).sort();
}

async function converges(): Promise<void> {
  const wanted = await inCluster();
  await until(
    "the cluster's pods",
    async () => JSON.stringify(await scraped()) === JSON.stringify(wanted),
    90_000,
  );
}

async function metric(name: string): Promise<number> {
  const { text } = await request(proxy.metricsOrigin, "/metrics");
  const line = text.split("\n").find((line) => line.startsWith(`k8s_prometheus_proxy_${name} `));
  return Number(line?.split(" ").at(-1));
}

/** While `during` runs, scrapes go on, and none of them fails. */
async function whileScraping(during: () => Promise<void>): Promise<void> {
  const over = new AbortController();
  const failed: string[] = [];
  const scraping = (async () => {
    while (!over.signal.aborted) {
      await scraped().catch((error: unknown) => failed.push(String(error)));
      await delay(100);
    }
  })();
  try {
    await during();
  } finally {
    over.abort();
    await scraping;
  }
  expect(failed).toEqual([]);
}

test("10 of 5,000 pods: no list per scrape, whatever their number", async () => {
  expect(await metric('pods{namespace="team-a"}')).toBe(otherPods + names.length);
  for (let i = 0; i < 50; i++) expect(await scraped()).toEqual(names);
  // 5,000 pods are ten pages.
  expect(await metric("list_requests_total")).toBe(10);
  expect(await cluster.apiRequestCount({ user: "proxy", verb: "list" })).toBe(10);
  expect(await cluster.apiRequestCount({ user: "proxy", verb: "watch" })).toBe(1);
  expect(await metric("pod_list_age_seconds")).toBe(0);
});

test("the API server is killed and comes back: nothing fails meanwhile, and one list tells what happened", async () => {
  await whileScraping(async () => {
    await cluster.killApiServer();
    await until("the age of the list", async () => (await metric("pod_list_age_seconds")) > 1);
    expect(await scraped()).toEqual(names);
    await cluster.startApiServer();
    await cluster.deletePod("team-a", "web-0");
    await cluster.createPod(podObject("web-new-0"));
    await converges();
  });
  // A server that began anew has no events from before: one list, if any, of ten pages.
  expect(await metric("list_requests_total")).toBeLessThanOrEqual(20);
  await until("an open watch", async () => (await metric("pod_list_age_seconds")) === 0);
}, 120_000);

test("etcd is compacted while the proxy is away: the pods are listed again, none is lost and none stays", async () => {
  const lists = await metric("list_requests_total");
  // What happens now, its watch cannot tell it: it stands still.
  proxy.kill("SIGSTOP");
  try {
    await cluster.killApiServer();
    await cluster.startApiServer();
    await cluster.deletePod("team-a", "web-1");
    await cluster.createPod(podObject("web-new-1"));
    // The same name, another pod.
    await cluster.deletePod("team-a", "web-2");
    await cluster.createPod(podObject("web-2"));
    await cluster.compact();
    // The API server's own cache begins anew, too.
    await cluster.killApiServer();
    await cluster.startApiServer();
  } finally {
    proxy.kill("SIGCONT");
  }
  await whileScraping(() => converges());
  expect(await metric('watch_restarts_total{reason="expired"}')).toBe(1);
  await until("the list", async () => (await metric("list_requests_total")) === lists + 10);
  await until("an open watch", async () => (await metric("pod_list_age_seconds")) === 0);
}, 180_000);

test("the token is replaced and the old one revoked: no scrape notices", async () => {
  await whileScraping(async () => {
    await cluster.setTokens([{ token: "second-token", user: "proxy" }]);
    // As Kubernetes replaces it: all at once.
    await writeFile(`${tokenFile}.next`, "K8S_GLOBAL_TOKEN=second-token\n");
    await rename(`${tokenFile}.next`, tokenFile);
    await cluster.killApiServer();
    await cluster.startApiServer();
    await cluster.deletePod("team-a", "web-3");
    await cluster.createPod(podObject("web-new-2"));
    await converges();
  });
}, 120_000);

test("the token is revoked first and replaced later: known pods serve, and the new token is found", async () => {
  await whileScraping(async () => {
    await cluster.setTokens([{ token: "third-token", user: "proxy" }]);
    await cluster.killApiServer();
    await cluster.startApiServer();
    await until("a refusal", async () => (await metric('watch_restarts_total{reason="refused"}')) >= 1);
    await writeFile(tokenFile, "third-token");
    await cluster.deletePod("team-a", "web-4");
    await cluster.createPod(podObject("web-new-3"));
    await converges();
  });
  const { text } = await request(proxy.metricsOrigin, "/metrics");
  const said = [...proxy.lines, proxy.stderr(), text].join("\n");
  expect(said).not.toMatch(/first-token|second-token|third-token/);
}, 120_000);
