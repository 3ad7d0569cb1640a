/**
 * Two teams share one proxy, and RBAC of a real API server is the policy, granted as docs/callers.md says: each sees its own pods in
 * all three ways and is refused the other's. Then tokens are revoked, and the API server goes away.
 */
import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { type RunningApp, startApp } from "../support/http/start-app.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";

const cacheMs = 2_000;
/** For which the API server itself remembers whose a token is. */
const apiServerCacheMs = 10_000;

let cluster: Cluster;
let pods: FakePods;
let proxy: RunningApp;
let prometheus: PrometheusServer;
const tokens = { a: "", b: "", all: "", stranger: "" };
let proxyToken: string;

beforeAll(async () => {
  [cluster, pods] = await Promise.all([
    startCluster(),
    FakePods.start(
      ["web-a", "web-b", "host"].map((name) => ({
        name,
        http: answers(`${name.replace("-", "_")}_info 1\n`),
      })),
    ),
  ]);
  for (const name of ["monitoring", "team-a", "team-b"]) await cluster.createNamespace(name);
  const annotations = { "prometheus.io/port": String(pods.port) };
  const pod = (namespace: string, name: string, address: string) => ({
    namespace,
    name,
    ip: pods.get(address).ip,
    annotations,
  });
  await cluster.createPods([
    pod("team-a", "web-a", "web-a"),
    pod("team-b", "web-b", "web-b"),
    // Both on the host's network.
    pod("team-a", "host-a", "host"),
    pod("team-b", "host-b", "host"),
  ]);
  proxyToken = await cluster.createServiceAccountToken("monitoring", "k8s-prometheus-proxy");
  tokens.a = await cluster.createServiceAccountToken("team-a", "prometheus");
  tokens.b = await cluster.createServiceAccountToken("team-b", "prometheus");
  tokens.all = await cluster.createServiceAccountToken("monitoring", "prometheus");
  tokens.stranger = await cluster.createServiceAccountToken("team-a", "default");
  const manual = await readFile(new URL("../../docs/callers.md", import.meta.url), "utf8");
  const [, ofProxy, ofTeam] = [...manual.matchAll(/```yaml\n(.*?)```/gsu)].map(([, yaml]) => yaml!);
  await cluster.kubectl(["apply", "-f", "-"], { input: ofProxy! });
  await cluster.kubectl(["apply", "-f", "-"], { input: ofTeam! });
  await cluster.kubectl(["apply", "-f", "-"], { input: ofTeam!.replaceAll("team-a", "team-b") });
  const all = ["create", "clusterrole", "scrape-all", "--verb=get", "--resource=pods/metrics"];
  await cluster.kubectl(all);
  await cluster.kubectl([
    "create",
    "clusterrolebinding",
    "scrape-all",
    "--clusterrole=scrape-all",
    "--serviceaccount=monitoring:prometheus",
  ]);
  await cluster.allowPods({
    subject: { serviceAccount: "k8s-prometheus-proxy", namespace: "monitoring" },
    verbs: ["list", "watch"],
  });
  proxy = await start();
  await until(async () => (await get("/sd", tokens.all)).status === 200);
}, 180_000);

afterAll(async () => {
  await prometheus?.stop();
  await proxy?.stop();
  await Promise.all([cluster?.stop(), pods?.stop()]);
});

const start = (env: Record<string, string> = {}) =>
  startApp({
    KUBERNETES_SERVICE_HOST: cluster.host,
    KUBERNETES_SERVICE_PORT: String(cluster.port),
    K8S_CACERT: cluster.caFile,
    K8S_GLOBAL_TOKEN: proxyToken,
    WATCH_NAMESPACES: "*",
    KUBERNETES_AUTH: "true",
    KUBERNETES_AUTH_CACHE: `${cacheMs}ms`,
    ...env,
  });

async function until(condition: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`Cannot go on: not within ${withinMs} ms`);
    await delay(100);
  }
}

const get = (target: string, token?: string, { origin } = proxy) =>
  request(origin, target, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
const status = async (target: string, token?: string) => (await get(target, token)).status;
const merge = (namespace: string, prefix = "web-") =>
  `/mproxy/${namespace}/${prefix}/metrics?port=${pods.port}`;
const pass = (ip: string) => `/kubesd/metrics?pod=${ip}&target_port=${pods.port}`;
const ipOf = (name: string) => pods.get(name).ip;
async function listed(target: string, token: string): Promise<string[]> {
  const { text } = await get(target, token);
  return (JSON.parse(text) as { labels: Record<string, string> }[])
    .map(({ labels }) => labels["podname"]!)
    .sort();
}

test("each team sees its own pods, and is refused the other's, in all three ways", async () => {
  for (const [own, other] of [
    ["a", "b"],
    ["b", "a"],
  ] as const) {
    const token = tokens[own];
    expect(await status(merge(`team-${own}`), token)).toBe(200);
    expect(await status(pass(ipOf(`web-${own}`)), token)).toBe(200);
    expect(await listed(`/sd?namespace=team-${own}`, token)).toEqual([`web-${own}`]);
    expect(await listed("/sd", token)).toEqual([`web-${own}`]);
    const before = pods.accepted;
    for (const target of [
      merge(`team-${other}`),
      merge(`team-${own},team-${other}`),
      merge("*"),
      `/sd?namespace=team-${other}`,
      "/sd?namespace=*",
      pass(ipOf(`web-${other}`)),
    ]) {
      expect(await status(target, token), target).toBe(403);
    }
    expect(pods.accepted).toBe(before);
  }
});

test("who may see the whole cluster sees it, with * as well", async () => {
  for (const target of [merge("*"), merge("team-a,team-b"), pass(ipOf("web-a")), pass(ipOf("host"))]) {
    expect(await status(target, tokens.all), target).toBe(200);
  }
  // Of two pods that claim one port of an address, the first has it.
  const everything = ["host-a", "web-a", "web-b"];
  expect(await listed("/sd", tokens.all)).toEqual(everything);
  expect(await listed("/sd?namespace=*", tokens.all)).toEqual(everything);
});

test("an address that pods of two teams have is for those who may see both", async () => {
  const { status: refused } = await get(pass(ipOf("host")), tokens.a);
  expect(refused).toBe(403);
  const merged = await get(merge("team-a", "host-"), tokens.a);
  expect([merged.status, merged.text]).toEqual([502, "Cannot scrape the pod: not_allowed 1\n"]);
  const both = await get(merge("team-a", "-") + "&selector=!x", tokens.a);
  expect(both.status).toBe(200);
  expect(both.text).toContain('reason="not_allowed"');
  expect(both.text).not.toContain("host_info");
});

test("another team's pod and one that does not exist are refused in the same words", async () => {
  const [others, nobodys] = [ipOf("web-b"), "127.20.200.1"];
  const texts = await Promise.all([others, nobodys].map(async (ip) => (await get(pass(ip), tokens.a)).text));
  expect(texts[0]!.replace(others, "IP")).toBe(texts[1]!.replace(nobodys, "IP"));
});

test("strangers get 401, accounts without a Role 403, and no one a word more", async () => {
  for (const target of [merge("team-a"), pass(ipOf("web-a")), "/sd", "/nothing"]) {
    for (const token of [undefined, "made-up", `${tokens.a}x`]) {
      const { status: refused, headers } = await get(target, token);
      expect([refused, headers["www-authenticate"]]).toEqual([401, 'Bearer realm="k8s-prometheus-proxy"']);
    }
    if (target !== "/nothing") expect(await status(target, tokens.stranger), target).toBe(403);
  }
  expect(await status("/", undefined)).toBe(200);
});

test("a token for other audiences opens nothing, one for the proxy's does", async () => {
  const audience = "https://proxy.example";
  const { status: made } = await cluster.request<{ status: { token: string } }>(
    "POST",
    "/api/v1/namespaces/team-a/serviceaccounts/prometheus/token",
    { spec: { audiences: [audience], expirationSeconds: 3600 } },
  );
  const bound = await start({ KUBERNETES_AUTH_AUDIENCES: audience });
  try {
    const statuses = async (token: string) => [
      (await get(merge("team-a"), token)).status,
      (await get(merge("team-a"), token, bound)).status,
    ];
    await until(async () => (await statuses(made.token))[1] !== 503);
    expect(await statuses(made.token)).toEqual([401, 200]);
    expect(await statuses(tokens.a)).toEqual([200, 401]);
  } finally {
    await bound.stop();
  }
});

test("a real Prometheus with the team's token scrapes the team's pods, and no others", async () => {
  const authorization = { credentials: tokens.a };
  const targets = [`127.0.0.1:${proxy.port}`];
  const params = { port: [String(pods.port)] };
  prometheus = await startPrometheus({
    version: "3.5",
    config: {
      global: { scrape_interval: "1s", scrape_timeout: "1s" },
      scrape_configs: [
        {
          job_name: "found",
          authorization,
          http_sd_configs: [{ url: `${proxy.origin}/sd`, authorization, refresh_interval: "1s" }],
        },
        ...["team-a", "team-b"].map((namespace) => ({
          job_name: namespace,
          authorization,
          metrics_path: `/mproxy/${namespace}/web-/metrics`,
          params,
          static_configs: [{ targets }],
        })),
      ],
    },
  });
  const up = async (job: string) =>
    (await prometheus.query(`up{job="${job}"}`)).map(({ labels, value }) => [labels["podname"], value]);
  await prometheus.waitFor("three jobs", async () => (await prometheus.query("up")).length === 3);
  expect(await up("found")).toEqual([["web-a", "1"]]);
  expect(await up("team-a")).toEqual([[undefined, "1"]]);
  expect(await up("team-b")).toEqual([[undefined, "0"]]);
  const refused = (await prometheus.targets()).find(({ scrapePool }) => scrapePool === "team-b");
  expect(refused!.lastError).toContain("403");
});

test("a scrape costs the API server nothing while what is known of its caller is fresh", async () => {
  await prometheus.stop();
  const counted = async () => (await cluster.requests()).filter(({ verb }) => verb === "create").length;
  await status(merge("team-a"), tokens.a);
  const before = await counted();
  const beganMs = performance.now();
  let scrapes = 0;
  for (; scrapes < 50 && performance.now() - beganMs < cacheMs / 2; scrapes++)
    expect(await status(merge("team-a"), tokens.a)).toBe(200);
  // Each of the two reviews may have become due once.
  expect((await counted()) - before).toBeLessThanOrEqual(2);
  expect(scrapes).toBeGreaterThan(5);
});

test("a Role that is taken away, and an account that is deleted, stop working within the cache time", async () => {
  expect(await status(merge("team-b"), tokens.b)).toBe(200);
  await cluster.kubectl(["delete", "rolebinding", "scrape", "-n", "team-b"]);
  const slack = 3_000;
  await until(async () => (await status(merge("team-b"), tokens.b)) === 403, cacheMs + slack);
  await cluster.deleteServiceAccount("team-b", "prometheus");
  await until(
    async () => (await status(merge("team-b"), tokens.b)) === 401,
    cacheMs + apiServerCacheMs + slack,
  );
});

test.for(["killed", "paused"] as const)(
  "while the API server is %s, who was let in is let in; unknown tokens get 503, and 401 when it is back",
  async (how) => {
    expect(await status(merge("team-a"), tokens.a)).toBe(200);
    if (how === "killed") await cluster.killApiServer();
    else cluster.pauseApiServer();
    await delay(cacheMs);
    const unknown = await get(merge("team-a"), `unknown-${how}`);
    expect([unknown.status, unknown.text]).toEqual([
      503,
      "Cannot authenticate now: the API server gives no review (KUBERNETES_AUTH)\n",
    ]);
    expect(Number(unknown.headers["retry-after"])).toBeGreaterThanOrEqual(1);
    const beganMs = performance.now();
    for (let i = 0; i < 20; i++) expect(await status(merge("team-a"), tokens.a)).toBe(200);
    // Nobody waits 4 s for each of the reviews.
    expect(performance.now() - beganMs).toBeLessThan(20 * 1000);
    expect(await status(merge("team-c"), tokens.a)).toBe(503);
    if (how === "killed") await cluster.startApiServer();
    else cluster.resumeApiServer();
    await until(async () => (await status(merge("team-a"), `unknown-${how}`)) === 401);
    expect(await status(merge("team-a"), tokens.a)).toBe(200);
  },
);

test("the proxy asked the API server for pods and reviews alone, and no token is in its log or metrics", async () => {
  const asked = (await cluster.requests()).map(
    ({ verb, uri }) => `${verb} ${new URL(uri, "http://a").pathname}`,
  );
  expect([...new Set(asked)].sort()).toEqual([
    "create /apis/authentication.k8s.io/v1/tokenreviews",
    "create /apis/authorization.k8s.io/v1/subjectaccessreviews",
    "list /api/v1/pods",
    "watch /api/v1/pods",
  ]);
  const { text } = await request(proxy.metricsOrigin, "/metrics");
  for (const reason of ["no_credentials", "wrong_credentials", "not_permitted", "unavailable"]) {
    expect(text).toMatch(new RegExp(`authentication_failures_total\\{reason="${reason}"\\} [1-9]`, "u"));
  }
  const told = `${text}${JSON.stringify(proxy.log)}`;
  for (const token of [proxyToken, ...Object.values(tokens), "made-up", "unknown-killed"]) {
    expect(told).not.toContain(token);
  }
  const users = proxy.log.filter(({ reason }) => reason === "not_permitted").map(({ caller }) => caller);
  expect(users).toContain("system:serviceaccount:team-a:prometheus");
});
