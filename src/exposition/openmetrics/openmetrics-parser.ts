/**
 * The tokenizer of OpenMetrics: decides, byte by byte, what Prometheus 3.5 decides (model/textparse/openmetricslex.l and
 * openmetricsparse.go), and writes down where each line's labels go. It converts nothing and copies nothing.
 */
import { isUtf8 } from "node:buffer";
import type { BodyTable } from "../body-table.ts";
import { ExpositionError } from "../exposition-error.ts";
import type { FormatParser, FormatParserOptions } from "../format-parser.ts";
import { INCOMPLETE, UNNAMED } from "../label-group.ts";
import { LineRecorder } from "../line-recorder.ts";
import { BRACE_OPEN, HASH, LF, NAME_PART, NAME_START, standsAt } from "../syntax.ts";
import { ExemplarParser } from "./exemplar-parser.ts";
import { MetadataParser } from "./metadata-parser.ts";
import { OpenMetricsLabelGroup } from "./openmetrics-label-group.ts";
import { skipNumber, skipTimestamp } from "./number.ts";

const END = Buffer.from("# EOF\n");
const EXEMPLAR = Buffer.from(" # {");

export class OpenMetricsParser implements FormatParser {
  readonly #table: BodyTable;
  readonly #recorder: LineRecorder;
  readonly #group: OpenMetricsLabelGroup;
  readonly #metadata: MetadataParser;
  readonly #exemplar: ExemplarParser;
  readonly #utf8Names: boolean;
  #lineNumber = 0;
  #block: Buffer = Buffer.alloc(0);
  #lineStart = 0;
  #ended = false;
  readonly #fail = (what: string, at: number) =>
    new ExpositionError("parse", what, this.#lineNumber + 1, at - this.#lineStart + 1);

  constructor(table: BodyTable, { maxSamples, reservedLabels, utf8Names }: FormatParserOptions) {
    this.#table = table;
    const tooMany = (limit: number) => ExpositionError.tooManySamples(limit, this.#lineNumber + 1);
    this.#recorder = new LineRecorder(table, { maxSamples, tooMany, fail: this.#fail });
    this.#group = new OpenMetricsLabelGroup(table, { reservedLabels, utf8Names, fail: this.#fail });
    this.#metadata = new MetadataParser(table, utf8Names, this.#fail);
    this.#exemplar = new ExemplarParser(this.#fail);
    this.#utf8Names = utf8Names;
  }

  get lineNumber(): number {
    return this.#lineNumber;
  }

  parse(block: Buffer, end: number, blockIndex: number): number {
    this.#block = block;
    const group = this.#group;
    group.allUtf8 = isUtf8(block.subarray(0, end));
    this.#exemplar.allUtf8 = group.allUtf8;
    this.#recorder.beginBlock(blockIndex);
    let pos = 0;
    while (pos < end) {
      this.#lineStart = pos;
      if (this.#ended) throw this.#fail("something follows # EOF", pos);
      if (block[pos] === HASH) {
        if (standsAt(block, pos, END)) {
          this.#ended = true;
          pos += END.length;
        } else {
          const next = this.#metadata.parse(block, pos, end, blockIndex, group.allUtf8);
          if (next === INCOMPLETE) return this.#lineStart;
          pos = next;
        }
      } else {
        pos = this.#parseSeries(pos, end);
        if (pos === INCOMPLETE) return this.#lineStart;
        pos = this.#parseValue(pos);
        this.#recorder.add(group, this.#lineStart, pos);
        this.#table.names[group.nameId]!.unfit |= group.unfit;
      }
      this.#lineNumber++;
    }
    return end;
  }

  finish(): void {
    // The one thing that tells a whole body from one that was cut off.
    if (!this.#ended && this.#lineNumber > 0)
      throw new ExpositionError("parse", "it does not end with # EOF", 0, 0);
  }

  /** Parses metric name and labels; returns the position after them, or INCOMPLETE. */
  #parseSeries(start: number, end: number): number {
    const block = this.#block;
    const group = this.#group;
    let pos = start;
    let c = block[pos]!;
    if (NAME_START[c] === 1) {
      do c = block[++pos]!;
      while (NAME_PART[c] === 1);
      group.beginNamed(this.#table.idAt(block, start, pos), start, pos);
      return c === BRACE_OPEN ? group.parse(block, pos, end) : pos;
    }
    if (c !== BRACE_OPEN) throw this.#fail("neither a metric name nor HELP, TYPE, UNIT or EOF", pos);
    group.beginUnnamed(pos);
    pos = group.parse(block, pos, end);
    if (pos !== INCOMPLETE && group.nameId === UNNAMED) throw this.#fail("metric name missing", start);
    return pos;
  }

  /** Whether Prometheus 2, which offers no UTF-8 names, would refuse the whole answer for the exemplar of this line. */
  #isOnlyForPrometheus3(): boolean {
    const { text } = this.#table.names[this.#group.nameId]!;
    return this.#exemplar.hasQuotedName || !/_(?:total|bucket)$/.test(text);
  }

  /** Parses value, timestamp and exemplar up to and with the line feed; returns the position after it. */
  #parseValue(start: number): number {
    const block = this.#block;
    let pos = skipNumber(block, start, this.#fail);
    if (block[pos] === LF) return pos + 1;
    this.#group.converts = true;
    if (!standsAt(block, pos, EXEMPLAR)) {
      pos = skipTimestamp(block, pos, this.#fail);
      if (block[pos] === LF) return pos + 1;
      if (!standsAt(block, pos, EXEMPLAR)) throw this.#fail("exemplar or end of the line expected", pos);
    }
    pos = this.#exemplar.skip(block, pos + EXEMPLAR.length - 1);
    this.#group.rewrite ||= this.#exemplar.hasTrailingComma;
    this.#group.dropsExemplar = !this.#utf8Names && this.#isOnlyForPrometheus3();
    pos = skipNumber(block, pos, this.#fail);
    if (block[pos] === LF) return pos + 1;
    pos = skipTimestamp(block, pos, this.#fail);
    if (block[pos] !== LF) throw this.#fail("end of the line expected", pos);
    return pos + 1;
  }
}
