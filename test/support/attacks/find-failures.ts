// Holds an observation against every expectation of its attack. A field of the schema that has no check does not compile.
import {
  checkBodyHas,
  checkBodyNot,
  checkClosed,
  checkFailureSignal,
  checkHeaders,
  checkNoHeaders,
  checkOnce,
  checkOtherPods,
  checkSecondRun,
  checkStart,
  checkStatus,
  checkTime,
} from "./answer-checks.ts";
import type { Expectations } from "./attack.ts";
import {
  checkAlive,
  checkClosedWithin,
  checkForwarded,
  checkForwardedMax,
  checkForwardedNot,
  checkGoodClient,
  checkHeaderOn503,
  checkLogBytes,
  checkLogLines,
  checkLogNot,
  checkLoopDelay,
  checkMemory,
  checkMemoryGrowth,
  checkOwnSeries,
  checkStatuses,
  checkUpstream,
  checkUpstreamBody,
  checkUpstreamHeaders,
  checkUpstreamPerPod,
} from "./effect-checks.ts";
import type { Check, Observation } from "./observation.ts";

const checks: { readonly [Name in keyof Required<Expectations>]: Check<NonNullable<Expectations[Name]>> } = {
  status: checkStatus,
  forwarded: checkForwarded,
  forwardedMax: checkForwardedMax,
  forwardedNot: checkForwardedNot,
  upstreamHeaderNot: checkUpstreamHeaders,
  upstreamBodyBytes: checkUpstreamBody,
  headerHas: checkHeaders,
  headerNot: checkNoHeaders,
  bodyHas: checkBodyHas,
  bodyNot: checkBodyNot,
  onceOnly: checkOnce,
  // By strict parsers outside of the private network: attacks.test.ts.
  parsesStrict: () => undefined,
  failureSignal: checkFailureSignal,
  badPod: checkOtherPods,
  secondRunSame: checkSecondRun,
  connectionClosed: checkClosed,
  maxMs: checkTime,
  alive: checkAlive,
  logNot: checkLogNot,
  logLineNot: checkLogLines,
  maxLogBytesPerRequest: checkLogBytes,
  maxRssMiB: checkMemory,
  maxRssGrowthMiB: checkMemoryGrowth,
  maxLoopDelayMs: checkLoopDelay,
  goodClientP99Ms: checkGoodClient,
  closedWithinMs: checkClosedWithin,
  statuses: checkStatuses,
  headerHasOn503: checkHeaderOn503,
  maxUpstream: checkUpstream,
  maxUpstreamPerPod: checkUpstreamPerPod,
  ownSeriesMax: checkOwnSeries,
  startup: checkStart,
  // Held against the answer where the program started.
  orRequest: (expected, seen) =>
    seen.refusedStart === undefined && !isNetworkWithWarning(seen)
      ? findFailures(seen, expected).join("; ") || undefined
      : undefined,
  notes: () => undefined,
};

/** One line for each expectation that does not hold, beginning with its name. */
export function findFailures(seen: Observation, expected: Expectations = seen.attack.expect): string[] {
  const problems = (seen.scenario?.problems ?? []).map((problem) => `scenario: ${problem}`);
  return Object.entries(expected)
    .flatMap(([name, value]) => {
      const check = checks[name as keyof Expectations] as Check<unknown> | undefined;
      if (check === undefined) return [`${name}: there is no check for it`];
      const problem = check(value, seen);
      return problem === undefined ? [] : [`${name}: ${problem}`];
    })
    .concat(problems);
}

/** The catalogue's own override: a CIDR with host bits set is taken as its network, with a warning. */
function isNetworkWithWarning({ attack, logLines }: Observation): boolean {
  const cidr = attack.env?.["CIDR_WHITELIST"];
  return (
    cidr !== undefined &&
    logLines.some(
      (line) =>
        line.includes('"level":"warn"') && line.includes(`\\"${cidr}\\"`) && line.includes("host bits"),
    )
  );
}
