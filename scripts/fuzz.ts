/**
 * `npm run fuzz -- --minutes N [--seed S] [--formats text,openmetrics]`: random expositions against the slow merger until
 * the time is over. What it finds is made small, kept in test/fixtures/fuzz-corpus and replayed by every test run.
 */
import type { ExpositionFormat } from "../src/exposition/format.ts";
import { parseArgs } from "node:util";
import * as fc from "fast-check";
import { findCaseProblem, type FuzzCase, fuzzCases } from "../test/support/fuzz-cases.ts";
import { keepFinding, readCorpus } from "../test/support/fuzz-corpus.ts";

const CASES_PER_SEED = 1000;
/** One bug is found again and again, each time in another body. */
const MAX_FINDINGS = 10;
const REPORT_INTERVAL_MS = 30_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    formats: { type: "string", default: "text,openmetrics" },
  },
});
const endMs = performance.now() + Number(values.minutes) * 60_000;
if (Number.isNaN(endMs)) throw new Error(`Cannot fuzz for "${values.minutes}" minutes: not a number`);
const cases = fuzzCases(readCorpus(), values.formats.split(",") as ExpositionFormat[]);

const findings = new Set<string>();
let executions = 0;
let reportedMs = performance.now();
for (let seed = Number(values.seed); performance.now() < endMs && findings.size < MAX_FINDINGS; seed++) {
  const property = fc.property(cases, (one) => {
    executions++;
    const problem = findCaseProblem(one);
    if (problem !== undefined) throw new Error(problem);
  });
  const result = fc.check(property, {
    seed,
    numRuns: CASES_PER_SEED,
    interruptAfterTimeLimit: Math.max(endMs - performance.now(), 1),
    markInterruptAsFailure: false,
  });
  if (result.failed && result.counterexample !== null)
    report(seed, result.counterexample[0], result.errorInstance);
  if (performance.now() - reportedMs > REPORT_INTERVAL_MS) {
    reportedMs = performance.now();
    console.log(`${executions} executions, ${findings.size} findings, at seed ${seed}`);
  }
}
console.log(`${executions} executions, ${findings.size} findings, from seed ${values.seed}`);
if (findings.size > 0) process.exitCode = 1;

function report(seed: number, { pods, labelConflict, utf8Names }: FuzzCase, error: unknown): void {
  const name = keepFinding(pods);
  if (findings.has(name)) return;
  findings.add(name);
  console.log(`\nFinding ${name} (seed ${seed}, ${labelConflict}, utf8Names ${utf8Names}):`);
  for (const { body, format } of pods) console.log(`  ${format} ${JSON.stringify(body.toString())}`);
  console.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
}
