/**
 * OpenMetrics through the merge, inside the real program, against real Prometheus servers: what Prometheus does with a body
 * that it scrapes directly, and what with the same body as one pod of a merge, as OpenMetrics and converted to text.
 */
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type CasePod, CasePods, casePodsCidr, casePodsNamespace } from "../support/case-pods.ts";
import {
  type CaseScrape,
  type CaseScrapes,
  exemplarsOf,
  isStatus,
  isUp,
  ofPod,
  scrapeOnce,
  seriesOf,
  unseen,
} from "../support/differential.ts";
import { atTime, bodyOf, isMerged } from "../support/exposition-case.ts";
import { type RunningApp, startApp } from "../support/http/start-app.ts";
import {
  damagedOpenMetricsBody,
  openMetricsSoup,
  validOpenMetricsBody,
} from "../support/openmetrics-arbitraries.ts";
import { openMetricsCases } from "../support/openmetrics-cases.ts";
import type { OpenMetricsCase } from "../support/openmetrics/openmetrics-case.ts";
import { askOracle, askOracleOfEach } from "../support/openmetrics-oracle.ts";
import { readSamples, repeatedSeries } from "../support/openmetrics-samples.ts";
import { promtoolCheckMetrics } from "../support/promtool.ts";

const cases = openMetricsCases;
const now = Date.now();

/** Always the same bodies: Prometheus says which of them are valid. Without those that would end its process. */
const randomBodies = fc
  .sample(
    fc.oneof(
      validOpenMetricsBody.map((body) => Buffer.from(body)),
      { weight: 2, arbitrary: damagedOpenMetricsBody },
      openMetricsSoup,
    ),
    { seed: 20260131, numRuns: 160 },
  )
  .filter((body) => !/[{,][a-zA-Z_][,}]/.test(body.toString("latin1")));
const bodies = [...cases.map((one) => bodyOf(one, now)), ...randomBodies];

const goodBody = `# HELP good Good.
# TYPE good counter
good_total{b="c"} 1 # {trace_id="good"} 0.5
# HELP good_seconds Good.
# TYPE good_seconds histogram
# UNIT good_seconds seconds
good_seconds_bucket{le="1.0"} 1 # {trace_id="bucket"} 0.25
good_seconds_bucket{le="+Inf"} 1
good_seconds_count 1
good_seconds_sum 0.25
# TYPE a gauge
a{good="yes"} 7
# EOF
`;
const goodSeries = [
  'a{good="yes"} 7',
  'good_seconds_bucket{le="+Inf"} 1',
  'good_seconds_bucket{le="1.0"} 1',
  "good_seconds_count{} 1",
  "good_seconds_sum{} 0.25",
  'good_total{b="c"} 1',
];
const goodExemplars = [
  'good_seconds_bucket{le="1.0"} # {trace_id="bucket"} 0.25',
  'good_total{b="c"} # {trace_id="good"} 0.5',
];

const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const utf8Type = `${openMetricsType}; escaping=allow-utf-8`;
const isOrderly = ({ strict, utf8Names }: OpenMetricsCase) => strict === undefined && utf8Names === undefined;
/** Begins the names of the pods whose merged bodies the strict parser takes. */
const strictPrefix = "case-strict-";

let pods: CasePods;
let app: RunningApp;
/** What each target of Prometheus 3.5, of 2.42 gave. `direct/…`, `merged/…`, `text/…`; `merged/case-` is of all pods. */
let seen: CaseScrapes;
let seenByOld: CaseScrapes;
/** By a 3.5 that uses created timestamps: all merged answers, and some bodies directly. */
let seenCreated: CaseScrapes;

beforeAll(async () => {
  pods = await CasePods.start(
    bodies.map((body, index) => {
      const one = cases[index];
      return {
        body,
        contentType: one?.utf8Names === undefined ? openMetricsType : utf8Type,
        group: one === undefined ? "random-" : isOrderly(one) ? "strict-" : "odd-",
      };
    }),
    { body: Buffer.from(goodBody), contentType: openMetricsType },
  );
  app = await startApp({
    PODS_FILE: pods.file,
    CIDR_WHITELIST: casePodsCidr,
    LOG_LEVEL: "error",
    MAX_CONCURRENT_SCRAPES: "2000",
    // Pods, program and test share one process, which is busy at times.
    CONNECT_TIMEOUT: "9s",
  });
  const survived = pods.pods.filter((_, index) => cases[index]?.endsPrometheus !== true);
  const direct = survived.map(directTarget);
  const withCreated = pods.pods.filter((_, index) => cases[index]?.created !== undefined);
  const targetsOf = (via: string, prefixes: readonly string[]) =>
    [...prefixes, "case-"].map((prefix) => ({
      targets: [`127.0.0.1:${app.port}`] as const,
      labels: { via, case: prefix, __metrics_path__: pathOf(prefix) },
    }));
  const all = pods.pods.map(({ prefix }) => prefix);
  // Where a body is not in a merge, the answer is the same for every scraper.
  const mergedOnes = all.filter((_, index) => index >= cases.length || isMerged(cases[index]!));
  // One after the other: pods, program and test share this process, and a scrape that comes too late is a failed one.
  seen = await scrapeOnce("3.5", [
    { targets: direct },
    { targets: targetsOf("merged", all) },
    { targets: targetsOf("text", mergedOnes), scrapeProtocols: ["PrometheusText0.0.4"] },
  ]);
  seenByOld = await scrapeOnce("2.42", [{ targets: targetsOf("merged", mergedOnes) }]);
  seenCreated = await scrapeOnce(
    "3.5",
    [
      { targets: withCreated.map(directTarget), scrapeProtocols: ["OpenMetricsText1.0.0"] },
      { targets: targetsOf("merged", mergedOnes), scrapeProtocols: ["OpenMetricsText1.0.0"] },
    ],
    [createdFeature],
  );
}, 240_000);

afterAll(async () => {
  await app?.stop();
  await pods?.stop();
});

const createdFeature = "created-timestamp-zero-ingestion";

const directTarget = ({ prefix, address }: CasePod) => ({
  targets: [address] as const,
  labels: { via: "direct", case: prefix },
});

const pathOf = (prefix: string) => `/mproxy/${casePodsNamespace}/${prefix}/metrics`;

function expectGoodPod(scrape: CaseScrape, goodName: string, exemplars: readonly string[]): void {
  const good = ofPod(scrape, goodName);
  expect(seriesOf(good.samples)).toEqual(goodSeries);
  expect(exemplarsOf(good.exemplars)).toEqual(exemplars);
  expect(isUp(scrape, goodName)).toBe(true);
}

describe.each(cases.map((one, index) => ({ ...one, index })))("$name", (one) => {
  const { index, accepted, stored, storedAsText, exemplars } = one;
  const reason = one.ours ?? stored ?? exemplars;

  test(reason === undefined ? "is the same directly and merged" : `differs: ${reason.reason}`, () => {
    const { prefix, podName, goodName } = pods.pods[index]!;
    const direct = seen.get(`direct/${prefix}`) ?? unseen;
    expect({ up: direct.up, error: direct.error }).toEqual({
      up: accepted,
      error: accepted ? "" : (expect.any(String) as string),
    });

    const merged = seen.get(`merged/${prefix}`)!;
    expect({ up: merged.up, error: merged.error }).toEqual({ up: true, error: "" });
    expectGoodPod(merged, goodName, goodExemplars);
    expect(isUp(merged, podName)).toBe(isMerged(one));

    const ofMerged = ofPod(merged, podName);
    const [mergedSeries, directSeries] = [seriesOf(ofMerged.samples), seriesOf(direct.samples)];
    const [mergedExemplars, directExemplars] = [
      exemplarsOf(ofMerged.exemplars),
      exemplarsOf(direct.exemplars),
    ];
    if (!isMerged(one)) {
      expect([mergedSeries, mergedExemplars]).toEqual([[], []]);
      return;
    }
    expect(mergedSeries).toEqual(stored?.series ?? directSeries);
    expect(mergedExemplars).toEqual(exemplars?.exemplars ?? directExemplars);
    // A difference that is no more must leave the table.
    if (stored !== undefined) expect(mergedSeries).not.toEqual(directSeries);
    if (exemplars !== undefined) expect(mergedExemplars).not.toEqual(directExemplars);
  });

  if (!isMerged(one)) return;
  const textReason = storedAsText === undefined ? "is the same" : `differs: ${storedAsText.reason}`;

  test(`as text ${textReason}`, () => {
    const { prefix, podName, goodName } = pods.pods[index]!;
    const text = seen.get(`text/${prefix}`)!;
    expect({ up: text.up, error: text.error }).toEqual({ up: true, error: "" });
    expectGoodPod(text, goodName, []);
    expect(isUp(text, podName)).toBe(one.utf8Names !== true);
    if (one.utf8Names) return;

    const series = seriesOf(ofPod(text, podName).samples);
    const otherwise = stored?.series ?? seriesOf(seen.get(`direct/${prefix}`)!.samples);
    expect(series).toEqual(storedAsText?.series ?? otherwise);
    if (storedAsText !== undefined) expect(series).not.toEqual(otherwise);
  });

  test("is safe to merge for Prometheus 2.42", () => {
    const { prefix, podName, goodName } = pods.pods[index]!;
    const merged = seenByOld.get(`merged/${prefix}`)!;
    expect({ up: merged.up, error: merged.error }).toEqual({ up: true, error: "" });
    expectGoodPod(merged, goodName, goodExemplars);
    expect(isUp(merged, podName)).toBe(one.utf8Names !== true);
  });
});

describe("a Prometheus that uses created timestamps", () => {
  const compared = [...cases.entries()].filter(([, one]) => one.created !== undefined);

  test.each(compared)(
    "%i: stores the same of the merged answer, or a difference that is listed",
    (index, one) => {
      const { prefix, podName } = pods.pods[index]!;
      const direct = seriesOf(seenCreated.get(`direct/${prefix}`)!.samples);
      const merged = seriesOf(ofPod(seenCreated.get(`merged/${prefix}`)!, podName).samples);
      if (typeof one.created === "object") {
        expect(merged).toEqual(one.created.series.map((text) => atTime(text, now)).sort());
        expect(merged).not.toEqual(direct);
      } else expect(merged).toEqual(direct);
    },
  );

  // It reads ahead, and its process ends where the lines are not as it expects.
  test("survives every merged answer", () => {
    const merged = [...seenCreated].filter(([key]) => key.startsWith("merged/"));
    expect(merged.length).toBe(cases.filter(isMerged).length + randomBodies.length + 1);
    expect(merged.filter(([, { up }]) => !up)).toEqual([]);
  });

  test("finds the times", () => {
    const zeros = [...seenCreated.values()].flatMap(({ samples }) =>
      samples.filter(({ value, timestampMs }) => value === "0" && timestampMs !== undefined),
    );
    expect(zeros.length).toBeGreaterThan(20);
  });
});

describe("random bodies", () => {
  const scrapes = () =>
    randomBodies.map((body, number) => {
      const pod = pods.pods[cases.length + number]!;
      const [direct, ...merged] = [
        seen.get(`direct/${pod.prefix}`)!,
        seen.get(`merged/${pod.prefix}`)!,
        seen.get(`text/${pod.prefix}`)!,
        seenByOld.get(`merged/${pod.prefix}`)!,
      ];
      const { podName, goodName } = pod;
      return { podName, goodName, body: body.toString("latin1"), direct, merged };
    });

  test("are taken where Prometheus takes them, but for those with NUL or a word for a name", () => {
    const verdicts = scrapes().map(({ body, direct, merged, podName }) => ({
      body,
      isDirect: direct.up,
      isMerged: isUp(merged[0], podName),
    }));
    const different = verdicts.filter((one) => one.isDirect !== one.isMerged);
    const isAccident = (body: string) => /\0|[{,][a-zA-Z_]+[,}]/.test(body);
    expect(different.filter((one) => one.isMerged || !isAccident(one.body))).toEqual([]);
    expect(verdicts.filter((one) => one.isMerged).length).toBeGreaterThan(20);
    expect(verdicts.filter((one) => !one.isMerged).length).toBeGreaterThan(20);
  });

  test("never cost the good pod anything", () => {
    for (const { merged, goodName } of scrapes()) {
      for (const scrape of merged) {
        expect(scrape.error).toBe("");
        expectGoodPod(scrape, goodName, scrape === merged[1] ? [] : goodExemplars);
      }
    }
  });
});

describe("all pods in one answer", () => {
  const casePods = () => pods.pods.slice(0, cases.length);

  test.each([
    ["3.5", "merged", true, goodExemplars],
    ["3.5", "text", false, []],
    ["2.42", "merged", false, goodExemplars],
  ])("are taken by Prometheus %s, %s", (version, via, utf8Names, exemplars) => {
    const scrape = (version === "3.5" ? seen : seenByOld).get(`${via}/case-`)!;
    expect({ up: scrape.up, error: scrape.error }).toEqual({ up: true, error: "" });
    for (const { goodName } of pods.pods) expectGoodPod(scrape, goodName, exemplars);
    const up = casePods().map(({ podName }) => ({ podName, isUp: isUp(scrape, podName) }));
    expect(up).toEqual(
      cases.map((one, index) => ({
        podName: pods.pods[index]!.podName,
        isUp: isMerged(one) && (utf8Names || one.utf8Names !== true),
      })),
    );
  });

  test("hold each sample that the pods sent, and no series twice but where a pod has it twice", async () => {
    const samples = readSamples(await get("case-", utf8Accept, openMetricsType));
    const byPod = Map.groupBy(samples, (one) => podNameOf(one.labels));
    const found = casePods().map(({ podName }) => [podName, byPod.get(podName)?.length]);
    const sent = cases.map((one, index) => {
      // Three samples tell the health of a pod, a fourth one why it is missing. A pod may not send such.
      const own = isMerged(one) ? readSamples(bodies[index]!.toString()) : [];
      const count = own.filter(({ name }) => !isStatus(name)).length + (isMerged(one) ? 3 : 4);
      return [pods.pods[index]!.podName, count];
    });
    expect(found).toEqual(sent);
    expectOwnRepeats(samples);
  });
});

type Samples = ReturnType<typeof readSamples>;

/** @throws where a sample does not have exactly one */
function podNameOf(labels: Samples[number]["labels"]): string {
  const names = labels.flatMap(([name, value]) => (name === "podname" ? [value] : []));
  expect(names).toHaveLength(1);
  return names[0]!;
}

/** Each series stands once, if its pod has it once. */
function expectOwnRepeats(samples: Samples): void {
  const repeated = new Set(repeatedSeries(samples).map((one) => podNameOf(one.labels)));
  const own = new Set(
    cases.flatMap((one, index) =>
      isMerged(one) && repeatedSeries(readSamples(bodies[index]!.toString())).length > 0
        ? pods.pods[index]!.podName
        : [],
    ),
  );
  const others = [...repeated].filter((podName) => !podName.startsWith("case-random-"));
  expect(others.filter((podName) => !own.has(podName))).toEqual([]);
}

const utf8Accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8";
const openMetricsAccept = "application/openmetrics-text;version=1.0.0";
const textAccept = "text/plain;version=0.0.4";

/** The whole answer, which must be of the type. */
async function get(prefix: string, accept: string, type: string): Promise<string> {
  const response = await fetch(`${app.origin}${pathOf(prefix)}`, { headers: { accept } });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain(type.split(";", 1)[0]);
  return response.text();
}

// An answer without the pod is the good pod's, so none of those is needed.
const mergedCases = [...cases.entries()].filter(([, one]) => isMerged(one) && one.utf8Names !== true);

describe("every answer for a scraper without UTF-8 names", () => {
  test("passes the strict parser of prometheus_client, or else the pod's own body does not", async () => {
    const answers: string[] = [];
    for (const [index] of mergedCases) {
      const answer = await get(pods.pods[index]!.prefix, openMetricsAccept, openMetricsType);
      expectOwnRepeats(readSamples(answer));
      answers.push(answer);
    }
    const verdicts = await askOracleOfEach(answers, "openmetrics");
    const alone = await askOracleOfEach(
      mergedCases.map(([index]) => bodies[index]!),
      "openmetrics",
    );
    const found = mergedCases.map(([, { name }], number) => ({ name, verdict: verdicts[number]! }));
    const expected = mergedCases.map(([, { name, strict }]) => ({
      name,
      verdict: strict === undefined ? { accepted: true } : expect.objectContaining({ accepted: false }),
    }));
    expect(found).toEqual(expected);
    const excuses = mergedCases.flatMap(([, one], number) =>
      one.strict === undefined ? [] : { name: one.name, isRefusedAlone: !alone[number]!.accepted },
    );
    expect(excuses.filter((one) => !one.isRefusedAlone)).toEqual([]);
  });

  test("passes the strict parser with all pods in it that do so alone", async () => {
    const answer = await get(strictPrefix, openMetricsAccept, openMetricsType);
    expect(await askOracle(answer, "openmetrics")).toEqual({ accepted: true });
    expectOwnRepeats(readSamples(answer));
  });

  const half = Math.ceil(mergedCases.length / 2);

  // Two at a time: there are two cores.
  test.each([[mergedCases.slice(0, half)], [mergedCases.slice(half)]])(
    "passes promtool as text",
    { concurrent: true },
    async (some) => {
      for (const [index, { name }] of some) {
        const answer = await get(pods.pods[index]!.prefix, textAccept, "text/plain");
        const { exitCode, output } = await promtoolCheckMetrics(answer, "3.5");
        // 3: remarks on style, which are the pods' own.
        expect([0, 3], `${name}: ${output}`).toContain(exitCode);
        expectOwnRepeats(readSamples(answer));
      }
    },
  );

  test("passes promtool and the parser of prometheus_client as text, with all pods in it", async () => {
    const answer = await get("case-", textAccept, "text/plain");
    for (const version of ["2.42", "3.5"] as const) {
      const { exitCode, output } = await promtoolCheckMetrics(answer, version);
      expect([0, 3], output.slice(0, 500)).toContain(exitCode);
    }
    // It finds no name in a counter that is called `_total`; promtool does.
    const named = answer.replace("# TYPE _total counter\n", "");
    expect(await askOracle(named, "text")).toEqual({ accepted: true });
    expectOwnRepeats(readSamples(answer));
  });
});

test("the share of agreement is printed", () => {
  const agreeing = cases.filter(
    ({ ours, stored, storedAsText, exemplars }) =>
      ours === undefined && stored === undefined && storedAsText === undefined && exemplars === undefined,
  );
  expect(agreeing.length / cases.length).toBeGreaterThan(0.9);
  process.stdout.write(`OpenMetrics, direct and merged agree: ${agreeing.length} of ${cases.length}\n`);
});
