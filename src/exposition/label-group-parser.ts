/**
 * The brace group of a sample line: labels, and the metric name where that is quoted. Finds where the injected labels go,
 * and what cannot be passed on as it is.
 */
import { isUtf8 } from "node:buffer";
import { type BodyTable, InsertKind } from "./body-table.ts";
import { isFloat } from "./float.ts";
import { type LabelKind, LabelNames } from "./label-names.ts";
import { unescapeQuoted } from "./label.ts";
import { needsRequoting, skipQuotedName } from "./quoted-name.ts";
import {
  BACKSLASH,
  BRACE_CLOSE,
  COMMA,
  EQUALS,
  isLegacyLabelName,
  isLegacyMetricName,
  LABEL_PART,
  LABEL_START,
  LF,
  LOWER_N,
  NUL,
  QUOTE,
  SPACE,
  TAB,
  VALUE_STOP,
} from "./syntax.ts";

/**
 * A longer name or label value makes a body void. Prometheus has no such limit, but 3.5 dies, as a whole process, of a
 * name or value of 16 MiB: a merge must not carry one to it.
 */
export const MAX_TOKEN_BYTES = 1024 * 1024;

/** A sample with more labels makes a body void: the work that a line takes is done in one go. */
const MAX_LABELS = 4096;

/** Returned where the block ends inside a quoted string. */
const INCOMPLETE = -1;
/** The name id of a line whose metric name has not been seen. */
export const UNNAMED = -1;

type Fail = (what: string, at: number) => Error;

export class LabelGroupParser {
  /** What is known of the current line. begin() sets it back; the line's parser reads it, and adds to `rewrite`. */
  nameId = UNNAMED;
  kind: number = InsertKind.noBraces;
  insertAt = 0;
  /** The line is legal but cannot be passed on as it is. */
  rewrite = false;
  /** Its `le` (or `quantile`) is no number. */
  oddBucket = false;
  oddQuantile = false;
  /** Every byte of the block is valid UTF-8, so that no token needs to be looked at. Set once a block. */
  allUtf8 = true;

  readonly #table: BodyTable;
  readonly #labels: LabelNames;
  readonly #utf8Names: boolean;
  readonly #fail: Fail;
  #block: Buffer = Buffer.alloc(0);
  #labelCount = 0;

  constructor(table: BodyTable, o: { reservedLabels: readonly string[]; utf8Names: boolean; fail: Fail }) {
    this.#table = table;
    this.#labels = new LabelNames(o.reservedLabels);
    this.#utf8Names = o.utf8Names;
    this.#fail = o.fail;
  }

  /** A new line, with its metric name if that stands before the braces. */
  begin(nameId: number, nameEnd: number): void {
    this.nameId = nameId;
    this.kind = InsertKind.noBraces;
    this.insertAt = nameEnd;
    this.rewrite = false;
    this.oddBucket = false;
    this.oddQuantile = false;
  }

  /**
   * Parses a group from its `{`, in a block of which `[0, end)` are whole lines. Returns the position after its `}`, or
   * -1 when the block ends inside a quoted string. Throws what `fail` makes.
   *
   * @param named whether the metric name stands before the group
   */
  parse(block: Buffer, open: number, end: number, named: boolean): number {
    this.#block = block;
    const labels = this.#labels;
    labels.reset();
    this.#labelCount = 0;
    let pos = open + 1;
    this.insertAt = pos;
    this.kind = InsertKind.beforeLabels;
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
        pos = this.#skipQuotedName(pos, end);
        if (pos === INCOMPLETE) return INCOMPLETE;
        nameEnd = pos;
        quoted = true;
        c = block[pos]!;
      } else {
        throw this.#fail("label name expected", pos);
      }
      while (c === SPACE || c === TAB) c = block[++pos]!;

      // A quoted string without a value is the metric name, wherever in the group it stands.
      if (quoted && (c === COMMA || c === BRACE_CLOSE)) {
        if (named || this.nameId !== UNNAMED) throw this.#fail("second metric name", nameStart);
        if (nameEnd - nameStart > MAX_TOKEN_BYTES) throw this.tooLong(nameStart);
        const text = this.#quotedText(nameStart, nameEnd);
        if (text === "") throw this.#fail("empty metric name", nameStart);
        if (!this.#utf8Names) this.#requireLegacy(isLegacyMetricName(text), nameStart);
        this.nameId = this.#table.idOf(text);
        if (first) {
          this.insertAt = nameEnd;
          this.kind = InsertKind.afterQuotedName;
        } else {
          this.rewrite = true;
        }
        if (c === BRACE_CLOSE) return pos + 1;
        c = block[++pos]!;
        while (c === SPACE || c === TAB) c = block[++pos]!;
        if (c === BRACE_CLOSE) return pos + 1;
        continue;
      }

      if (c !== EQUALS) throw this.#fail("'=' expected after label name", pos);
      c = block[++pos]!;
      while (c === SPACE || c === TAB) c = block[++pos]!;
      if (c !== QUOTE) throw this.#fail("quoted label value expected", pos);
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
        this.rewrite = true; // Prometheus takes labels without a comma between them; others do not.
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
    if (++this.#labelCount > MAX_LABELS) throw this.#fail(`more than ${MAX_LABELS} labels`, nameStart);
    if (nameEnd - nameStart > MAX_TOKEN_BYTES) throw this.tooLong(nameStart);
    if (valueEnd - valueStart > MAX_TOKEN_BYTES) throw this.tooLong(valueStart);
    let kind: LabelKind;
    if (quoted) {
      const text = this.#quotedText(nameStart, nameEnd);
      if (!this.#utf8Names) this.#requireLegacy(isLegacyLabelName(text), nameStart);
      kind = labels.addText(text);
    } else kind = labels.addBytes(block, nameStart, nameEnd);
    if (kind === "ordinary") return;
    if (kind === "duplicate") throw this.#fail("label name stands twice", nameStart);
    if (kind === "empty") throw this.#fail("empty label name", nameStart);
    if (kind === "reserved") this.rewrite = true;
    else if (!isFloat(block, valueStart, valueEnd)) {
      if (kind === "le") this.oddBucket = true;
      else this.oddQuantile = true;
    }
  }

  /** For a scraper that knows no quoted names: quotes around a legacy name are taken off, any other name is refused. */
  #requireLegacy(legacy: boolean, at: number): void {
    if (!legacy) throw this.#fail("name that only scrapers with UTF-8 names take", at);
    this.rewrite = true;
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
        if (pos + 1 >= end) {
          // Not to collect 64 MiB of an open quote before it is found too long.
          if (pos - start > MAX_TOKEN_BYTES) throw this.tooLong(start);
          return INCOMPLETE;
        }
        this.rewrite = true;
        pos++;
        continue;
      }
      let next = block[++pos]!;
      if (next !== BACKSLASH && next !== QUOTE && next !== LOWER_N) this.rewrite = true;
      while (next === NUL) next = block[++pos]!; // The lexer of Prometheus steps over NUL inside label values.
      if (next === LF) throw this.#fail("line feed after a backslash", pos);
      pos++;
    }
    if (!this.allUtf8 && !isUtf8(block.subarray(start, pos))) {
      throw this.#fail("label value is not valid UTF-8", start);
    }
    return pos;
  }

  /** From the opening quote to the position after the closing one, or INCOMPLETE. */
  #skipQuotedName(start: number, end: number): number {
    const next = skipQuotedName(this.#block, start, end);
    if (next < INCOMPLETE) throw this.#fail("quoted name with a forbidden byte", start);
    if (next !== INCOMPLETE && needsRequoting(this.#block, start, next)) this.rewrite = true;
    return next;
  }

  #quotedText(start: number, end: number): string {
    const bytes = this.#block.subarray(start + 1, end - 1);
    if (!this.allUtf8 && !isUtf8(bytes)) throw this.#fail("name is not valid UTF-8", start);
    return unescapeQuoted(bytes.toString());
  }

  /** The error for a name or value longer than MAX_TOKEN_BYTES. */
  tooLong(at: number): Error {
    return this.#fail(`name or label value longer than ${MAX_TOKEN_BYTES} bytes`, at);
  }
}
