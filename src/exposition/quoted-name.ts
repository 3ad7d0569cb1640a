/** Quoted metric and label names (UTF-8 names), which stand inside braces and in HELP and TYPE lines. */
import { BACKSLASH, LF, LOWER_N, NUL, QUOTE } from "./syntax.ts";

/**
 * Walks over a quoted name. Returns the position after the closing quote, -1 when `bytes` end first, -2 at a byte
 * that Prometheus' lexer refuses there.
 *
 * @param start position of the opening quote
 */
export function skipQuotedName(bytes: Buffer, start: number, end: number): number {
  for (let pos = start + 1; pos < end; pos++) {
    const c = bytes[pos];
    if (c === QUOTE) return pos + 1;
    if (c === NUL) return -2;
    if (c === BACKSLASH) {
      const next = bytes[++pos];
      if (next === LF || next === NUL) return -2;
    }
  }
  return -1;
}

/** Whether a quoted name has a raw line feed or an escape that only Prometheus takes. */
export function needsRequoting(bytes: Buffer, start: number, end: number): boolean {
  for (let pos = start + 1; pos < end - 1; pos++) {
    const c = bytes[pos];
    if (c === LF) return true;
    if (c === BACKSLASH) {
      const next = bytes[++pos];
      if (next !== QUOTE && next !== BACKSLASH && next !== LOWER_N) return true;
    }
  }
  return false;
}
