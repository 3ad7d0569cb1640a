/**
 * The exposition engine, inside the real program, against real Prometheus servers: what Prometheus does with a body that
 * it scrapes directly, and what with the same body as one pod of a merge, beside a good pod.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CasePods, casePodsCidr, casePodsNamespace } from "../support/case-pods.ts";
import {
  type CaseScrapes,
  isStatus,
  isUp,
  ofPod,
  scrapeOnce,
  seriesOf,
  unseen,
} from "../support/differential.ts";
import { damagedBody, tokenSoup } from "../support/exposition-arbitraries.ts";
import { bodyOf, type ExpositionCase, isMerged } from "../support/exposition-case.ts";
import { expositionCases } from "../support/exposition-cases.ts";
import { type RunningApp, startApp } from "../support/http/start-app.ts";
import { askOracle } from "../support/openmetrics-oracle.ts";
import { findProblem, parseExposition } from "../support/parse-exposition.ts";
import { promtoolCheckMetrics } from "../support/promtool.ts";
import { parseReference } from "../support/reference-parser.ts";

const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));

/** Real bodies, in which nothing may differ. */
const corpora: ExpositionCase[] = [
  { name: "node_exporter", body: fixture("node_exporter.txt"), accepted: true },
  { name: "kube-apiserver", body: gunzipSync(fixture("kube_apiserver.txt.gz")), accepted: true },
];
const cases = [...expositionCases, ...corpora];

/** Always the same bodies: Prometheus says which of them are valid. */
const randomBodies = fc.sample(fc.oneof({ weight: 3, arbitrary: damagedBody }, tokenSoup), {
  seed: 20260131,
  numRuns: 150,
});

const goodBody = '# HELP good Good.\n# TYPE good gauge\ngood 1\na{good="yes"} 7\n';
const now = Date.now();
const bodies = [...cases.map((one) => bodyOf(one, now)), ...randomBodies];

let pods: CasePods;
let app: RunningApp;
/** What each target of Prometheus 3.5, of 2.42 gave. Keys are `direct/case-017-`, `merged/case-017-`, `merged/case-`. */
let seen: CaseScrapes;
let seenByOld: CaseScrapes;

beforeAll(async () => {
  pods = await CasePods.start(
    bodies.map((body) => ({ body })),
    { body: Buffer.from(goodBody) },
  );
  app = await startApp({
    PODS_FILE: pods.file,
    CIDR_WHITELIST: casePodsCidr,
    LOG_LEVEL: "error",
    MAX_CONCURRENT_SCRAPES: "1000",
    // Pods, program and test share one process, which is busy at times.
    CONNECT_TIMEOUT: "9s",
  });
  const survived = pods.pods.filter((_, index) => cases[index]?.endsPrometheus !== true);
  const direct = survived.map(({ prefix, address }) => ({
    targets: [address] as const,
    labels: { via: "direct", case: prefix },
  }));
  const merged = (prefixes: readonly string[]) =>
    [...prefixes, "case-"].map((prefix) => ({
      targets: [`127.0.0.1:${app.port}`] as const,
      labels: { via: "merged", case: prefix, __metrics_path__: pathOf(prefix) },
    }));
  const all = pods.pods.map(({ prefix }) => prefix);
  // Where a body is not in a merge, the answer is the same for both versions.
  const mergedOnes = all.filter((_, index) => findProblem(bodies[index]!) === undefined);
  // One after the other: pods, program and test share this process, and a scrape that comes too late is a failed one.
  seen = await scrapeOnce("3.5", [{ targets: [...direct, ...merged(all)] }]);
  seenByOld = await scrapeOnce("2.42", [{ targets: [...direct, ...merged(mergedOnes)] }]);
}, 180_000);

afterAll(async () => {
  await app?.stop();
  await pods?.stop();
});

const pathOf = (prefix: string) => `/mproxy/${casePodsNamespace}/${prefix}/metrics`;

const goodSeries = ['a{good="yes"} 7', "good{} 1"];

/** Refused alone by Prometheus 2.42, which knows no quoted names, and taken from a merge, where they are written without quotes. */
const refusedBy242 = new Set([
  "blank before a name",
  "blanks and tabs before a name with labels",
  "quoted name that needs no quotes",
  "quoted label name that needs no quotes",
  "same name quoted and unquoted",
  "HELP and TYPE of an empty quoted name",
  "TYPE of a name twice, with and without quotes",
  "TYPE of a quoted name with a raw line feed",
  "TYPE and HELP of a quoted name that is not UTF-8",
  "label names of the merge, quoted and with blanks",
  "NUL in the word HELP, without a name",
  ...cases.flatMap(({ name, utf8Names }) => (utf8Names === true ? [name] : [])),
]);

describe.each(cases.map((one, index) => ({ ...one, index })))("$name", (one) => {
  const { name, index, accepted, stored } = one;
  const reason = one.ours ?? stored;

  test(reason === undefined ? "is the same directly and merged" : `differs: ${reason.reason}`, () => {
    const { prefix, podName, goodName } = pods.pods[index]!;
    const direct = seen.get(`direct/${prefix}`) ?? unseen;
    const merged = seen.get(`merged/${prefix}`)!;
    expect({ up: direct.up, error: direct.error }).toEqual({
      up: accepted,
      error: accepted ? "" : (expect.any(String) as string),
    });
    expect({ up: merged.up, error: merged.error }).toEqual({ up: true, error: "" });
    expect(seriesOf(ofPod(merged, goodName).samples)).toEqual(goodSeries);
    expect(isUp(merged, goodName)).toBe(true);
    expect(isUp(merged, podName)).toBe(isMerged(one));

    const mergedSeries = seriesOf(ofPod(merged, podName).samples);
    const directSeries = seriesOf(direct.samples);
    if (!isMerged(one)) expect(mergedSeries).toEqual([]);
    else expect(mergedSeries).toEqual(stored?.series ?? directSeries);
    // A difference that is no more must leave the table.
    if (stored !== undefined) expect(mergedSeries).not.toEqual(directSeries);
  });

  if (!isMerged(one)) return;
  test("is safe to merge for Prometheus 2.42", () => {
    const { prefix, podName, goodName } = pods.pods[index]!;
    const merged = seenByOld.get(`merged/${prefix}`)!;
    expect({ up: merged.up, error: merged.error }).toEqual({ up: true, error: "" });
    expect(seriesOf(ofPod(merged, goodName).samples)).toEqual(goodSeries);
    expect(isUp(merged, podName)).toBe(one.utf8Names !== true);
    const direct = seenByOld.get(`direct/${prefix}`)!;
    // What it does not take alone it takes from a merge, where that writes it in a form that every reader knows.
    const isSame = direct.up && stored === undefined;
    if (isSame) expect(seriesOf(ofPod(merged, podName).samples)).toEqual(seriesOf(direct.samples));
    expect({ name, takenAlone: direct.up }).toEqual({
      name,
      takenAlone: one.utf8Names !== true && !refusedBy242.has(name),
    });
  });
});

describe("random bodies", () => {
  const scrapes = () =>
    randomBodies.map((body, number) => {
      const pod = pods.pods[cases.length + number]!;
      const direct = seen.get(`direct/${pod.prefix}`)!;
      const merged = seen.get(`merged/${pod.prefix}`)!;
      const { podName, goodName } = pod;
      return { podName, goodName, body, direct, merged, old: seenByOld.get(`merged/${pod.prefix}`) };
    });

  test("are taken where Prometheus takes them, but for those with NUL", () => {
    const verdicts = scrapes().map(({ body, direct, merged, podName }) => ({
      body: body.toString("latin1"),
      isDirect: direct.up,
      isMerged: isUp(merged, podName),
    }));
    const different = verdicts.filter((one) => one.isDirect !== one.isMerged);
    expect(different.filter((one) => one.isMerged || !one.body.includes("\0"))).toEqual([]);
    expect(verdicts.filter((one) => one.isMerged).length).toBeGreaterThan(20);
    expect(verdicts.filter((one) => !one.isMerged).length).toBeGreaterThan(20);
  });

  test("never cost the good pod anything", () => {
    for (const { merged, old, goodName } of scrapes()) {
      for (const scrape of old === undefined ? [merged] : [merged, old]) {
        expect(scrape.error).toBe("");
        expect(seriesOf(ofPod(scrape, goodName).samples)).toEqual(goodSeries);
      }
    }
  });
});

describe("all pods in one answer", () => {
  const mergedNames = (utf8Names: boolean) =>
    new Set(
      bodies.flatMap((body, index) =>
        findProblem(body, { utf8Names }) === undefined ? pods.pods[index]!.podName : [],
      ),
    );

  test.each([
    ["3.5", true],
    ["2.42", false],
  ])("are taken by Prometheus %s", (version, utf8Names) => {
    const scrape = (version === "3.5" ? seen : seenByOld).get("merged/case-")!;
    expect({ up: scrape.up, error: scrape.error }).toEqual({ up: true, error: "" });
    const failures = scrape.samples.filter(
      ({ labels }) => labels["podname"]!.endsWith("-good") && "reason" in labels,
    );
    expect(failures.map(({ labels }) => labels)).toEqual([]);
    for (const { goodName } of pods.pods)
      expect(seriesOf(ofPod(scrape, goodName).samples)).toEqual(goodSeries);
    const up = pods.pods.flatMap(({ podName }) => (isUp(scrape, podName) ? podName : []));
    expect(new Set(up)).toEqual(mergedNames(utf8Names));
  });

  test("hold each sample that the pods sent", async () => {
    const answer = await get("case-", utf8Accept);
    const byPod = Map.groupBy(parseReference(answer).samples, ({ labels }) => labels[0]?.value ?? "");
    const sent = bodies.map((body, index) => {
      const isValid = findProblem(body) === undefined;
      // Three samples tell the health of a pod, a fourth one why it is missing. A pod may not send such.
      const left = body.toString("latin1").split("\n").filter(isStatus).length;
      return [pods.pods[index]!.podName, isValid ? parseExposition(body).samples - left + 3 : 4];
    });
    expect(sent.map(([podName]) => [podName, byPod.get(podName as string)?.length])).toEqual(sent);
  });
});

const utf8Accept =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4," +
  "text/plain;version=0.0.4;q=0.3,*/*;q=0.1";

async function get(prefix: string, accept: string): Promise<string> {
  const response = await fetch(`${app.origin}${pathOf(prefix)}`, { headers: { accept } });
  expect(response.status).toBe(200);
  return response.text();
}

describe("every answer for a scraper without UTF-8 names", () => {
  // An answer without the pod is the good pod's, so none of those is needed.
  const merged = [...cases.entries()].filter(([, one]) => isMerged(one));
  const half = Math.ceil(merged.length / 2);

  // Two at a time: there are two cores.
  test.each([[merged.slice(0, half)], [merged.slice(half)]])(
    "passes promtool",
    { concurrent: true },
    async (some) => {
      for (const [index, { name }] of some) {
        const answer = await get(pods.pods[index]!.prefix, "text/plain");
        const { exitCode, output } = await promtoolCheckMetrics(answer, "3.5");
        // 3: remarks on style, which are the pods' own.
        expect([0, 3], `${name}: ${output}`).toContain(exitCode);
      }
    },
  );

  test("passes promtool and the parser of prometheus_client, with all pods in it", async () => {
    const answer = await get("case-", "text/plain");
    for (const version of ["2.42", "3.5"] as const) {
      const { exitCode, output } = await promtoolCheckMetrics(answer, version);
      expect([0, 3], output.slice(0, 500)).toContain(exitCode);
    }
    expect(await askOracle(answer, "text")).toEqual({ accepted: true });
  });
});

test("the share of agreement is printed", () => {
  // What the table says to differ does, and nothing else: each case has been compared above.
  const agreeing = cases.filter(({ ours, stored }) => ours === undefined && stored === undefined);
  expect(agreeing.length / cases.length).toBeGreaterThan(0.85);
  process.stdout.write(`Text, direct and merged agree: ${agreeing.length} of ${cases.length}\n`);
});
