/** The brace group of a sample line in text format, as lenient as Prometheus' own lexer (model/textparse/promlex.l). */
import { InsertKind } from "../body-table.ts";
import { isFloat } from "../float.ts";
import { INCOMPLETE, LabelGroup } from "../label-group.ts";
import { MAX_LINE_BYTES } from "../limits.ts";
import {
  BACKSLASH,
  BRACE_CLOSE,
  COMMA,
  EQUALS,
  LABEL_PART,
  LABEL_START,
  LF,
  LOWER_N,
  NUL,
  QUOTE,
  SPACE,
  TAB,
  VALUE_STOP,
} from "../syntax.ts";

export class TextLabelGroup extends LabelGroup {
  override parse(block: Buffer, open: number, end: number): number {
    this.open(block, open);
    let pos = open + 1;
    let c = block[pos]!;
    while (c === SPACE || c === TAB) c = block[++pos]!;
    if (c === BRACE_CLOSE) {
      this.kind = InsertKind.emptyBraces;
      return pos + 1;
    }
    for (let first = true; ; first = false) {
      const nameStart = pos;
      let nameEnd: number;
      let quoted = false;
      if (LABEL_START[c] === 1) {
        do c = block[++pos]!;
        while (LABEL_PART[c] === 1);
        nameEnd = pos;
      } else if (c === QUOTE) {
        pos = this.skipQuotedName(pos, end);
        if (pos === INCOMPLETE) return INCOMPLETE;
        nameEnd = pos;
        quoted = true;
        c = block[pos]!;
      } else {
        throw this.fail("label name expected", pos);
      }
      while (c === SPACE || c === TAB) c = block[++pos]!;

      // A quoted string without a value is the metric name, wherever in the group it stands.
      if (quoted && (c === COMMA || c === BRACE_CLOSE)) {
        this.noteQuotedMetric(nameStart, nameEnd, first);
        if (c === BRACE_CLOSE) return pos + 1;
        c = block[++pos]!;
        while (c === SPACE || c === TAB) c = block[++pos]!;
        if (c === BRACE_CLOSE) return pos + 1;
        continue;
      }

      if (c !== EQUALS) throw this.fail("'=' expected after label name", pos);
      c = block[++pos]!;
      while (c === SPACE || c === TAB) c = block[++pos]!;
      if (c !== QUOTE) throw this.fail("quoted label value expected", pos);
      const valueStart = pos + 1;
      pos = this.#skipLabelValue(valueStart, end);
      if (pos === INCOMPLETE) return INCOMPLETE;
      this.noteLabel(nameStart, nameEnd, quoted, valueStart, pos);

      c = block[++pos]!;
      while (c === SPACE || c === TAB) c = block[++pos]!;
      if (c === COMMA) {
        c = block[++pos]!;
        while (c === SPACE || c === TAB) c = block[++pos]!;
      } else if (c !== BRACE_CLOSE) {
        this.rewrite = true; // Prometheus takes labels without a comma between them; others do not.
      }
      if (c === BRACE_CLOSE) return pos + 1;
    }
  }

  protected override noteBound(kind: "le" | "quantile", valueStart: number, valueEnd: number): void {
    if (isFloat(this.block, valueStart, valueEnd)) return;
    if (kind === "le") this.oddBucket = true;
    else this.oddQuantile = true;
  }

  /** From the byte after the opening quote to the position of the closing one, or INCOMPLETE. */
  #skipLabelValue(start: number, end: number): number {
    const { block } = this;
    let pos = start;
    for (;;) {
      while (VALUE_STOP[block[pos]!] === 0) pos++;
      const c = block[pos]!;
      if (c === QUOTE) break;
      if (c === LF) {
        if (pos + 1 >= end) {
          // Not to collect 64 MiB of an open quote before the line is found too long.
          if (pos - start > MAX_LINE_BYTES)
            throw this.fail(`line longer than ${MAX_LINE_BYTES} bytes`, start);
          return INCOMPLETE;
        }
        this.rewrite = true;
        pos++;
        continue;
      }
      let next = block[++pos]!;
      if (next !== BACKSLASH && next !== QUOTE && next !== LOWER_N) this.rewrite = true;
      while (next === NUL) next = block[++pos]!; // The lexer of Prometheus steps over NUL inside label values.
      if (next === LF) throw this.fail("line feed after a backslash", pos);
      pos++;
    }
    this.checkUtf8(start, pos);
    return pos;
  }
}
