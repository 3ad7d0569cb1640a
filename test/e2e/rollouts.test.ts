/**
 * Rollouts and mixed fleets: pods of one prefix whose versions, languages and clients disagree on HELP, TYPE, format and on which
 * families there are. A real Prometheus scrapes each pod directly and all of them through `/mproxy`; what it stores must be the
 * same, but for what the merge says that it changes.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { type RunningApp, startApp } from "../support/http/start-app.ts";
import type { QuerySample } from "../support/prometheus-api.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";

const createdSeconds = Math.floor(Date.now() / 1000) - 60;

/** client_golang without OpenMetrics: text whatever is asked for. */
const goText = `\
# HELP http_requests_total Requests served.
# TYPE http_requests_total counter
http_requests_total{code="200"} 10
http_requests_total{code="500"} 1
# HELP http_seconds Latency.
# TYPE http_seconds histogram
http_seconds_bucket{le="0.5"} 9
http_seconds_bucket{le="1"} 10
http_seconds_bucket{le="+Inf"} 11
http_seconds_sum 4.5
http_seconds_count 11
# HELP go_goroutines Goroutines.
# TYPE go_goroutines gauge
go_goroutines 7
# HELP gone_total A family that the next version does not have.
# TYPE gone_total counter
gone_total 3
`;

/** The next version, with OpenMetrics, other HELP texts, exemplars and created timestamps. */
const goOpenMetrics = `\
# HELP http_requests Requests served by the new handler.
# TYPE http_requests counter
http_requests_total{code="200"} 20.0 # {trace_id="a1"} 1.0 ${createdSeconds}.5
http_requests_created{code="200"} ${createdSeconds}.25
http_requests_total{code="500"} 2.0
http_requests_created{code="500"} ${createdSeconds}.25
# HELP http_seconds Latency in seconds.
# TYPE http_seconds histogram
# UNIT http_seconds seconds
http_seconds_bucket{le="0.5"} 18 # {trace_id="b2"} 0.25
http_seconds_bucket{le="1.0"} 20
http_seconds_bucket{le="+Inf"} 22
http_seconds_sum 9.0
http_seconds_count 22
http_seconds_created ${createdSeconds}.25
# HELP go_goroutines Goroutines.
# TYPE go_goroutines gauge
go_goroutines 8
# TYPE build info
build_info{version="2"} 1
# EOF
`;

/** simpleclient of Java in text: commas before the brace, `_created` as gauges. */
const javaText = `\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",} 30.0
# HELP http_requests_created Requests.
# TYPE http_requests_created gauge
http_requests_created{code="200",} 1.7E9
# HELP jvm_threads Threads.
# TYPE jvm_threads gauge
jvm_threads{state="RUNNABLE",} 4.0
`;

/** And in OpenMetrics. */
const javaOpenMetrics = `\
# TYPE http_requests counter
# HELP http_requests Requests.
http_requests_total{code="200"} 40.0
http_requests_created{code="200"} 1.7E9
# TYPE jvm info
# HELP jvm JVM.
jvm_info{version="21"} 1.0
# TYPE jvm_state stateset
jvm_state{jvm_state="up"} 1
jvm_state{jvm_state="down"} 0
# EOF
`;

/** Micrometer before and after percentiles became a histogram: the TYPE of a family changes in a rollout. */
const micrometerSummary = `\
# HELP jobs_seconds Jobs.
# TYPE jobs_seconds summary
jobs_seconds{quantile="0.5",} 0.1
jobs_seconds_count 3
jobs_seconds_sum 1.5
# TYPE jobs_seconds_max gauge
jobs_seconds_max 0.9
`;
const micrometerHistogram = `\
# HELP jobs_seconds Jobs, with buckets.
# TYPE jobs_seconds histogram
jobs_seconds_bucket{le="0.1",} 1
jobs_seconds_bucket{le="+Inf",} 4
jobs_seconds_count 4
jobs_seconds_sum 2.5
# TYPE jobs_seconds_max gauge
jobs_seconds_max 1.5
`;

const text = "text/plain; version=0.0.4; charset=utf-8";
const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

interface Fleet {
  readonly name: string;
  readonly pods: readonly (readonly [body: string, type: string])[];
  readonly answerType: string;
  /** Families that lose their type. */
  readonly conflicts: number;
}

const fleets: readonly Fleet[] = [
  {
    name: "new",
    pods: [
      [goOpenMetrics, openMetrics],
      [javaOpenMetrics, openMetrics],
      [goOpenMetrics, openMetrics],
    ],
    answerType: openMetrics,
    conflicts: 0,
  },
  {
    name: "rollout",
    pods: [
      [goText, text],
      [goOpenMetrics, openMetrics],
      [goText, text],
    ],
    answerType: "text/plain; version=1.0.0; charset=utf-8",
    conflicts: 0,
  },
  {
    name: "languages",
    pods: [
      [goText, text],
      [javaText, text],
      [javaOpenMetrics, openMetrics],
      [goOpenMetrics, openMetrics],
    ],
    answerType: "text/plain; version=1.0.0; charset=utf-8",
    conflicts: 0,
  },
  {
    name: "types",
    pods: [
      [micrometerSummary, text],
      [micrometerHistogram, text],
      [goOpenMetrics, openMetrics],
    ],
    answerType: "text/plain; version=1.0.0; charset=utf-8",
    conflicts: 1,
  },
];

let pods: FakePods;
let app: RunningApp;
let prometheus: PrometheusServer;

beforeAll(async () => {
  pods = await FakePods.start(
    fleets.flatMap((fleet) =>
      fleet.pods.map(([body, type], index) => ({
        name: `${fleet.name}-${index}`,
        http: (_request, response) => {
          response.writeHead(200, { "content-type": type });
          response.end(body);
        },
      })),
    ),
  );
  app = await startApp({ PODS_FILE: pods.file });
  const direct = fleets.flatMap((fleet) =>
    fleet.pods.map((_, index) => {
      const podname = `${fleet.name}-${index}`;
      const { ip } = pods.get(podname);
      return {
        targets: [`${ip}:${pods.port}`],
        labels: { via: "direct", fleet: fleet.name, podname, podip: ip },
      };
    }),
  );
  const merged = fleets.map(({ name }) => ({
    targets: [`127.0.0.1:${app.port}`],
    labels: { via: "merged", fleet: name, __metrics_path__: `/mproxy/team-a/${name}-/metrics` },
  }));
  prometheus = await startPrometheus({
    version: "3.5",
    flags: ["--enable-feature=exemplar-storage,created-timestamp-zero-ingestion"],
    config: {
      global: { scrape_interval: "10s", scrape_timeout: "10s" },
      scrape_configs: [
        { job_name: "direct", static_configs: direct },
        { job_name: "merged", params: { upstreamPort: [String(pods.port)] }, static_configs: merged },
      ],
    },
  });
  await prometheus.waitFor(
    "a scrape of every target",
    async () => (await prometheus.query("up")).length === direct.length + merged.length,
    40_000,
  );
}, 90_000);

afterAll(async () => {
  await prometheus?.stop();
  await app?.stop();
  await pods?.stop();
});

const ownSeries = /^(up|scrape_\w+|k8s_prometheus_proxy_pod_\w+)$/;

function seriesOf(samples: readonly QuerySample[]): string[] {
  return samples
    .filter(({ labels }) => !ownSeries.test(labels["__name__"]!))
    .map(({ labels, value }) => {
      const { job: _job, instance: _instance, via: _via, fleet: _fleet, ...own } = labels;
      return `${JSON.stringify(Object.entries(own).sort(([a], [b]) => (a < b ? -1 : 1)))} ${value}`;
    })
    .sort();
}

test("every target is up", async () => {
  const targets = await prometheus.targets();
  expect(targets.filter(({ health }) => health !== "up").map(({ lastError }) => lastError)).toEqual([]);
});

describe.each(fleets)("the fleet $name", (fleet) => {
  test("is stored as from its pods directly", async () => {
    const [direct, merged] = await Promise.all(
      ["direct", "merged"].map(async (via) =>
        seriesOf(await prometheus.query(`{via="${via}",fleet="${fleet.name}"}`)),
      ),
    );
    const [a, b] = [new Set(direct), new Set(merged)];
    // With the feature of this server, `_created` of OpenMetrics is no series. In text it is one: text cannot say it otherwise.
    const isCreated = (series: string) => /^\[\["__name__","\w+_created"\]/.test(series);
    const more = [...b.difference(a)];
    expect({ onlyDirect: [...a.difference(b)], onlyMerged: more.filter((one) => !isCreated(one)) }).toEqual({
      onlyDirect: [],
      onlyMerged: [],
    });
    expect(more.length > 0).toBe(fleet.answerType !== openMetrics);
    expect(a.size).toBeGreaterThan(10);
    const up = await prometheus.query(`k8s_prometheus_proxy_pod_up{fleet="${fleet.name}"} == 1`);
    expect(up).toHaveLength(fleet.pods.length);
  });

  test("is answered in a format that fits all, and what it costs is counted", async () => {
    const conflicts = async () => {
      const { text } = await request(app.metricsOrigin, "/metrics");
      return Number(/^k8s_prometheus_proxy_type_conflicts_total (\d+)$/m.exec(text)![1]);
    };
    const before = await conflicts();
    const answer = await request(
      app.origin,
      `/mproxy/team-a/${fleet.name}-/metrics?upstreamPort=${pods.port}`,
      {
        headers: {
          accept: `${openMetrics.replaceAll(" ", "")};escaping=allow-utf-8,text/plain;version=1.0.0;escaping=allow-utf-8`,
        },
      },
    );
    expect(answer.headers["content-type"]).toBe(`${fleet.answerType}; escaping=allow-utf-8`);
    expect((await conflicts()) - before).toBe(fleet.conflicts);
  });
});

test("HELP and TYPE are those of one of the pods, in the words of the answer's format", async () => {
  const metadata = async (fleet: string) => {
    const found = await prometheus.get<
      { target: { fleet: string }; metric: string; type: string; help: string }[]
    >("targets/metadata", { match_target: `{via="merged",fleet="${fleet}"}` });
    return found
      .filter(({ metric }) => !metric.startsWith("k8s_"))
      .map(({ metric, type, help }) => `${metric} ${type} ${help}`)
      .sort();
  };
  expect(await metadata("rollout")).toEqual([
    "build_info gauge ",
    "go_goroutines gauge Goroutines.",
    "gone_total counter A family that the next version does not have.",
    "http_requests_created gauge Requests served by the new handler.",
    "http_requests_total counter Requests served.",
    "http_seconds histogram Latency.",
    "http_seconds_created gauge Latency in seconds.",
  ]);
  // The quantiles of one version and the buckets of the other: the family is known by its samples.
  expect(await metadata("types")).toEqual(
    expect.arrayContaining([
      "jobs_seconds unknown Jobs.",
      "jobs_seconds_bucket unknown Jobs.",
      "jobs_seconds_count unknown Jobs.",
      "jobs_seconds_sum unknown Jobs.",
    ]),
  );
});

test("exemplars are found behind a merge in OpenMetrics as they are directly", async () => {
  interface Exemplars {
    readonly seriesLabels: Readonly<Record<string, string>>;
    readonly exemplars: readonly { labels: Record<string, string>; value: string }[];
  }
  const found = async (via: string) => {
    const now = Date.now() / 1000;
    const data = await prometheus.get<Exemplars[]>("query_exemplars", {
      query: `{via="${via}",fleet="new"}`,
      start: String(now - 3600),
      end: String(now + 60),
    });
    return data
      .flatMap(({ seriesLabels: { __name__, podname, le, code }, exemplars }) =>
        exemplars.map(({ labels, value }) => JSON.stringify({ __name__, podname, le, code, labels, value })),
      )
      .sort();
  };
  const direct = await found("direct");
  expect(direct).toHaveLength(4);
  expect(await found("merged")).toEqual(direct);
});

test("created timestamps become zeros where Prometheus takes them", async () => {
  const zeros = async (via: string, fleet: string) => {
    const selector = `http_requests_total{via="${via}",fleet="${fleet}",code="200"}`;
    // The value at the time of creation, before any scrape.
    const samples = await prometheus.get<{
      result: { metric: Record<string, string>; values: [number, string][] }[];
    }>("query", { query: `${selector}[5m]` });
    return samples.result
      .map(({ metric, values }) => `${metric["podname"]} ${values[0]!.join(" ")}`)
      .filter((first) => first.endsWith(` ${createdSeconds}.25 0`))
      .sort();
  };
  const direct = await zeros("direct", "new");
  expect(direct).toEqual([`new-0 ${createdSeconds}.25 0`, `new-2 ${createdSeconds}.25 0`]);
  expect(await zeros("merged", "new")).toEqual(direct);
  // Text cannot say it: there the time of creation is a series of its own.
  expect(await zeros("merged", "rollout")).toEqual([]);
});
