// `/mproxy` against real pods: what stands in the answer, and in which form it is sent.
import { Agent } from "node:http";
import type { Socket } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

let pods: FakePods;
let app: RunningApp;
const others: RunningApp[] = [];

const family = (value: number) =>
  `# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total ${value}\n`;

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "app-b", http: answers(family(2)), labels: { app: "web" }, annotations: {} },
    { name: "app-a", http: answers(`${family(1)}own{podname="liar"} 5`), labels: { app: "web" } },
    { name: "apple-c", http: answers(family(3)), labels: { app: "db" }, ready: false },
    { name: "other-d", http: answers(family(4)), ports: { metrics: 0 } },
    { name: "gauge-e", http: answers("# TYPE requests_total gauge\nrequests_total 9\n") },
    { name: "down-f", http: (_request, response) => response.destroy() },
    { name: "utf8-h", http: answers('{"a.b"} 1\n'), labels: { app: "none" } },
    {
      name: "slow-g",
      http: (_request, response) => {
        response.on("close", () => undefined);
      },
    },
  ]);
  app = await startApp({ PODS_FILE: pods.file });
});
afterAll(async () => {
  for (const running of [app, ...others]) await running.stop();
  await pods.stop();
});

async function startAnother(env: Record<string, string>): Promise<RunningApp> {
  const another = await startApp({ PODS_FILE: pods.file, ...env });
  others.push(another);
  return another;
}

const oneSecond = { "x-prometheus-scrape-timeout-seconds": "1" };
const target = (prefix: string, query = "") =>
  `/mproxy/team-a/${prefix}/metrics?upstreamPort=${pods.port}${query}`;
const podip = (name: string) => `podname="${name}",podip="${pods.get(name).ip}"`;

test("/mproxy merges the pods of a prefix in the order of their names, with their labels first", async () => {
  const answer = await request(app.origin, target("app-"));
  expect(answer.status).toBe(200);
  expect(answer.headers).toMatchObject({
    "content-type": "text/plain; version=0.0.4; charset=utf-8",
    "x-content-type-options": "nosniff",
    vary: "Accept, Accept-Encoding",
  });
  expect(answer.text).toContain(
    `# HELP requests_total Requests.\n# TYPE requests_total counter\n` +
      `requests_total{${podip("app-a")}} 1\nrequests_total{${podip("app-b")}} 2\n`,
  );
  expect(answer.text).toContain(`own{${podip("app-a")},exported_podname="liar"} 5\n`);
});

test("/mproxy tells the health of each pod", async () => {
  const { text, status } = await request(app.origin, target("app-"));
  const samples = samplesOf(text);
  expect(status).toBe(200);
  expect(samples.get(`k8s_prometheus_proxy_pod_up{${podip("app-a")}}`)).toBe("1");
  expect(samples.get(`k8s_prometheus_proxy_pod_scrape_samples{${podip("app-a")}}`)).toBe("2");
  expect(
    Number(samples.get(`k8s_prometheus_proxy_pod_scrape_duration_seconds{${podip("app-b")}}`)),
  ).toBeGreaterThan(0);
  expect(text).not.toContain("pod_scrape_failure");
});

test("/mproxy names the pods that failed, with the reason, and takes the others", async () => {
  const { text, status } = await request(app.origin, target("-", "&selector=!absent"), {
    headers: oneSecond,
  });
  expect(status).toBe(200);
  const samples = samplesOf(text);
  expect(samples.get(`k8s_prometheus_proxy_pod_up{${podip("down-f")}}`)).toBe("0");
  expect(samples.get(`k8s_prometheus_proxy_pod_scrape_failure{${podip("down-f")},reason="connect"}`)).toBe(
    "1",
  );
  expect(samples.get(`k8s_prometheus_proxy_pod_scrape_failure{${podip("slow-g")},reason="timeout"}`)).toBe(
    "1",
  );
  expect(samples.get(`requests_total{${podip("other-d")}}`)).toBe("4");
  const line = app.log.find(({ msg, failed }) => msg === "Pods are missing from a scrape" && failed === 3);
  expect(line).toMatchObject({
    level: "warn",
    namespace: "team-a",
    pods: 8,
    named: [
      expect.stringMatching(/^down-f: connect, /),
      expect.stringMatching(/^slow-g: timeout, /),
      expect.stringMatching(/^utf8-h: parse, /),
    ],
    unnamed: 0,
  });
});

test("/mproxy keeps every sample where pods disagree on a type, and counts the family", async () => {
  const { text } = await request(app.origin, target("-", "&selector=app!%3Ddb"), { headers: oneSecond });
  expect(text).toContain("# TYPE requests_total untyped\n");
  expect(samplesOf(text).get(`requests_total{${podip("gauge-e")}}`)).toBe("9");
  const own = await request(app.metricsOrigin, "/metrics");
  expect(Number(samplesOf(own.text).get("k8s_prometheus_proxy_type_conflicts_total"))).toBeGreaterThan(0);
});

test("/mproxy selects by label, readiness and port name", async () => {
  const upOf = async (query: string, prefix = "-") => {
    const { text } = await request(app.origin, `/mproxy/team-a/${prefix}/metrics?${query}`);
    return [...text.matchAll(/pod_up\{podname="([^"]+)".* 1/g)].map(([, name]) => name);
  };
  const port = `upstreamPort=${pods.port}`;
  expect(await upOf(`${port}&selector=app%20in%20(web,db)`)).toEqual(["app-a", "app-b", "apple-c"]);
  expect(await upOf(`${port}&ready=true`, "app")).toEqual(["app-a", "app-b"]);
  expect(await upOf("upstreamPort=metrics", "other-")).toEqual(["other-d"]);
  expect(await upOf("", "other-")).toEqual(["other-d"]);
});

test("/mproxy takes pods with UTF-8 names only for callers that take these", async () => {
  const ask = (accept: string) => request(app.origin, target("utf8-h"), { headers: { accept } });
  const able = await ask("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1");
  expect([able.status, able.text]).toEqual([200, expect.stringContaining(`{"a.b",${podip("utf8-h")}} 1\n`)]);
  const unable = await ask("text/plain;version=0.0.4;q=0.5,*/*;q=0.1");
  expect([unable.status, unable.text]).toEqual([502, "Cannot scrape the pod: parse 1\n"]);
});

test("/mproxy asks pods with the path, the rest of the query and headers of its own", async () => {
  const { requests } = pods.get("app-a");
  requests.length = 0;
  const headers = {
    authorization: "Bearer SECRET",
    cookie: "a=b",
    "x-forwarded-for": "1.2.3.4",
    accept: "x/y",
  };
  const query = "&collect%5B%5D=cpu&a=%20b&ssl=false&param.ssl=1&x";
  await request(app.origin, target("app-a", query), { headers });
  expect(requests.map(({ url }) => url)).toEqual(["/metrics?collect%5B%5D=cpu&a=%20b&ssl=1&x"]);
  expect(
    requests[0]?.headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase()),
  ).toEqual([
    "host",
    "connection",
    "user-agent",
    "accept",
    "accept-encoding",
    "x-prometheus-scrape-timeout-seconds",
  ]);
  expect(requests[0]?.headers).toContain(`${pods.get("app-a").ip}:${pods.port}`);
  expect(JSON.stringify(requests)).not.toContain("SECRET");
});

test("/mproxy takes every port of a pod once, and the pod is up only when all are", async () => {
  const both = await request(app.origin, target("app-", `&upstreamPort=${pods.port}&upstreamPort=1`));
  expect(both.text.match(/^requests_total/gm)).toHaveLength(2);
  expect(both.text.match(/^k8s_prometheus_proxy_pod_up/gm)).toHaveLength(2);
  const samples = samplesOf(both.text);
  expect(samples.get(`k8s_prometheus_proxy_pod_up{${podip("app-b")}}`)).toBe("0");
  expect(samples.get(`k8s_prometheus_proxy_pod_scrape_samples{${podip("app-b")}}`)).toBe("1");
  expect(samples.get(`k8s_prometheus_proxy_pod_scrape_failure{${podip("app-b")},reason="connect"}`)).toBe(
    "1",
  );
});

test("/mproxy sends gzip that is the same exposition, and only to those who take it", async () => {
  const accepting = async (value: string) =>
    request(app.origin, target("app-"), { headers: { "accept-encoding": value } });
  const zipped = await accepting("gzip");
  expect(zipped.headers["content-encoding"]).toBe("gzip");
  const plain = await accepting("gzip;q=0");
  expect(plain.headers["content-encoding"]).toBeUndefined();
  const withoutDurations = (text: string) => text.replaceAll(/(duration_seconds\{.*\}) .*/g, "$1");
  expect(withoutDurations(gunzipSync(zipped.body).toString())).toBe(withoutDurations(plain.text));
});

test("/mproxy answers HEAD with the headers alone, after a real scrape", async () => {
  const before = pods.get("app-a").requests.length;
  const answer = await request(app.origin, target("app-"), { method: "HEAD" });
  expect([answer.status, answer.text]).toEqual([200, ""]);
  expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(pods.get("app-a").requests.length - before).toBe(1);
  const failing = await request(app.origin, target("down-"), { method: "HEAD" });
  expect([failing.status, failing.text]).toEqual([502, ""]);
});

test("/mproxy answers two requests on one connection, one after the other", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const connections = new Set<Socket>();
  agent.on("free", (socket: Socket) => connections.add(socket));
  for (let time = 0; time < 2; time++) {
    const answer = await request(app.origin, target("app-"), { agent });
    expect([answer.status, answer.complete]).toEqual([200, true]);
    expect(answer.text.match(/^requests_total\{podname="app-a"/gm)).toHaveLength(1);
  }
  expect(connections.size).toBe(1);
  agent.destroy();
});

test("/mproxy keeps its connections to pods", async () => {
  await request(app.origin, target("app-"));
  const { accepted } = pods.get("app-b").connections;
  await request(app.origin, target("app-"));
  expect(pods.get("app-b").connections.accepted).toBe(accepted);
});

test("/mproxy answers 504 when every pod timed out, before the scraper stops waiting", async () => {
  const start = performance.now();
  const answer = await request(app.origin, target("slow-"), {
    headers: oneSecond,
  });
  expect([answer.status, answer.text]).toEqual([504, "Cannot scrape the pod: timeout 1\n"]);
  expect(performance.now() - start).toBeLessThan(1000);
});

test("/mproxy answers 502 and counts the reasons when every pod failed in some way", async () => {
  const answer = await request(app.origin, `/mproxy/team-a/app/metrics?upstreamPort=1`);
  expect([answer.status, answer.text]).toEqual([502, "Cannot scrape any of 3 pods: connect 3\n"]);
});

test("/mproxy leaves out the status families when POD_STATUS_METRICS is false", async () => {
  const bare = await startAnother({ POD_STATUS_METRICS: "false" });
  const { text, status } = await request(bare.origin, target("app-"));
  expect([status, text.includes("k8s_prometheus_proxy"), text.includes("requests_total{")]).toEqual([
    200,
    false,
    true,
  ]);
});

test("/mproxy follows LABEL_CONFLICT", async () => {
  const honoring = await startAnother({ LABEL_CONFLICT: "honor" });
  expect((await request(honoring.origin, target("app-a"))).text).toContain(
    `own{podip="${pods.get("app-a").ip}",podname="liar"} 5`,
  );
});

test("/mproxy answers 502 before the first byte when the answer would exceed MAX_RESPONSE_SIZE", async () => {
  const small = await startAnother({ MAX_RESPONSE_SIZE: "200" });
  const { status, text } = await request(small.origin, target("app-"));
  expect([status, text]).toEqual([502, expect.stringContaining("MAX_RESPONSE_SIZE")]);
  const own = samplesOf((await request(small.metricsOrigin, "/metrics")).text);
  expect(own.get('k8s_prometheus_proxy_limit_hits_total{limit="max_response_size"}')).toBe("1");
});

test("/mproxy answers 503 with Retry-After beyond MAX_CONCURRENT_SCRAPES, without dialling", async () => {
  const narrow = await startAnother({ MAX_CONCURRENT_SCRAPES: "1" });
  const headers = { "x-prometheus-scrape-timeout-seconds": "2" };
  const before = pods.get("slow-g").requests.length;
  const first = request(narrow.origin, target("slow-"), { headers });
  await expect.poll(() => pods.get("slow-g").requests.length).toBe(before + 1);
  const { accepted } = pods;
  const second = await request(narrow.origin, target("app-"));
  expect([second.status, second.text]).toEqual([
    503,
    "Cannot scrape now: too many scrapes at once (MAX_CONCURRENT_SCRAPES)\n",
  ]);
  expect(Number(second.headers["retry-after"])).toBeGreaterThanOrEqual(1);
  expect(Number(second.headers["retry-after"])).toBeLessThanOrEqual(5);
  expect(pods.accepted).toBe(accepted);
  expect((await first).status).toBe(504);
  expect((await request(narrow.origin, target("app-"))).status).toBe(200);
});

test("/mproxy gives the memory of its bodies back", async () => {
  await request(app.origin, target("app-"));
  const { text } = await request(app.metricsOrigin, "/metrics");
  expect(samplesOf(text).get("k8s_prometheus_proxy_buffered_bytes")).toBe("0");
  expect(samplesOf(text).get("k8s_prometheus_proxy_scrapes_in_flight")).toBe("0");
});
