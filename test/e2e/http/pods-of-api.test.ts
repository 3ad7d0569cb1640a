// What callers see of the Kubernetes API's state: which scrapes wait, which are refused and with which words, and readiness.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";
import { forbidden } from "../../support/kubernetes/api-status.ts";
import { FakeKubernetesApi } from "../../support/kubernetes/fake-api.ts";
import { smallPod } from "../../support/kubernetes/pod-objects.ts";
import { until } from "../../support/scrape/until.ts";

let pods: FakePods;
let api: FakeKubernetesApi;
const apps: RunningApp[] = [];

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "web-1", http: answers("demo_info 1\n") },
    { name: "gone", http: answers("demo_info 1\n") },
  ]);
});
afterAll(() => pods.stop());
beforeEach(async () => {
  api = new FakeKubernetesApi();
  await api.start();
  api.createPod(smallPod({ namespace: "team-a", name: "web-1", ip: pods.get("web-1").ip }));
  api.createPod(smallPod({ namespace: "team-b", name: "web-1", ip: pods.get("gone").ip }));
});
afterEach(async () => {
  await Promise.all(apps.splice(0).map((app) => app.stop()));
  await api.stop();
});

async function start(env: Record<string, string> = {}): Promise<RunningApp> {
  const app = await startApp({ KUBERNETES_API_URL: api.url, ...env });
  apps.push(app);
  return app;
}

const scrape = ({ origin }: RunningApp, namespace: string, timeout = "5") =>
  request(origin, `/mproxy/${namespace}/web-/metrics?upstreamPort=${pods.port}`, {
    headers: { "x-prometheus-scrape-timeout-seconds": timeout },
  });
const passThrough = ({ origin }: RunningApp, ip: string) =>
  request(origin, `/kubesd/metrics?pod=${ip}&target_port=${pods.port}`);
const ready = async ({ metricsOrigin }: RunningApp) => {
  const { status, text } = await request(metricsOrigin, "/-/ready");
  return `${status} ${text.trim()}`;
};

test("a scrape waits for the first list of its namespace, within its deadline, and takes no other's place meanwhile", async () => {
  const app = await start({ MAX_CONCURRENT_SCRAPES: "1" });
  expect((await scrape(app, "team-a")).status).toBe(200);
  const silence = api.inject({ kind: "silence" }, { verb: "list", namespace: "team-b" });
  const beganMs = performance.now();
  const waiting = scrape(app, "team-b", "2");
  await until(() => silence.hits === 1);
  expect((await scrape(app, "team-a")).status).toBe(200);
  const { status, text, headers } = await waiting;
  expect([status, text]).toEqual([503, 'Cannot scrape: the pods of namespace "team-b" are not known yet\n']);
  expect(Number(headers["retry-after"])).toBeGreaterThanOrEqual(1);
  expect(performance.now() - beganMs).toBeLessThan(2000);
});

test("a namespace that the account may not list is a 503 that says so, and the others are served", async () => {
  api.fail(forbidden({ user: "u", verb: "list", namespace: "team-b" }), { namespace: "team-b" });
  const app = await start();
  const { status, text } = await scrape(app, "team-b");
  expect([status, text]).toEqual([
    503,
    'Cannot scrape: the pods of namespace "team-b" are not known yet: the proxy\'s account may not list them\n',
  ]);
  expect((await scrape(app, "team-a")).status).toBe(200);
  expect(await ready(app)).toBe("200 The proxy is ready: it knows 1 pods");
});

test("a namespace outside WATCH_NAMESPACES is refused, and nothing is asked", async () => {
  const app = await start({ WATCH_NAMESPACES: "team-a" });
  const { status, text } = await scrape(app, "team-b");
  expect([status, text]).toEqual([403, 'Cannot scrape namespace "team-b": not in WATCH_NAMESPACES\n']);
  expect((await scrape(app, "team-a")).status).toBe(200);
  expect(new Set(api.requests.map(({ namespace }) => namespace))).toEqual(new Set(["team-a"]));
});

test("with WATCH_NAMESPACES it is not ready before they are listed; scrapes are 503 until then", async () => {
  const fault = api.fail({ status: 500, headers: {}, body: "" }, { verb: "list" });
  const app = await start({ WATCH_NAMESPACES: "*" });
  await until(() => fault.hits > 0);
  expect(await ready(app)).toBe(
    "503 The proxy is not ready: the pods are not known yet: the API server refuses to list them",
  );
  expect((await scrape(app, "team-a")).status).toBe(503);
  fault.remove();
  await until(() => api.watches.size === 1, 5000);
  expect(await ready(app)).toBe("200 The proxy is ready: it knows 2 pods");
  expect((await scrape(app, "team-b")).status).toBe(200);
});

test("KUBESD_REQUIRE_POD: only addresses of known pods, and none before the pods are known", async () => {
  const silence = api.inject({ kind: "silence" }, { verb: "list", times: 1 });
  const app = await start({
    KUBESD_REQUIRE_POD: "true",
    WATCH_NAMESPACES: "team-a",
    SCRAPE_TIMEOUT: "300ms",
  });
  const ip = pods.get("web-1").ip;
  expect((await passThrough(app, ip)).status).toBe(503);
  expect(silence.hits).toBe(1);

  const other = await start({ KUBESD_REQUIRE_POD: "true", NAMESPACE_WHITELIST: "team-a" });
  expect((await passThrough(other, ip)).status).toBe(200);
  const { status, text } = await passThrough(other, pods.get("gone").ip);
  expect([status, text]).toEqual([403, expect.stringContaining("KUBESD_REQUIRE_POD")]);
  api.deletePod("team-a", "web-1");
  let last = 200;
  for (let i = 0; i < 100 && last === 200; i++) last = (await passThrough(other, ip)).status;
  expect(last).toBe(403);
});

test("KUBESD_REQUIRE_POD: a namespace that cannot be listed costs the pods of the others nothing", async () => {
  const fault = api.fail(forbidden({ user: "u", verb: "list", namespace: "team-b" }), {
    namespace: "team-b",
  });
  const app = await start({ KUBESD_REQUIRE_POD: "true", WATCH_NAMESPACES: "team-a,team-b" });
  expect((await scrape(app, "team-a")).status).toBe(200);
  expect((await passThrough(app, pods.get("web-1").ip)).status).toBe(200);
  // It may be a pod of team-b: it is one.
  const { status, text } = await passThrough(app, pods.get("gone").ip);
  expect([status, text]).toEqual([503, expect.stringContaining('namespace "team-b" are not known yet')]);
  fault.remove();
  let last = 503;
  await until(() => api.watches.size === 2, 10_000);
  for (let i = 0; i < 100 && last === 503; i++) last = (await passThrough(app, pods.get("gone").ip)).status;
  expect(last).toBe(200);
});

test("while the API server is away the last known pods serve until MAX_POD_LIST_AGE; the age is told, readiness stays", async () => {
  const app = await start({ MAX_POD_LIST_AGE: "1500ms" });
  expect((await scrape(app, "team-a")).status).toBe(200);
  await until(() => api.watches.size === 1);
  const age = async () => {
    const { text } = await request(app.metricsOrigin, "/metrics");
    return Number(/^k8s_prometheus_proxy_pod_list_age_seconds (\S+)$/mu.exec(text)?.[1]);
  };
  expect(await age()).toBe(0);
  await api.stop();
  expect((await scrape(app, "team-a")).status).toBe(200);
  const endMs = performance.now() + 5000;
  let answer = await scrape(app, "team-a");
  while (answer.status === 200 && performance.now() < endMs) answer = await scrape(app, "team-a");
  expect([answer.status, answer.text]).toEqual([
    503,
    'Cannot scrape: the pods of namespace "team-a" were last known 2 s ago, longer than MAX_POD_LIST_AGE: the API server ' +
      "cannot be reached\n",
  ]);
  expect(await age()).toBeGreaterThan(1.5);
  expect(await ready(app)).toMatch(/^200 The proxy is ready: it knows 1 pods, as they were \d+ s ago$/);
  await api.start();
  await until(() => api.watches.size === 1, 10_000);
  expect((await scrape(app, "team-a")).status).toBe(200);
});
