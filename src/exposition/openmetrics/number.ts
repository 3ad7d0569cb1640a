/** Numbers of a sample line in OpenMetrics: each stands behind exactly one blank, and ends at a blank or a line feed. */
import { skipFloat } from "../float.ts";
import type { Fail } from "../label-group.ts";
import { DOT, LF, MINUS, NINE, PLUS, SPACE, ZERO } from "../syntax.ts";

/** From the blank before a value to the position after it. Throws what `fail` makes. */
export function skipNumber(block: Buffer, blank: number, fail: Fail): number {
  const start = blank + 1;
  if (block[blank] !== SPACE) throw fail("one blank expected", blank);
  const pos = skipFloat(block, start, block.length);
  if (pos < 0 || (block[pos] !== SPACE && block[pos] !== LF)) throw fail("value is not a float", start);
  return pos;
}

/** From the blank before a timestamp in seconds, which is a finite float, to the position after it. */
export function skipTimestamp(block: Buffer, blank: number, fail: Fail): number {
  const pos = skipNumber(block, blank, fail);
  if (!isDigitOrPoint(block[blank + 1]!) && !isSigned(block, blank + 1)) {
    throw fail("timestamp is not finite", blank + 1);
  }
  return pos;
}

function isSigned(block: Buffer, start: number): boolean {
  return (block[start] === PLUS || block[start] === MINUS) && isDigitOrPoint(block[start + 1]!);
}

function isDigitOrPoint(c: number): boolean {
  return c === DOT || (c >= ZERO && c <= NINE);
}
