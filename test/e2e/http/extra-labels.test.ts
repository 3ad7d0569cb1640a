// EXTRA_LABELS against real pods: what stands on each sample, in which order, and what becomes of a pod's own labels.
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

let pods: FakePods;
const apps: RunningApp[] = [];

beforeAll(async () => {
  pods = await FakePods.start([
    {
      name: "app-a",
      http: answers('plain 1\nown{container="x",tier="y"} 2\nown{app_kubernetes_io_name="z",x="y"} 3\n'),
      labels: { "app.kubernetes.io/name": "web", tier: "front" },
      ports: { metrics: 0 },
      moreContainers: { mesh: 1 },
    },
    { name: "app-b", http: answers('own{container="x",tier="y"} 4\n'), labels: { tier: "" } },
    { name: "app-c", http: answers("plain 5\n"), labels: { tier: 'a"b\\c' }, moreContainers: { mesh: 1 } },
    { name: "down-d", http: (_request, response) => response.destroy(), labels: { tier: "back" } },
  ]);
});
afterAll(async () => {
  for (const app of apps) await app.stop();
  await pods.stop();
});

const extraLabels = "namespace,container,label:app.kubernetes.io/name,label:tier,node";

async function scrape(prefix: string, env: Record<string, string> = {}, query = ""): Promise<string> {
  const app = await startApp({ PODS_FILE: pods.file, EXTRA_LABELS: extraLabels, ...env });
  apps.push(app);
  const answer = await request(
    app.origin,
    `/mproxy/team-a/${prefix}/metrics?upstreamPort=${pods.port}${query}`,
  );
  expect(answer.status).toBe(200);
  return answer.text;
}
const base = (name: string) => `podname="${name}",podip="${pods.get(name).ip}",namespace="team-a"`;
const ofA = () => `${base("app-a")},container="main",app_kubernetes_io_name="web",tier="front",node="node-1"`;

test("EXTRA_LABELS come behind podname and podip, in their order, on samples and on the status families", async () => {
  const text = await scrape("app-");
  expect(text).toContain(`\nplain{${ofA()}} 1\n`);
  expect(text).toContain(`\nk8s_prometheus_proxy_pod_up{${ofA()}} 1\n`);
  // Two containers, none of which declares the port; and a value that has to be escaped.
  expect(text).toContain(`\nplain{${base("app-c")},tier="a\\"b\\\\c",node="node-1"} 5\n`);
});

test("EXTRA_LABELS stand on the failures of a pod too", async () => {
  const labels = `${base("down-d")},container="main",tier="back",node="node-1"`;
  const text = await scrape("-", {}, "&selector=tier");
  expect(text).toContain(`\nk8s_prometheus_proxy_pod_scrape_failure{${labels},reason="connect"} 1\n`);
});

test("EXTRA_LABELS give each port its container, and the pod none where its ports differ", async () => {
  const text = await scrape("app-a", {}, "&upstreamPort=1");
  const { ip } = pods.get("app-a");
  const withPort = ofA().replace(`podip="${ip}"`, `podip="${ip}",port="${pods.port}"`);
  expect(text).toContain(`\nplain{${withPort}} 1\n`);
  const common = ofA().replace(',container="main"', "");
  const samples = samplesOf(text);
  expect(samples.get(`k8s_prometheus_proxy_pod_up{${common}}`)).toBe("0");
  expect(samples.get(`k8s_prometheus_proxy_pod_scrape_failure{${common},reason="connect"}`)).toBe("1");
});

test("a pod's own labels of these names are renamed, unless the proxy has no value for the pod", async () => {
  const text = await scrape("app-");
  expect(text).toContain(`\nown{${ofA()},exported_container="x",exported_tier="y"} 2\n`);
  expect(text).toContain(`\nown{${ofA()},exported_app_kubernetes_io_name="z",x="y"} 3\n`);
  expect(text).toContain(
    `\nown{${base("app-b")},container="main",node="node-1",exported_container="x",tier="y"} 4\n`,
  );
});

test("LABEL_CONFLICT decides about a pod's own labels of these names", async () => {
  const honored = await scrape("app-a", { LABEL_CONFLICT: "honor" });
  const rest = `${base("app-a")},app_kubernetes_io_name="web",node="node-1"`;
  expect(honored).toContain(`\nown{${rest},container="x",tier="y"} 2\n`);
  const dropped = await scrape("app-a", { LABEL_CONFLICT: "drop" });
  expect(dropped).toContain(`\nown{${ofA()}} 2\n`);
});
