/**
 * One body of the tables of exposition cases, what a real Prometheus 3.5 does with it when it scrapes it alone, and where
 * we differ. Holds no cases itself.
 */

/** Stands for the present time in milliseconds: Prometheus drops samples whose timestamp is far from it. */
export const NOW = "@NOW@";
/** The same in seconds, without their fraction. */
export const NOW_SECONDS = "@NOW_SECONDS@";

/** A difference between what Prometheus does and what we do. Nothing may differ without a reason. */
interface Difference {
  readonly reason: string;
}

interface OtherVerdict extends Difference {
  /** Whether the body goes into a merge. */
  readonly accepted: boolean;
}

export interface OtherSeries extends Difference {
  /** What Prometheus stores of the merged answer instead, as `name{labels} value`, sorted. */
  readonly series: readonly string[];
}

export interface ExpositionCase {
  readonly name: string;
  readonly body: string | Buffer;
  /** Whether Prometheus 3.5 takes the body as a scrape of its own. */
  readonly accepted: boolean;
  /** The whole process of Prometheus 3.5 ends when it scrapes the body, so that none may do so beside others. */
  readonly endsPrometheus?: true;
  /** It has names that a scraper must ask for with `escaping=allow-utf-8`; for others the body is void. */
  readonly utf8Names?: true;
  /** Our verdict, where it is another one. */
  readonly ours?: OtherVerdict;
  /** What is stored, where it is not the same as from a direct scrape. */
  readonly stored?: OtherSeries;
}

/** With the present time in its places. */
export const atTime = (text: string, nowMs: number): string =>
  text.replaceAll(NOW, String(nowMs)).replaceAll(NOW_SECONDS, String(Math.floor(nowMs / 1000)));

/** The body as it goes over the wire. */
export function bodyOf({ body }: ExpositionCase, nowMs: number): Buffer {
  return typeof body === "string" ? Buffer.from(atTime(body, nowMs)) : body;
}

/** Whether the body goes into a merge. */
export function isMerged({ accepted, ours }: ExpositionCase): boolean {
  return ours?.accepted ?? accepted;
}

export function good(
  name: string,
  body: string | Buffer,
  differing: Pick<ExpositionCase, "ours" | "stored"> = {},
) {
  return { name, body, accepted: true, ...differing };
}

export function goodUtf8(name: string, body: string): ExpositionCase {
  return { name, body, accepted: true, utf8Names: true };
}

export function bad(name: string, body: string | Buffer): ExpositionCase {
  return { name, body, accepted: false };
}

export function fatal(name: string, body: string): ExpositionCase {
  return { name, body, accepted: false, endsPrometheus: true };
}

export function takenByUs(
  name: string,
  body: string | Buffer,
  reason: string,
  ...series: string[]
): ExpositionCase {
  return { name, body, accepted: false, ours: { accepted: true, reason }, ...storedAs(reason, ...series) };
}

/** One character a byte. */
export const bytes = (latin1: string) => Buffer.from(latin1, "latin1");

export const refusedByUs = (reason: string) => ({ ours: { accepted: false, reason } });
/** Of a body with a word in its braces where a quoted name may stand. */
export const cutName = refusedByUs(
  "Prometheus takes the word for a quoted name and cuts off its first and last letter; no other reader takes it",
);

export const storedAs = (reason: string, ...series: string[]) => ({
  stored: { reason, series: series.sort() },
});
