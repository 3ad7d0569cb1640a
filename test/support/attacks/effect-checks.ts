// Expectations about what happened behind the answer: who was dialled and with what, the log, memory, and other clients.
import type { Expectations } from "./attack.ts";
import { type Check, show } from "./observation.ts";

type Value<Name extends keyof Expectations> = NonNullable<Expectations[Name]>;

/**
 * 0: nothing was dialled at all. A list: nothing else was asked for, and by a request that succeeded, all of it was.
 */
export const checkForwarded: Check<Value<"forwarded">> = (expected, { traffic, refusedDials, exchanges }) => {
  if (expected === "any") return undefined;
  if (refusedDials > 0) return `${refusedDials} connections to places where nobody listens`;
  const asked = traffic.requests.map(({ to, method, target }) => `${to} ${method} ${target}`);
  if (expected === 0)
    return traffic.dials.length === 0
      ? undefined
      : `dialled ${traffic.dials.join(", ")}: ${asked.join(", ")}`;
  const other = asked.find((one) => !expected.includes(one));
  if (other !== undefined) return `sent ${show(other)}`;
  const missing = expected.find((one) => !asked.includes(one));
  const succeeded = exchanges.some(({ status }) => status === 200);
  return succeeded && missing !== undefined ? `did not send ${show(missing)}` : undefined;
};

export const checkForwardedMax: Check<number> = (max, { traffic }) =>
  traffic.requests.length <= max ? undefined : `sent ${traffic.requests.length} requests to pods`;

export const checkForwardedNot: Check<readonly string[]> = (texts, { traffic }) => {
  const all = [...traffic.dials, ...traffic.requests.map(({ to, target }) => `${to} ${target}`)];
  const found = all.find((one) => texts.some((text) => one.includes(text)));
  return found === undefined ? undefined : `sent ${show(found)}`;
};

/** What the proxy says for its own connection. */
const ownConnection = /^connection: (?:keep-alive|close)$/iu;

/** Neither as the name of a header nor as a word of a value. */
export const checkUpstreamHeaders: Check<readonly string[]> = (texts, { traffic }) => {
  for (const text of texts) {
    const word = new RegExp(`(?<![a-z0-9])${RegExp.escape(text)}(?![a-z0-9])`, "iu");
    const lines = traffic.requests.flatMap(({ headerLines }) => headerLines);
    const line = lines.find((line) => word.test(line) && !ownConnection.test(line));
    if (line !== undefined) return `a pod was sent ${show(line)}`;
  }
  return undefined;
};

export const checkUpstreamBody: Check<number> = (max, { traffic }) =>
  traffic.bodyBytes <= max ? undefined : `pods were sent ${traffic.bodyBytes} bytes of bodies`;

export const checkAlive: Check<true> = (_expected, { notAlive }) => notAlive;

export const checkLogNot: Check<readonly string[]> = (texts, { logLines }) => {
  const found = logLines.find((line) => texts.some((text) => line.includes(text)));
  return found === undefined ? undefined : `logged ${show(found)}`;
};

/** Every line is one JSON object; none begins as the forged one does. */
export const checkLogLines: Check<readonly string[]> = (texts, { logLines }) => {
  for (const line of logLines) {
    if (texts.some((text) => line.trimStart().startsWith(text)))
      return `logged the forged line ${show(line)}`;
    // Above ASCII nothing from outside may reorder or break what an operator reads.
    if (/[^\x20-\x7e]/u.test(line)) return `logged raw bytes: ${show(line)}`;
    try {
      JSON.parse(line);
    } catch {
      return `logged what is no JSON: ${show(line)}`;
    }
  }
  return undefined;
};

export const checkLogBytes: Check<number> = (max, { logLines, exchanges }) => {
  const bytes = logLines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  const perRequest = bytes / Math.max(exchanges.length, 1);
  return perRequest <= max ? undefined : `logged ${perRequest} bytes for a request`;
};

const atMost =
  (what: string, unit: string) =>
  (max: number, got: number | undefined): string | undefined => {
    if (got === undefined) return `${what} was not measured`;
    return got <= max ? undefined : `${what} is ${Math.round(got)}${unit}, expected at most ${max}`;
  };

export const checkMemory: Check<number> = (max, { peakMemoryMiB }) =>
  atMost("peak memory", " MiB")(max, peakMemoryMiB);

export const checkMemoryGrowth: Check<number> = (max, { memoryGrowthMiB }) =>
  atMost("growth of memory", " MiB")(max, memoryGrowthMiB);

export const checkLoopDelay: Check<number> = (max, { loopDelayMs }) =>
  atMost("delay of the event loop", " ms")(max, loopDelayMs);

export const checkGoodClient: Check<number> = (maxMs, { scenario }) => {
  const { goodClientMs = [], goodClientFailures = [] } = scenario ?? {};
  if (goodClientFailures.length > 0)
    return `${goodClientFailures.length} failures of a client that behaves: ${goodClientFailures[0]}`;
  const sorted = goodClientMs.toSorted((a, b) => a - b);
  return atMost("p99 of a client that behaves", " ms")(maxMs, sorted[Math.ceil(sorted.length * 0.99) - 1]);
};

export const checkClosedWithin: Check<number> = (maxMs, { scenario }) =>
  atMost("the longest connection", " ms")(maxMs, scenario?.longestConnectionMs);

export const checkStatuses: Check<readonly number[]> = (allowed, { scenario }) => {
  const got = Object.keys(scenario?.statuses ?? {}).map(Number);
  const other = got.find((status) => !allowed.includes(status));
  if (got.length === 0) return "no statuses were seen";
  return other === undefined ? undefined : `${scenario?.statuses?.[other]} answers with status ${other}`;
};

export const checkHeaderOn503: Check<string> = (name, { scenario }) => {
  if (!((scenario?.statuses?.[503] ?? 0) > 0)) return "no 503 was seen";
  return scenario?.headersOn503?.includes(name) ? undefined : `a 503 came without ${name}`;
};

export const checkUpstream: Check<number> = (max, { traffic }) =>
  atMost("requests to pods at a time", "")(max, traffic.busiest);

export const checkUpstreamPerPod: Check<number> = (max, { traffic }) =>
  atMost("requests to one pod at a time", "")(max, traffic.busiestPod);

export const checkOwnSeries: Check<number> = (max, { ownSeries }) =>
  atMost("the number of own series", "")(max, ownSeries);
