/**
 * The tokenizer: decides, byte by byte, what Prometheus 3.5 decides (model/textparse/promlex.l and promparse.go),
 * and writes down where each line's labels go. It converts nothing and copies nothing. Where Prometheus would stop
 * silently (NUL at a line start) it refuses, because the rest of such a body would be lost without a sign.
 */
import { isUtf8 } from "node:buffer";
import { type BodyTable, INSERT_KIND_SHIFT, InsertKind, LINE_WIDTH, RUN_WIDTH } from "./body-table.ts";
import { CommentParser } from "./comment-parser.ts";
import { ExpositionError } from "./exposition-error.ts";
import { isInt64, skipFloat } from "./float.ts";
import { LabelGroupParser, MAX_TOKEN_BYTES, UNNAMED } from "./label-group-parser.ts";
import { BRACE_OPEN, HASH, LF, NAME_PART, NAME_START, NINE, SPACE, TAB, ZERO } from "./syntax.ts";

/** Returned where the block ends inside a quoted string: the line goes on in the next block. */
const INCOMPLETE = -1;

export interface LineParserOptions {
  /** A body with more samples is void (`too_many_samples`). */
  readonly maxSamples: number;
  /** Label names that the merge will add: samples that have one of them already are written anew. */
  readonly reservedLabels: readonly string[];
  /** Whether the scraper takes names outside the legacy character set. If not, a body that has one is void. */
  readonly utf8Names: boolean;
}

export class LineParser {
  readonly #table: BodyTable;
  readonly #maxSamples: number;
  readonly #group: LabelGroupParser;
  readonly #comments: CommentParser;
  /** Lines seen before the current one, for messages. */
  #lineNumber = 0;
  #block: Buffer = Buffer.alloc(0);
  #lineStart = 0;

  constructor(table: BodyTable, { maxSamples, reservedLabels, utf8Names }: LineParserOptions) {
    this.#table = table;
    this.#maxSamples = maxSamples;
    const fail = (what: string, at: number) => this.#error(what, at);
    this.#group = new LabelGroupParser(table, { reservedLabels, utf8Names, fail });
    this.#comments = new CommentParser(table, utf8Names, fail);
  }

  /** Lines parsed so far. */
  get lineNumber(): number {
    return this.#lineNumber;
  }

  /**
   * Parses the lines in `block[0, end)`, of which the last byte is a line feed, and adds them to the table as lines
   * of block number `blockIndex`. Returns how many bytes were taken: less than `end` when the last line has an open
   * quote. Throws ExpositionError.
   */
  parse(block: Buffer, end: number, blockIndex: number): number {
    this.#block = block;
    const table = this.#table;
    const group = this.#group;
    group.allUtf8 = isUtf8(block.subarray(0, end));
    const { names } = table;
    let runEnd = -1;
    let runName = -1;
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
        if (pos - nameStart > MAX_TOKEN_BYTES) throw group.tooLong(nameStart);
        group.begin(table.idAt(block, nameStart, pos), pos);
        while (c === SPACE || c === TAB) c = block[++pos]!;
        if (c === BRACE_OPEN) {
          pos = group.parse(block, pos, end, true);
          if (pos === INCOMPLETE) return this.#lineStart;
        }
      } else if (c === BRACE_OPEN) {
        group.begin(UNNAMED, pos);
        pos = group.parse(block, pos, end, false);
        if (pos === INCOMPLETE) return this.#lineStart;
        if (group.nameId === UNNAMED) throw this.#error("metric name missing", this.#lineStart);
      } else {
        throw this.#error("neither a metric name, a comment nor an empty line", pos);
      }
      pos = this.#parseValue(pos);

      const name = names[group.nameId]!;
      if (group.nameId !== runName || runEnd !== this.#lineStart) {
        runName = group.nameId;
        name.sampled = true;
        this.#startRun(runName, blockIndex);
      }
      if (group.oddBucket) name.oddBucket = true;
      if (group.oddQuantile) name.oddQuantile = true;
      this.#addLine(pos);
      runEnd = pos;
    }
    return end;
  }

  #startRun(nameId: number, blockIndex: number): void {
    const { runs, lines } = this.#table;
    runs.reserve(RUN_WIDTH);
    const run = runs.length;
    runs.data[run] = nameId;
    runs.data[run + 1] = blockIndex;
    runs.data[run + 2] = lines.length / LINE_WIDTH;
    runs.data[run + 3] = this.#lineStart;
    runs.length = run + RUN_WIDTH;
  }

  #addLine(lineEnd: number): void {
    const { lines } = this.#table;
    if (lines.length >= this.#maxSamples * LINE_WIDTH) {
      const what = `more than ${this.#maxSamples} samples`;
      throw new ExpositionError("too_many_samples", what, this.#lineNumber + 1, 0);
    }
    let { kind } = this.#group;
    if (this.#group.rewrite) {
      kind = InsertKind.rewrite;
      this.#table.rewriteLines++;
      this.#table.rewriteBytes += lineEnd - this.#lineStart;
    }
    lines.reserve(LINE_WIDTH);
    lines.data[lines.length] = this.#group.insertAt | (kind << INSERT_KIND_SHIFT);
    lines.data[lines.length + 1] = lineEnd;
    lines.length += LINE_WIDTH;
    this.#lineNumber++;
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
