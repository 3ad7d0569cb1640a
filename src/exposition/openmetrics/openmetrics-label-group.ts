/**
 * The brace group of a sample line in OpenMetrics, as Prometheus' own lexer takes it (model/textparse/openmetricslex.l): no
 * blanks, a comma between labels, no line feed in a value. A comma at the end is taken, though others refuse it.
 */
import { InsertKind, UnfitBit } from "../body-table.ts";
import { isFloat } from "../float.ts";
import { INCOMPLETE, LabelGroup, UNNAMED } from "../label-group.ts";
import { unescapeQuoted } from "../label.ts";
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
  VALUE_STOP,
} from "../syntax.ts";

export class OpenMetricsLabelGroup extends LabelGroup {
  /** UnfitBit of the line. */
  unfit = 0;
  /** Where the metric name stands before the braces; 0 long where it does not. */
  #metricStart = 0;
  #metricLength = 0;

  beginNamed(nameId: number, start: number, end: number): void {
    this.begin(nameId, end);
    this.unfit = UnfitBit.bucket | UnfitBit.quantile | UnfitBit.state;
    this.#metricStart = start;
    this.#metricLength = end - start;
  }

  /** A line that begins with its brace group. */
  beginUnnamed(open: number): void {
    this.beginNamed(UNNAMED, open, open);
  }

  override parse(block: Buffer, open: number, end: number): number {
    this.open(block, open);
    let pos = open + 1;
    if (block[pos] === BRACE_CLOSE) {
      this.kind = InsertKind.emptyBraces;
      return pos + 1;
    }
    for (let first = true; ; first = false) {
      const nameStart = pos;
      const quoted = block[pos] === QUOTE;
      if (quoted) {
        pos = this.skipQuotedName(pos, end);
        if (pos === INCOMPLETE) return INCOMPLETE;
      } else {
        if (LABEL_START[block[pos]!] !== 1) throw this.fail("label name expected", pos);
        do pos++;
        while (LABEL_PART[block[pos]!] === 1);
      }
      const nameEnd = pos;
      if (quoted && (block[pos] === COMMA || block[pos] === BRACE_CLOSE)) {
        this.noteQuotedMetric(nameStart, nameEnd, first);
        if (!first && this.labels.has(this.#metric())) this.unfit &= ~UnfitBit.state;
      } else {
        if (block[pos] !== EQUALS) throw this.fail("'=' expected after label name", pos);
        if (block[++pos] !== QUOTE) throw this.fail("quoted label value expected", pos);
        const valueStart = pos + 1;
        pos = this.#skipLabelValue(valueStart);
        this.#noteState(nameStart, nameEnd, quoted);
        this.noteLabel(nameStart, nameEnd, quoted, valueStart, pos);
        pos++;
      }
      if (block[pos] === BRACE_CLOSE) return pos + 1;
      if (block[pos] !== COMMA) throw this.fail("',' or '}' expected after a label", pos);
      if (block[++pos] === BRACE_CLOSE) {
        this.rewrite = true;
        return pos + 1;
      }
    }
  }

  protected override noteBound(kind: "le" | "quantile", valueStart: number, valueEnd: number): void {
    const isNumber = isFloat(this.block, valueStart, valueEnd);
    const text = this.block.toString("latin1", valueStart, valueEnd);
    if (kind === "le") {
      if (!isNumber) this.oddBucket = true;
      else if (text === "+Inf" || Number.isFinite(Number(text))) this.unfit &= ~UnfitBit.bucket;
    } else {
      if (!isNumber) this.oddQuantile = true;
      else if (Number(text) >= 0 && Number(text) <= 1) this.unfit &= ~UnfitBit.quantile;
    }
  }

  /** A label with the name of the metric tells the state of a stateset. */
  #noteState(start: number, end: number, quoted: boolean): void {
    if (this.nameId === UNNAMED) return;
    if (quoted || this.#metricLength === 0) {
      const name = this.block.toString("utf8", start, end);
      if ((quoted ? unescapeQuoted(name.slice(1, -1)) : name) === this.#metric())
        this.unfit &= ~UnfitBit.state;
      return;
    }
    if (end - start !== this.#metricLength) return;
    const { block } = this;
    for (let at = start; at < end; at++) if (block[at] !== block[this.#metricStart + at - start]) return;
    this.unfit &= ~UnfitBit.state;
  }

  #metric(): string {
    return this.table.names[this.nameId]!.text;
  }

  /** From the byte after the opening quote to the position of the closing one. */
  #skipLabelValue(start: number): number {
    const { block } = this;
    let pos = start;
    for (;;) {
      while (VALUE_STOP[block[pos]!] === 0) pos++;
      const c = block[pos]!;
      if (c === QUOTE) break;
      if (c === LF) throw this.fail("line feed in a label value", pos);
      let next = block[++pos]!;
      if (next !== BACKSLASH && next !== QUOTE && next !== LOWER_N) {
        this.hasOddEscape = true;
        this.converts = true;
      }
      while (next === NUL) next = block[++pos]!; // The lexer of Prometheus steps over NUL inside label values.
      if (next === LF) throw this.fail("line feed after a backslash", pos);
      pos++;
    }
    this.checkUtf8(start, pos);
    return pos;
  }
}
