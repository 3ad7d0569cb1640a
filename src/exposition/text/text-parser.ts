/**
 * The tokenizer of the text format: decides, byte by byte, what Prometheus 3.5 decides (model/textparse/promlex.l and
 * promparse.go), and writes down where each line's labels go. It converts nothing and copies nothing. Where Prometheus
 * would stop silently (NUL at a line start) it refuses, because the rest of such a body would be lost without a sign.
 */
import { isUtf8 } from "node:buffer";
import type { BodyTable } from "../body-table.ts";
import { ExpositionError } from "../exposition-error.ts";
import { isInt64, skipFloat } from "../float.ts";
import type { FormatParser, FormatParserOptions } from "../format-parser.ts";
import { INCOMPLETE, UNNAMED } from "../label-group.ts";
import { LineRecorder } from "../line-recorder.ts";
import { BRACE_OPEN, HASH, LF, NAME_PART, NAME_START, NINE, SPACE, TAB, ZERO } from "../syntax.ts";
import { CommentParser } from "./comment-parser.ts";
import { TextLabelGroup } from "./text-label-group.ts";

export class TextParser implements FormatParser {
  readonly #table: BodyTable;
  readonly #recorder: LineRecorder;
  readonly #group: TextLabelGroup;
  readonly #comments: CommentParser;
  /** Lines seen before the current one, for messages. */
  #lineNumber = 0;
  #block: Buffer = Buffer.alloc(0);
  #lineStart = 0;

  constructor(table: BodyTable, { maxSamples, reservedLabels, utf8Names }: FormatParserOptions) {
    this.#table = table;
    const fail = (what: string, at: number) => this.#error(what, at);
    const tooMany = (limit: number) => ExpositionError.tooManySamples(limit, this.#lineNumber + 1);
    this.#recorder = new LineRecorder(table, { maxSamples, tooMany, fail });
    this.#group = new TextLabelGroup(table, { reservedLabels, utf8Names, fail });
    this.#comments = new CommentParser(table, utf8Names, fail);
  }

  get lineNumber(): number {
    return this.#lineNumber;
  }

  parse(block: Buffer, end: number, blockIndex: number): number {
    this.#block = block;
    const table = this.#table;
    const group = this.#group;
    group.allUtf8 = isUtf8(block.subarray(0, end));
    this.#recorder.beginBlock(blockIndex);
    let pos = 0;
    while (pos < end) {
      this.#lineStart = pos;
      let c = block[pos]!;
      while (c === SPACE || c === TAB) c = block[++pos]!;
      if (c === LF) {
        pos++;
        this.#lineNumber++;
        continue;
      }
      if (c === HASH) {
        const next = this.#comments.parse(block, pos, end, blockIndex, group.allUtf8);
        if (next === INCOMPLETE) return this.#lineStart;
        pos = next;
        this.#lineNumber++;
        continue;
      }
      // Blanks before a name mean nothing, but Prometheus takes them into the name, and 2.x then refuses the scrape.
      this.#lineStart = pos;
      if (NAME_START[c] === 1) {
        const nameStart = pos;
        do c = block[++pos]!;
        while (NAME_PART[c] === 1);
        group.begin(table.idAt(block, nameStart, pos), pos);
        while (c === SPACE || c === TAB) c = block[++pos]!;
        if (c === BRACE_OPEN) {
          pos = group.parse(block, pos, end);
          if (pos === INCOMPLETE) return this.#lineStart;
        }
      } else if (c === BRACE_OPEN) {
        group.begin(UNNAMED, pos);
        pos = group.parse(block, pos, end);
        if (pos === INCOMPLETE) return this.#lineStart;
        if (group.nameId === UNNAMED) throw this.#error("metric name missing", this.#lineStart);
      } else {
        throw this.#error("neither a metric name, a comment nor an empty line", pos);
      }
      pos = this.#parseValue(pos);
      this.#recorder.add(group, this.#lineStart, pos);
      this.#lineNumber++;
    }
    return end;
  }

  finish(): void {
    // The text format has no mark at its end.
  }

  /** Parses value and timestamp up to and with the line feed; returns the position after it. */
  #parseValue(start: number): number {
    const block = this.#block;
    let pos = start;
    let c = block[pos]!;
    while (c === SPACE || c === TAB) c = block[++pos]!;
    const valueStart = pos;
    pos = skipFloat(block, pos, block.length);
    if (pos < 0) throw this.#error("value is not a float", valueStart);
    c = block[pos]!;
    if (c !== SPACE && c !== TAB && c !== LF) throw this.#error("value is not a float", valueStart);
    const valueEnd = pos;
    while (c === SPACE || c === TAB) c = block[++pos]!;
    if (c === LF) {
      if (pos > valueEnd) this.#group.rewrite = true; // Blanks at the end of a line: promtool and others refuse them.
      return pos + 1;
    }
    const stampStart = pos;
    while (c >= ZERO && c <= NINE) c = block[++pos]!;
    const stampEnd = pos;
    while (c === SPACE || c === TAB) c = block[++pos]!;
    if (c !== LF || stampEnd === stampStart || !isInt64(block, stampStart, stampEnd)) {
      throw this.#error(
        "neither a timestamp in milliseconds nor the end of the line after the value",
        stampStart,
      );
    }
    if (pos > stampEnd) this.#group.rewrite = true;
    return pos + 1;
  }

  #error(what: string, at: number): ExpositionError {
    return new ExpositionError("parse", what, this.#lineNumber + 1, at - this.#lineStart + 1);
  }
}
