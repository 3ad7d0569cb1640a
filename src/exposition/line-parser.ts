/**
 * The tokenizer: decides, byte by byte, what Prometheus 3.5 decides (model/textparse/promlex.l and promparse.go),
 * and writes down where each line's labels go. It converts nothing and copies nothing. Where Prometheus would stop
 * silently (NUL at a line start) it refuses, because the rest of such a body would be lost without a sign.
 */
import { isUtf8 } from "node:buffer";
import { type BodyTable, INSERT_KIND_SHIFT, InsertKind, LINE_WIDTH, RUN_WIDTH } from "./body-table.ts";
import { CommentParser } from "./comment-parser.ts";
import { ExpositionError } from "./exposition-error.ts";
import { isFloat, isInt64, skipFloat } from "./float.ts";
import { type LabelKind, LabelNames } from "./label-names.ts";
import { unescapeQuoted } from "./label.ts";
import { needsRequoting, skipQuotedName } from "./quoted-name.ts";
import {
  BACKSLASH,
  BRACE_CLOSE,
  BRACE_OPEN,
  COMMA,
  EQUALS,
  HASH,
  isLegacyLabelName,
  isLegacyMetricName,
  LABEL_PART,
  LABEL_START,
  LF,
  LOWER_N,
  NAME_PART,
  NAME_START,
  NINE,
  NUL,
  QUOTE,
  SPACE,
  TAB,
  VALUE_STOP,
  ZERO,
} from "./syntax.ts";

/**
 * A longer name or label value makes a body void. Prometheus has no such limit, but 3.5 dies, as a whole process, of a
 * name or value of 16 MiB: a merge must not carry one to it.
 */
const MAX_TOKEN_BYTES = 1024 * 1024;

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
  readonly #utf8Names: boolean;
  readonly #labels: LabelNames;
  readonly #comments: CommentParser;
  /** Lines seen before the current one, for messages. */
  #lineNumber = 0;
  #block: Buffer = Buffer.alloc(0);
  #lineStart = 0;
  /** Every byte of the block is valid UTF-8, so that no token needs to be looked at. */
  #allUtf8 = true;
  /** The current line cannot be passed on as it is. */
  #rewrite = false;
  #insert = 0;
  #kind: number = InsertKind.noBraces;
  /** Id of the current metric name; INCOMPLETE while a brace group has not named it. */
  #nameId = INCOMPLETE;
  #oddBucket = false;
  #oddQuantile = false;

  constructor(table: BodyTable, { maxSamples, reservedLabels, utf8Names }: LineParserOptions) {
    this.#table = table;
    this.#maxSamples = maxSamples;
    this.#utf8Names = utf8Names;
    this.#labels = new LabelNames(reservedLabels);
    this.#comments = new CommentParser(table, utf8Names, (what, at) => this.#error(what, at));
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
    this.#allUtf8 = isUtf8(block.subarray(0, end));
    const table = this.#table;
    const { runs, lines, names } = table;
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
        const next = this.#comments.parse(block, pos, end, blockIndex, this.#allUtf8);
        if (next === INCOMPLETE) return this.#lineStart;
        pos = next;
        this.#lineNumber++;
        continue;
      }
      // Blanks before a name mean nothing, but Prometheus takes them into the name, and 2.x then refuses the scrape.
      this.#lineStart = pos;
      this.#rewrite = false;
      this.#oddBucket = false;
      this.#oddQuantile = false;
      if (NAME_START[c] === 1) {
        const nameStart = pos;
        do c = block[++pos]!;
        while (NAME_PART[c] === 1);
        if (pos - nameStart > MAX_TOKEN_BYTES) throw this.#tooLong(nameStart);
        const nameId = table.idAt(block, nameStart, pos);
        if (nameId !== runName) {
          runName = nameId;
          runEnd = -1;
        }
        this.#nameId = nameId;
        this.#insert = pos;
        this.#kind = InsertKind.noBraces;
        while (c === SPACE || c === TAB) c = block[++pos]!;
        if (c === BRACE_OPEN) {
          pos = this.#parseBraces(pos, end, true);
          if (pos === INCOMPLETE) return this.#lineStart;
        }
      } else if (c === BRACE_OPEN) {
        this.#nameId = INCOMPLETE;
        pos = this.#parseBraces(pos, end, false);
        if (pos === INCOMPLETE) return this.#lineStart;
        if (this.#nameId === INCOMPLETE) throw this.#error("metric name missing", this.#lineStart);
        if (this.#nameId !== runName) runEnd = -1;
        runName = this.#nameId;
      } else {
        throw this.#error("neither a metric name, a comment nor an empty line", pos);
      }
      pos = this.#parseValue(pos);

      const name = names[runName]!;
      if (runEnd !== this.#lineStart) {
        name.sampled = true;
        runs.reserve(RUN_WIDTH);
        const run = runs.length;
        runs.data[run] = runName;
        runs.data[run + 1] = blockIndex;
        runs.data[run + 2] = lines.length / LINE_WIDTH;
        runs.data[run + 3] = this.#lineStart;
        runs.length = run + RUN_WIDTH;
      }
      if (this.#oddBucket) name.oddBucket = true;
      if (this.#oddQuantile) name.oddQuantile = true;
      this.#addLine(pos);
      runEnd = pos;
    }
    return end;
  }

  #addLine(lineEnd: number): void {
    const { lines } = this.#table;
    if (lines.length >= this.#maxSamples * LINE_WIDTH) {
      const what = `more than ${this.#maxSamples} samples`;
      throw new ExpositionError("too_many_samples", what, this.#lineNumber + 1, 0);
    }
    let kind = this.#kind;
    if (this.#rewrite) {
      kind = InsertKind.rewrite;
      this.#table.rewriteLines++;
      this.#table.rewriteBytes += lineEnd - this.#lineStart;
    }
    lines.reserve(LINE_WIDTH);
    lines.data[lines.length] = this.#insert | (kind << INSERT_KIND_SHIFT);
    lines.data[lines.length + 1] = lineEnd;
    lines.length += LINE_WIDTH;
    this.#lineNumber++;
  }

  /** Parses a brace group from its `{`; returns the position after its `}`, or INCOMPLETE. */
  #parseBraces(open: number, end: number, named: boolean): number {
    const block = this.#block;
    const labels = this.#labels;
    labels.reset();
    let pos = open + 1;
    this.#insert = pos;
    this.#kind = InsertKind.beforeLabels;
    let c = block[pos]!;
    while (c === SPACE || c === TAB) c = block[++pos]!;
    if (c === BRACE_CLOSE) {
      this.#kind = InsertKind.emptyBraces;
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
        pos = this.#skipQuotedName(pos, end);
        if (pos === INCOMPLETE) return INCOMPLETE;
        nameEnd = pos;
        quoted = true;
        c = block[pos]!;
      } else {
        throw this.#error("label name expected", pos);
      }
      while (c === SPACE || c === TAB) c = block[++pos]!;

      // A quoted string without a value is the metric name, wherever in the group it stands.
      if (quoted && (c === COMMA || c === BRACE_CLOSE)) {
        if (named || this.#nameId !== INCOMPLETE) throw this.#error("second metric name", nameStart);
        if (nameEnd - nameStart > MAX_TOKEN_BYTES) throw this.#tooLong(nameStart);
        const text = this.#quotedText(nameStart, nameEnd);
        if (text === "") throw this.#error("empty metric name", nameStart);
        if (!this.#utf8Names) this.#requireLegacy(isLegacyMetricName(text), nameStart);
        this.#nameId = this.#table.idOf(text);
        if (first) {
          this.#insert = nameEnd;
          this.#kind = InsertKind.afterQuotedName;
        } else {
          this.#rewrite = true;
        }
        if (c === BRACE_CLOSE) return pos + 1;
        c = block[++pos]!;
        while (c === SPACE || c === TAB) c = block[++pos]!;
        if (c === BRACE_CLOSE) return pos + 1;
        continue;
      }

      if (c !== EQUALS) throw this.#error("'=' expected after label name", pos);
      c = block[++pos]!;
      while (c === SPACE || c === TAB) c = block[++pos]!;
      if (c !== QUOTE) throw this.#error("quoted label value expected", pos);
      const valueStart = pos + 1;
      pos = this.#skipLabelValue(valueStart, end);
      if (pos === INCOMPLETE) return INCOMPLETE;
      this.#noteLabel(nameStart, nameEnd, quoted, valueStart, pos);

      c = block[++pos]!;
      while (c === SPACE || c === TAB) c = block[++pos]!;
      if (c === COMMA) {
        c = block[++pos]!;
        while (c === SPACE || c === TAB) c = block[++pos]!;
      } else if (c !== BRACE_CLOSE) {
        this.#rewrite = true; // Prometheus takes labels without a comma between them; others do not.
      }
      if (c === BRACE_CLOSE) return pos + 1;
    }
  }

  #noteLabel(
    nameStart: number,
    nameEnd: number,
    quoted: boolean,
    valueStart: number,
    valueEnd: number,
  ): void {
    const block = this.#block;
    const labels = this.#labels;
    if (nameEnd - nameStart > MAX_TOKEN_BYTES) throw this.#tooLong(nameStart);
    if (valueEnd - valueStart > MAX_TOKEN_BYTES) throw this.#tooLong(valueStart);
    let kind: LabelKind;
    if (quoted) {
      const text = this.#quotedText(nameStart, nameEnd);
      if (!this.#utf8Names) this.#requireLegacy(isLegacyLabelName(text), nameStart);
      kind = labels.addText(text);
    } else kind = labels.addBytes(block, nameStart, nameEnd);
    if (kind === "ordinary") return;
    if (kind === "duplicate") throw this.#error("label name stands twice", nameStart);
    if (kind === "empty") throw this.#error("empty label name", nameStart);
    if (kind === "reserved") this.#rewrite = true;
    else if (!isFloat(block, valueStart, valueEnd)) {
      if (kind === "le") this.#oddBucket = true;
      else this.#oddQuantile = true;
    }
  }

  /** For a scraper that knows no quoted names: quotes around a legacy name are taken off, any other name is refused. */
  #requireLegacy(legacy: boolean, at: number): void {
    if (!legacy) throw this.#error("name that only scrapers with UTF-8 names take", at);
    this.#rewrite = true;
  }

  /** From the byte after the opening quote to the position of the closing one, or INCOMPLETE. */
  #skipLabelValue(start: number, end: number): number {
    const block = this.#block;
    let pos = start;
    for (;;) {
      while (VALUE_STOP[block[pos]!] === 0) pos++;
      const c = block[pos]!;
      if (c === QUOTE) break;
      if (c === LF) {
        if (pos + 1 >= end) return INCOMPLETE;
        this.#rewrite = true;
        pos++;
        continue;
      }
      let next = block[++pos]!;
      if (next !== BACKSLASH && next !== QUOTE && next !== LOWER_N) this.#rewrite = true;
      while (next === NUL) next = block[++pos]!; // The lexer of Prometheus steps over NUL inside label values.
      if (next === LF) throw this.#error("line feed after a backslash", pos);
      pos++;
    }
    if (!this.#allUtf8 && !isUtf8(block.subarray(start, pos))) {
      throw this.#error("label value is not valid UTF-8", start);
    }
    return pos;
  }

  /** From the opening quote to the position after the closing one, or INCOMPLETE. */
  #skipQuotedName(start: number, end: number): number {
    const next = skipQuotedName(this.#block, start, end);
    if (next < INCOMPLETE) throw this.#error("quoted name with a forbidden byte", start);
    if (next !== INCOMPLETE && needsRequoting(this.#block, start, next)) this.#rewrite = true;
    return next;
  }

  #quotedText(start: number, end: number): string {
    const bytes = this.#block.subarray(start + 1, end - 1);
    if (!this.#allUtf8 && !isUtf8(bytes)) throw this.#error("name is not valid UTF-8", start);
    return unescapeQuoted(bytes.toString("utf8", 0, bytes.length));
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
      if (pos > valueEnd) this.#rewrite = true; // Blanks at the end of a line: promtool and others refuse them.
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
    if (pos > stampEnd) this.#rewrite = true;
    return pos + 1;
  }

  #tooLong(at: number): ExpositionError {
    return this.#error(`name or label value longer than ${MAX_TOKEN_BYTES} bytes`, at);
  }

  #error(what: string, at: number): ExpositionError {
    return new ExpositionError("parse", what, this.#lineNumber + 1, at - this.#lineStart + 1);
  }
}
