/**
 * What the brace group of a sample line says: labels, and the metric name where that is quoted. Keeps what is known of the
 * current line; how a group is walked through is a matter of the format, and of the classes that extend this one.
 */
import { isUtf8 } from "node:buffer";
import { type BodyTable, InsertKind } from "./body-table.ts";
import type { FormatParserOptions } from "./format-parser.ts";
import { type LabelKind, LabelNames } from "./label-names.ts";
import { unescapeQuoted } from "./label.ts";
import { MAX_LABELS } from "./limits.ts";
import { needsRequoting, skipQuotedName } from "./quoted-name.ts";
import { isLegacyLabelName, isLegacyMetricName } from "./syntax.ts";

/** Returned where the block ends inside a quoted string: the line goes on in the next block. */
export const INCOMPLETE = -1;

/** The name id of a line whose metric name has not been seen. */
export const UNNAMED = -1;

/** Makes the error for what is wrong at a position of the block. */
export type Fail = (what: string, at: number) => Error;

export interface LabelGroupOptions extends Pick<FormatParserOptions, "reservedLabels" | "utf8Names"> {
  readonly fail: Fail;
}

export abstract class LabelGroup {
  /** What is known of the current line. begin() sets it back; the line's parser reads it, and adds to `rewrite`. */
  nameId = UNNAMED;
  kind: number = InsertKind.noBraces;
  insertAt = 0;
  /** The line is legal but cannot be passed on as it is. */
  rewrite = false;
  /** The line cannot be passed on as it is where the answer is in another format. */
  converts = false;
  /** One of its label values has an escape that the text format does not know. */
  hasOddEscape = false;
  /** Its exemplar cannot be passed on. */
  dropsExemplar = false;
  /** Its `le` (or `quantile`) is no number. */
  oddBucket = false;
  oddQuantile = false;
  /** Every byte of the block is valid UTF-8, so that no token needs to be looked at. Set once a block. */
  allUtf8 = true;

  protected readonly table: BodyTable;
  protected readonly labels: LabelNames;
  protected readonly fail: Fail;
  protected block: Buffer = Buffer.alloc(0);
  readonly #utf8Names: boolean;
  #labelCount = 0;

  constructor(table: BodyTable, { reservedLabels, utf8Names, fail }: LabelGroupOptions) {
    this.table = table;
    this.labels = new LabelNames(reservedLabels);
    this.#utf8Names = utf8Names;
    this.fail = fail;
  }

  /** A new line, with its metric name if that stands before the braces. */
  begin(nameId: number, nameEnd: number): void {
    this.nameId = nameId;
    this.kind = InsertKind.noBraces;
    this.insertAt = nameEnd;
    this.rewrite = false;
    this.converts = false;
    this.hasOddEscape = false;
    this.dropsExemplar = false;
    this.oddBucket = false;
    this.oddQuantile = false;
  }

  /**
   * Parses a group from its `{`, in a block of which `[0, end)` are whole lines. Returns the position after its `}`, or
   * INCOMPLETE when the block ends inside a quoted string. Throws what `fail` makes.
   */
  abstract parse(block: Buffer, open: number, end: number): number;

  /** The value of an `le` or a `quantile` label. */
  protected abstract noteBound(kind: "le" | "quantile", valueStart: number, valueEnd: number): void;

  /** A group begins: of the line, only what stands before it is known. */
  protected open(block: Buffer, position: number): void {
    this.block = block;
    this.labels.reset();
    this.#labelCount = 0;
    this.insertAt = position + 1;
    this.kind = InsertKind.beforeLabels;
  }

  /** A quoted string without a value, which is the metric name. `first`: nothing stands before it in the group. */
  protected noteQuotedMetric(start: number, end: number, first: boolean): void {
    if (this.nameId !== UNNAMED) throw this.fail("second metric name", start);
    const text = this.#quotedText(start, end);
    if (text === "") throw this.fail("empty metric name", start);
    this.#noteQuoted(isLegacyMetricName(text), start);
    this.nameId = this.table.idOf(text);
    if (first) {
      this.insertAt = end;
      this.kind = InsertKind.afterQuotedName;
    } else {
      this.rewrite = true;
    }
  }

  /** A label. Positions of the name are with its quotes, if it has some, those of the value without. */
  protected noteLabel(
    nameStart: number,
    nameEnd: number,
    quoted: boolean,
    valueStart: number,
    valueEnd: number,
  ): void {
    const { block, labels } = this;
    if (++this.#labelCount > MAX_LABELS) throw this.fail(`more than ${MAX_LABELS} labels`, nameStart);
    let kind: LabelKind;
    if (quoted) {
      const text = this.#quotedText(nameStart, nameEnd);
      this.#noteQuoted(isLegacyLabelName(text), nameStart);
      kind = labels.addText(text);
    } else kind = labels.addBytes(block, nameStart, nameEnd);
    if (kind === "ordinary") return;
    if (kind === "duplicate") throw this.fail("label name stands twice", nameStart);
    if (kind === "empty") throw this.fail("empty label name", nameStart);
    if (kind === "reserved") this.rewrite = true;
    else this.noteBound(kind, valueStart, valueEnd);
  }

  /** From the opening quote to the position after the closing one, or INCOMPLETE. */
  protected skipQuotedName(start: number, end: number): number {
    const next = skipQuotedName(this.block, start, end);
    if (next < INCOMPLETE) throw this.fail("quoted name with a forbidden byte", start);
    if (next !== INCOMPLETE && needsRequoting(this.block, start, next)) this.rewrite = true;
    return next;
  }

  /** Refuses a label value that is not valid UTF-8. */
  protected checkUtf8(start: number, end: number): void {
    if (!this.allUtf8 && !isUtf8(this.block.subarray(start, end))) {
      throw this.fail("label value is not valid UTF-8", start);
    }
  }

  /** For a scraper that knows no quoted names: quotes around a legacy name are taken off, any other name is refused. */
  #noteQuoted(legacy: boolean, at: number): void {
    if (this.#utf8Names) {
      this.table.utf8Names ||= !legacy;
      return;
    }
    if (!legacy) throw this.fail("name that only scrapers with UTF-8 names take", at);
    this.rewrite = true;
  }

  #quotedText(start: number, end: number): string {
    const bytes = this.block.subarray(start + 1, end - 1);
    if (!this.allUtf8 && !isUtf8(bytes)) throw this.fail("name is not valid UTF-8", start);
    return unescapeQuoted(bytes.toString());
  }
}
