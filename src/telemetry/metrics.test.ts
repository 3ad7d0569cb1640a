import { expect, test } from "vitest";
import { limits, metricDefinitions, metricPrefix, podScrapeOutcomes, routes } from "./metric-definitions.ts";
import { createMetrics, type Metrics, type MetricSources } from "./metrics.ts";

/** The own samples by series, without the prefix. */
async function samplesOf(metrics: Metrics): Promise<Record<string, number>> {
  const { body } = await metrics.render();
  const own = body.split("\n").filter((line) => line.startsWith(metricPrefix));
  return Object.fromEntries(
    own.map((line) => {
      const blank = line.lastIndexOf(" ");
      return [line.slice(metricPrefix.length, blank), Number(line.slice(blank + 1))];
    }),
  );
}

function createSources(changes: Partial<MetricSources> = {}): MetricSources {
  return {
    scrapesInFlight: () => 1,
    connectionsOpen: () => 2,
    bufferedBytes: () => 3,
    podListAgeSeconds: () => 4,
    podListLastContactTimestampSeconds: () => 5,
    certificateExpiryTimestampSeconds: () => 6,
    certificateReloadSuccess: () => 1,
    ...changes,
  };
}

test("render() gives text 0.0.4 with every own family and Node's process metrics", async () => {
  const { contentType, body } = await createMetrics({ version: "1.2.3" }).render();
  expect(contentType).toBe("text/plain; version=0.0.4; charset=utf-8");
  for (const { name, type } of Object.values(metricDefinitions)) {
    expect(body).toContain(`# TYPE ${metricPrefix}${name} ${type}\n`);
  }
  expect(body).toMatch(/^process_resident_memory_bytes \d/m);
  expect(body).toMatch(/^nodejs_version_info\{/m);
  expect(body.endsWith("\n")).toBe(true);
});

test("render() leaves out the process metrics that have a series per kind of handle", async () => {
  const { body } = await createMetrics({ version: "1" }).render();
  expect(body).not.toContain('{type="');
  expect(body).toMatch(/^nodejs_active_handles_total \d/m);
});

test("createMetrics() can be called again in one process", async () => {
  createMetrics({ version: "1" }).limitHit("max_connections");
  expect(await samplesOf(createMetrics({ version: "2" }))).toMatchObject({
    'build_info{version="2"}': 1,
    'limit_hits_total{limit="max_connections"}': 0,
  });
});

test("createMetrics() starts every outcome and limit at 0", async () => {
  const samples = await samplesOf(createMetrics({ version: "1" }));
  for (const outcome of podScrapeOutcomes) expect(samples[`pod_scrapes_total{outcome="${outcome}"}`]).toBe(0);
  for (const limit of limits) expect(samples[`limit_hits_total{limit="${limit}"}`]).toBe(0);
});

test("scrapeFinished() counts by route and code, and codes that only pods send as other", async () => {
  const metrics = createMetrics({ version: "1" });
  metrics.scrapeFinished("mproxy", 200, 0.3);
  metrics.scrapeFinished("kubesd", 503, 1);
  metrics.scrapeFinished("kubesd", 418, 1);
  metrics.scrapeFinished("kubesd", 599, 1);
  expect(await samplesOf(metrics)).toMatchObject({
    'scrapes_total{route="mproxy",code="200"}': 1,
    'scrapes_total{route="kubesd",code="503"}': 1,
    'scrapes_total{route="kubesd",code="other"}': 2,
    'scrape_duration_seconds_bucket{le="0.25",route="mproxy"}': 0,
    'scrape_duration_seconds_bucket{le="0.5",route="mproxy"}': 1,
    'scrape_duration_seconds_sum{route="mproxy"}': 0.3,
    'scrape_duration_seconds_count{route="kubesd"}': 3,
  });
});

test("podScraped(), limitHit(), clientRefused() and typeConflicts() count", async () => {
  const metrics = createMetrics({ version: "1" });
  metrics.podScraped("up", 100);
  metrics.podScraped("timeout", 20);
  metrics.limitHit("max_body_size");
  metrics.limitHit("max_body_size");
  metrics.clientRefused("name");
  metrics.typeConflicts(3);
  metrics.typeConflicts(0);
  expect(await samplesOf(metrics)).toMatchObject({
    'pod_scrapes_total{outcome="up"}': 1,
    'pod_scrapes_total{outcome="timeout"}': 1,
    pod_scrape_bytes_total: 120,
    'limit_hits_total{limit="max_body_size"}': 2,
    'tls_clients_refused_total{reason="name"}': 1,
    'tls_clients_refused_total{reason="missing"}': 0,
    type_conflicts_total: 3,
  });
});

test("observe() has the gauges read whenever they are rendered", async () => {
  const metrics = createMetrics({ version: "1" });
  let inFlight = 1;
  metrics.observe(createSources({ scrapesInFlight: () => inFlight }));
  expect(await samplesOf(metrics)).toMatchObject({
    scrapes_in_flight: 1,
    connections_open: 2,
    buffered_bytes: 3,
    pod_list_age_seconds: 4,
    pod_list_last_contact_timestamp_seconds: 5,
    certificate_expiry_timestamp_seconds: 6,
    certificate_reload_success: 1,
  });
  inFlight = 7;
  expect(await samplesOf(metrics)).toMatchObject({ scrapes_in_flight: 7 });
});

test("observe() takes one set of sources", () => {
  const metrics = createMetrics({ version: "1" });
  metrics.observe(createSources());
  expect(() => metrics.observe(createSources())).toThrow(
    "Cannot observe metric sources: they are already registered",
  );
});

test("render() leaves out what is not known, and shows it once it is", async () => {
  const metrics = createMetrics({ version: "1" });
  let age: number | undefined;
  metrics.observe(createSources({ podListAgeSeconds: () => age }));
  expect(await samplesOf(metrics)).not.toHaveProperty("pod_list_age_seconds");
  age = 0;
  expect(await samplesOf(metrics)).toMatchObject({ pod_list_age_seconds: 0 });
  age = undefined;
  expect(await samplesOf(metrics)).not.toHaveProperty("pod_list_age_seconds");
});

test("render() rejects when a source throws", async () => {
  const metrics = createMetrics({ version: "1" });
  metrics.observe(
    createSources({
      bufferedBytes: () => {
        throw new Error("source failed");
      },
    }),
  );
  await expect(metrics.render()).rejects.toThrow("source failed");
});

test("setPods() replaces what it was told before", async () => {
  const metrics = createMetrics({ version: "1" });
  metrics.setPods(new Map([["a", 1], ["b", 2]])); // prettier-ignore
  metrics.setPods(new Map([["b", 3]]));
  const samples = await samplesOf(metrics);
  expect(samples).toMatchObject({ 'pods{namespace="b"}': 3 });
  expect(samples).not.toHaveProperty('pods{namespace="a"}');
});

test("setPods() adds the namespaces beyond the hundredth up, with the one called other", async () => {
  const metrics = createMetrics({ version: "1" });
  const names = Array.from({ length: 103 }, (_, index) => `p${String(index).padStart(3, "0")}`);
  metrics.setPods(new Map([["other", 5], ...names.toReversed().map((name) => [name, 2] as const)]));
  const pods = Object.entries(await samplesOf(metrics)).filter(([series]) => series.startsWith("pods{"));
  expect(pods).toHaveLength(101);
  expect(Object.fromEntries(pods)).toMatchObject({
    'pods{namespace="p000"}': 2,
    'pods{namespace="p099"}': 2,
    'pods{namespace="other"}': 11,
  });
});

test("render() has at most 500 series, whatever happened", async () => {
  const metrics = createMetrics({ version: "1" });
  metrics.observe(createSources());
  for (const route of routes) {
    for (let code = 100; code < 1000; code++) metrics.scrapeFinished(route, code, 1);
  }
  for (const outcome of podScrapeOutcomes) metrics.podScraped(outcome, 1);
  for (const limit of limits) metrics.limitHit(limit);
  metrics.setPods(new Map(Array.from({ length: 5000 }, (_, index) => [`n${index}`, 1])));
  const { body } = await metrics.render();
  const series = body.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  // Node's histogram of garbage collections grows by three further kinds, nine series each.
  const missingKinds = 4 - new Set(body.match(/(?<=nodejs_gc_duration_seconds_count\{kind=")[^"]+/g)).size;
  expect(series.length + 9 * missingKinds).toBeLessThanOrEqual(500);
});
