/** The metric name in a HELP, TYPE or UNIT line, quoted or not. */
import { isUtf8 } from "node:buffer";
import type { BodyName, BodyTable } from "./body-table.ts";
import { type Fail, INCOMPLETE } from "./label-group.ts";
import { unescapeQuoted } from "./label.ts";
import { MAX_LINE_BYTES } from "./limits.ts";
import { skipQuotedName } from "./quoted-name.ts";
import { isLegacyMetricName, NAME_PART, NAME_START, QUOTE } from "./syntax.ts";

/** The position after the name at `start`; INCOMPLETE when the block ends inside it. Throws what `fail` makes. */
export function skipMetadataName(block: Buffer, start: number, end: number, fail: Fail): number {
  let pos = start;
  if (block[pos] === QUOTE) {
    pos = skipQuotedName(block, pos, end);
    if (pos < INCOMPLETE) throw fail("quoted name with a forbidden byte", start);
  } else if (NAME_START[block[pos]!] === 1) {
    do pos++;
    while (NAME_PART[block[pos]!] === 1);
  } else {
    throw fail("metric name expected", pos);
  }
  if (pos - start > MAX_LINE_BYTES) throw fail(`metric name longer than ${MAX_LINE_BYTES} bytes`, start);
  return pos;
}

/**
 * The name `block[start, end)` in the table. Undefined for one that no sample of this body can have: its metadata belongs to
 * nothing, though Prometheus takes the line all the same.
 */
export function findMetadataName(
  table: BodyTable,
  block: Buffer,
  { start, end, utf8Names }: { start: number; end: number; utf8Names: boolean },
): BodyName | undefined {
  if (block[start] !== QUOTE) return table.names[table.idAt(block, start, end)];
  const quoted = block.subarray(start + 1, end - 1);
  if (quoted.length === 0 || !isUtf8(quoted)) return undefined;
  const text = unescapeQuoted(quoted.toString());
  const isLegacy = isLegacyMetricName(text);
  if (!isLegacy && !utf8Names) return undefined;
  table.utf8Names ||= !isLegacy;
  return table.names[table.idOf(text)];
}
