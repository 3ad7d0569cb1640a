/** What stands behind the labels of a sample line: value, timestamp, exemplar; and what becomes of it in another answer. */

/**
 * `same`: it stays. `withoutExemplar`: for a sample whose family has lost the type that can have one. `text`: from OpenMetrics
 * to the text format, which has no exemplars and counts time in milliseconds.
 */
export type SampleTail = "same" | "withoutExemplar" | "text";

const exemplarStart = " # {";

/** Whether a tail of OpenMetrics has an exemplar: value and timestamp hold no blanks. */
export function hasExemplar(tail: string): boolean {
  return tail.includes(exemplarStart);
}

/**
 * @param tail without blanks at its ends
 * @returns undefined when the sample cannot be written: its time is outside of what the text format can say (and of what
 *   Prometheus stores beside samples of today)
 */
export function convertTail(tail: string, to: SampleTail): string | undefined {
  const exemplar = tail.indexOf(exemplarStart);
  if (to === "same") return exemplar < 0 ? tail : withoutTrailingComma(tail, exemplar + exemplarStart.length);
  const sample = exemplar < 0 ? tail : tail.slice(0, exemplar);
  const [value = "", seconds] = sample.split(" ");
  if (to === "withoutExemplar" || seconds === undefined) return sample;
  // As Prometheus does (openmetricsparse.go): a float, cut off below the millisecond.
  const milliseconds = Math.trunc(Number(seconds) * 1000);
  return milliseconds >= 0 && milliseconds < 2 ** 63 ? `${value} ${BigInt(milliseconds)}` : undefined;
}

/** Without the comma before the closing brace of an exemplar, which only Prometheus 3 takes. */
function withoutTrailingComma(tail: string, labels: number): string {
  let end = labels;
  for (let quoted = false; quoted || tail[end] !== "}"; end++) {
    if (tail[end] === '"') quoted = !quoted;
    else if (tail[end] === "\\") end++;
  }
  return tail[end - 1] === "," ? tail.slice(0, end - 1) + tail.slice(end) : tail;
}
