/**
 * Which tokens Prometheus reads as a float: Go's strconv.ParseFloat without the forms that came after Go 1.13
 * (no hexadecimal, no underscores), and without what overflows. The token itself is never converted: values
 * pass through as text, so that integers above 2^53 survive.
 */
import { DOT, LOWER_E, MINUS, NINE, PLUS, UPPER_E, ZERO } from "./syntax.ts";

const special = /^(?:[+-]?inf(?:inity)?|nan)/i;
const LONGEST_SPECIAL = "+infinity".length;

/** With at most this many digits and an exponent below 100, a decimal is far from overflow (1.8e308). */
const MAX_PLAIN_DIGITS = 200;

/** A longer number is refused. */
const MAX_DIGITS = 8192;

/**
 * Walks over a decimal: optional sign, digits with at most one point, optional exponent. Returns where it ends, the
 * bitwise complement of that when the number may overflow, or `start` when there is none.
 */
function skipDecimal(bytes: Uint8Array, start: number): number {
  let pos = start;
  let c = bytes[pos]!;
  if (c === MINUS || c === PLUS) c = bytes[++pos]!;
  const integer = pos;
  while (c >= ZERO && c <= NINE) c = bytes[++pos]!;
  let digits = pos - integer;
  if (c === DOT) {
    const fraction = ++pos;
    c = bytes[pos]!;
    while (c >= ZERO && c <= NINE) c = bytes[++pos]!;
    digits += pos - fraction;
  }
  if (digits === 0) return start;
  let large = digits > MAX_PLAIN_DIGITS;
  if (c === LOWER_E || c === UPPER_E) {
    c = bytes[++pos]!;
    if (c === MINUS || c === PLUS) c = bytes[++pos]!;
    const exponent = pos;
    while (c >= ZERO && c <= NINE) c = bytes[++pos]!;
    if (pos === exponent) return start;
    large ||= pos - exponent > 2;
  }
  return large ? ~pos : pos;
}

/**
 * Where the float that begins at `start` ends, or -1 when what stands there is none to Prometheus. The caller checks
 * that the token ends there too.
 *
 * @param limit the float's bytes are looked for before this position
 */
export function skipFloat(bytes: Buffer, start: number, limit: number): number {
  const end = skipDecimal(bytes, start);
  if (end > start) return end;
  // Go and JavaScript read absurdly long numbers differently, and Go versions too: nobody sends them in good faith.
  if (end < 0 && ~end - start > MAX_DIGITS) return -1;
  if (end < 0) return Number.isFinite(Number(bytes.toString("latin1", start, ~end))) ? ~end : -1;
  const word = special.exec(bytes.toString("latin1", start, Math.min(start + LONGEST_SPECIAL, limit)))?.[0];
  return word === undefined ? -1 : start + word.length;
}

/** Whether `bytes[start, end)` as a whole is a float to Prometheus. */
export function isFloat(bytes: Buffer, start: number, end: number): boolean {
  return end > start && skipFloat(bytes, start, end) === end;
}

/** Whether a run of digits fits a signed 64-bit integer: what Prometheus takes as a timestamp in milliseconds. */
export function isInt64(bytes: Buffer, start: number, end: number): boolean {
  let first = start;
  while (first < end && bytes[first] === ZERO) first++;
  const digits = end - first;
  return digits < 19 || (digits === 19 && bytes.toString("latin1", first, end) <= "9223372036854775807");
}
