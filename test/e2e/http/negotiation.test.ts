// Which format pods are asked for, which format the answer is in, and what it is called.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { type Answer, request, type RequestOptions } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

let pods: FakePods;
let app: RunningApp;
let strict: RunningApp;

const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const counter = (value: number) =>
  `# HELP requests Requests.\n# TYPE requests counter\nrequests_total ${value} # {trace_id="t${value}"} 1\n# EOF\n`;
const typed = (body: string, type: string) => answers(body, { "content-type": type });

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "om-a", http: typed(counter(1), openMetrics), labels: { quiet: "" } },
    { name: "om-b", http: typed(counter(2), openMetrics) },
    { name: "old-c", http: typed(counter(3), "application/openmetrics-text; charset=utf-8") },
    { name: "text-d", http: answers("# TYPE requests_total counter\nrequests_total 4\n") },
    { name: "none-e", http: answers("", { "content-type": "text/plain" }), labels: { quiet: "" } },
    { name: "html-f", http: typed("requests_total 6\n", "text/html") },
    { name: "bare-g", http: (_request, response) => response.end("requests_total 7\n") },
    { name: "twice-h", http: typed("requests_total 8\n", "text/plain; charset=utf-8; charset=utf-8") },
    { name: "cut-i", http: typed("requests_total 9\n", openMetrics) },
    { name: "proto-j", http: typed("", "application/vnd.google.protobuf") },
    {
      name: "utf8-k",
      http: typed('# TYPE "a.b" gauge\n{"a.b"} 1\n# EOF\n', `${openMetrics}; escaping=allow-utf-8`),
    },
    { name: "ended-m", http: (_request, response) => response.end(counter(13)), labels: { absent: "" } },
    {
      name: "gauge-l",
      http: typed('# TYPE g gauge\ng 1 # {a="b"} 1\ng{node="x",b="c"} 2\n# EOF\n', openMetrics),
    },
  ]);
  const env = { PODS_FILE: pods.file };
  [app, strict] = await Promise.all([startApp(env), startApp({ ...env, FALLBACK_SCRAPE_PROTOCOL: "" })]);
});
afterAll(async () => {
  await app.stop();
  await strict.stop();
  await pods.stop();
});

/** As Prometheus 3.5 and 2.42 send them. */
const prometheus3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4," +
  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
const prometheus2 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75," +
  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

interface ScrapeOptions extends Pick<RequestOptions, "method" | "unjudged"> {
  readonly app?: RunningApp;
  readonly query?: string;
}

const scrape = (prefix: string, accept: string, { app: other, query = "", ...o }: ScrapeOptions = {}) =>
  request((other ?? app).origin, `/mproxy/team-a/${prefix}/metrics?upstreamPort=${pods.port}${query}`, {
    headers: { accept },
    ...o,
  });
const podip = (name: string) => `podname="${name}",podip="${pods.get(name).ip}"`;
const isUp = ({ text }: Answer, name: string) =>
  text.includes(`k8s_prometheus_proxy_pod_up{${podip(name)}} 1\n`);

describe("pods are asked for what the scraper takes", () => {
  test.each([
    [prometheus3, prometheus3],
    [prometheus2, prometheus2.replace("1.0.0,", "1.0.0;q=1,")],
    ["*/*", "text/plain;version=0.0.4;q=1,*/*;q=0.1"],
  ])("%s", async (accept, asked) => {
    await scrape("om-a", accept);
    const { headers } = pods.get("om-a").requests.at(-1)!;
    const at = headers.findIndex((name) => name.toLowerCase() === "accept");
    expect(headers[at + 1]).toBe(asked);
    expect(headers.filter((name) => name.toLowerCase() === "accept")).toHaveLength(1);
  });
});

test("pods that all speak OpenMetrics make an answer in OpenMetrics, exemplars and all", async () => {
  const answer = await scrape("om-", prometheus3);
  expect(answer.headers).toMatchObject({
    "content-type": `${openMetrics}; escaping=allow-utf-8`,
    vary: "Accept, Accept-Encoding",
  });
  expect(answer.text).toContain(
    "# HELP requests Requests.\n# TYPE requests counter\n" +
      `requests_total{${podip("om-a")}} 1 # {trace_id="t1"} 1\nrequests_total{${podip("om-b")}} 2 # {trace_id="t2"} 1\n# EOF\n`,
  );
  expect(answer.text.match(/# EOF/g)).toHaveLength(1);
  expect(isUp(answer, "om-a")).toBe(true);
});

test("labels are added and resolved in OpenMetrics as in text", async () => {
  const env = { PODS_FILE: pods.file, EXTRA_LABELS: "namespace,node", LABEL_CONFLICT: "drop" };
  const labelled = await startApp(env);
  const answer = await scrape("gauge-", prometheus3.replaceAll(";escaping=allow-utf-8", ""), {
    app: labelled,
  });
  await labelled.stop();
  expect(answer.headers["content-type"]).toBe(`${openMetrics}; escaping=underscores`);
  expect(answer.text).toContain(`g{${podip("gauge-l")},namespace="team-a",node="node-1"} 1\n`);
  expect(answer.text).toContain(`g{${podip("gauge-l")},namespace="team-a",node="node-1",b="c"} 2\n`);
});

test("the version is the lowest one of the pods", async () => {
  const answer = await scrape("o", prometheus3);
  expect(answer.headers["content-type"]).toBe("application/openmetrics-text; version=0.0.1; charset=utf-8");
  expect(["om-a", "om-b", "old-c"].filter((name) => !isUp(answer, name))).toEqual([]);
});

test("a scraper without UTF-8 names is told so", async () => {
  const { headers } = await scrape("om-", prometheus2);
  expect(headers["content-type"]).toBe(`${openMetrics}; escaping=underscores`);
});

test("one pod that speaks text makes the answer text, and no sample is lost", async () => {
  const answer = await scrape("-", prometheus3, { query: "&selector=!absent" });
  expect(answer.headers["content-type"]).toBe(
    "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8",
  );
  const lines = ["om-a", "om-b", "old-c", "text-d", "html-f", "bare-g", "twice-h"].map((name) => podip(name));
  const values = [1, 2, 3, 4, 6, 7, 8];
  // In the order of the pods' names.
  const samples = lines.map((labels, index) => `requests_total{${labels}} ${values[index]}\n`).sort();
  expect(answer.text.match(/^requests_total\{.*\n/gm)?.sort()).toEqual(samples);
  expect(answer.text).toContain("# HELP requests_total Requests.\n# TYPE requests_total counter\n");
  expect(answer.text).toContain(`{"a.b",${podip("utf8-k")}} 1\n`);
  expect(answer.text).not.toMatch(/# \{|# EOF/);
});

test("a scraper that takes text alone gets text from pods that speak OpenMetrics", async () => {
  for (const accept of ["text/plain", "*/*", "application/json", "text/plain;version=0.0.4"]) {
    const answer = await scrape("om-", accept);
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(answer.text).toContain(`# TYPE requests_total counter\nrequests_total{${podip("om-a")}} 1\n`);
    expect(answer.text).not.toMatch(/# \{|# EOF/);
  }
});

test("a pod without metrics has no say", async () => {
  const answer = await scrape("-", prometheus3, { query: "&selector=quiet" });
  expect(answer.headers["content-type"]).toBe(`${openMetrics}; escaping=allow-utf-8`);
  expect([isUp(answer, "none-e"), isUp(answer, "om-a")]).toEqual([true, true]);
  const alone = await scrape("none-", prometheus3);
  expect(alone.headers["content-type"]).toContain("text/plain");
});

test("HEAD names the format without a body", async () => {
  const answer = await scrape("om-", prometheus3, { method: "HEAD" });
  expect(answer.headers["content-type"]).toBe(`${openMetrics}; escaping=allow-utf-8`);
  expect(answer.body).toHaveLength(0);
});

test("names outside the legacy character set only go to scrapers that ask for them", async () => {
  const answer = await scrape("utf8-", prometheus3);
  expect(answer.text).toContain(`# TYPE "a.b" gauge\n{"a.b",${podip("utf8-k")}} 1\n`);
  expect((await scrape("utf8-", prometheus2)).status).toBe(502);
});

test("an exemplar that Prometheus 2 would refuse the answer for does not go to it", async () => {
  const unjudged = "the pod's gauge has an exemplar, which Prometheus 3 stores and OpenMetrics does not know";
  const { text } = await scrape("gauge-", prometheus3, { unjudged });
  expect(text).toContain(`g{${podip("gauge-l")}} 1 # {a="b"} 1\n`);
  expect((await scrape("gauge-", prometheus2)).text).toContain(`g{${podip("gauge-l")}} 1\n`);
});

test("an exposition in OpenMetrics that was cut off is void", async () => {
  const answer = await scrape("cut-", prometheus3);
  expect([answer.status, answer.text]).toEqual([502, "Cannot scrape the pod: parse 1\n"]);
});

test("FALLBACK_SCRAPE_PROTOCOL= leaves out pods without a Content-Type of metrics", async () => {
  const answer = await scrape("-", "*/*", { query: "&selector=!absent", app: strict });
  const failed = [...answer.text.matchAll(/pod_scrape_failure\{podname="([^"]*)".*reason="content_type"/g)];
  expect(failed.map(([, name]) => name)).toEqual(["bare-g", "html-f", "proto-j", "twice-h"]);
  const named = strict.log.findLast(({ named }) => Array.isArray(named))!["named"] as string[];
  expect(
    named.filter((text) => text.includes("FALLBACK_SCRAPE_PROTOCOL")).map((text) => text.split(":")[0]),
  ).toEqual(["bare-g", "html-f", "twice-h"]);
});

test("FALLBACK_SCRAPE_PROTOCOL can be OpenMetrics", async () => {
  const fallback = await startApp({ PODS_FILE: pods.file, FALLBACK_SCRAPE_PROTOCOL: "OpenMetricsText0.0.1" });
  const [text, ended] = await Promise.all(
    ["bare-", "ended-"].map((prefix) => scrape(prefix, prometheus3, { app: fallback })),
  );
  await fallback.stop();
  // Both have no type. What is read as OpenMetrics has to end as that must.
  expect(text!.text).toBe("Cannot scrape the pod: parse 1\n");
  expect(ended!.headers["content-type"]).toBe("application/openmetrics-text; version=0.0.1; charset=utf-8");
  expect(ended!.text).toContain(`requests_total{${podip("ended-m")}} 13 #`);
});

describe("the family filter", () => {
  const families = ({ text }: Answer) => [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const status = [
    "k8s_prometheus_proxy_pod_up",
    "k8s_prometheus_proxy_pod_scrape_duration_seconds",
    "k8s_prometheus_proxy_pod_scrape_samples",
  ];
  const check = (query: string, accept: string, expected: string[]) => {
    test(`${query} for ${accept.slice(0, 20)}`, async () => {
      const answer = await scrape("om-", accept, { query });
      expect(families(answer)).toEqual([...status, ...expected]);
      expect(answer.text.includes("requests_total{")).toBe(expected.length > 0);
      // Nothing of it reaches the pods.
      expect(pods.get("om-a").requests.at(-1)!.url).toBe("/metrics");
    });
  };
  check("&include=requests.*", "*/*", ["requests_total"]);
  check("&include=requests", "*/*", ["requests_total"]);
  check("&include=requests", prometheus3, ["requests"]);
  check("&include=requests_total", prometheus3, ["requests"]);
  check("&include=nothing", prometheus3, []);
  check("&include=nothing&include=req.*", prometheus3, ["requests"]);
  check("&exclude=requests_total", "*/*", []);
  check("&exclude=requests", "*/*", []);
  check("&exclude=requests_total", prometheus3, []);
  check("&exclude=requests", prometheus3, []);
  check("&exclude=quests", prometheus3, ["requests"]);
  check("&include=.*&exclude=req.*", prometheus3, []);
  check("&exclude=.*", prometheus3, []);

  test.each([
    ["include=", "is empty"],
    ["include=(", "not RE2 syntax"],
    ["exclude=(?%3Dx)", "not RE2 syntax"],
    ["include=a{3}", "counted repetition"],
    [Array.from({ length: 17 }, () => "include=a").join("&"), "at most 16"],
    ["include", "has no value"],
    ["include[]=a", "is not a list"],
  ])("refuses %s", async (query, message) => {
    const answer = await scrape("om-", "*/*", {
      query: `&${query.replaceAll("{", "%7B").replaceAll("}", "%7D")}`,
    });
    expect([answer.status, answer.text]).toEqual([400, expect.stringContaining(message)]);
  });

  test("leaves the name to the pods as param.include", async () => {
    await scrape("om-a", "*/*", { query: "&param.include=x" });
    expect(pods.get("om-a").requests.at(-1)!.url).toBe("/metrics?include=x");
  });
});
