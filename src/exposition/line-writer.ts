/**
 * Fills output blocks with labelled sample lines. Between the insert positions of two neighbouring lines the source
 * bytes are one piece (rest of one line, name of the next), so a line costs two copies: that piece and the labels.
 */
import {
  type BodyTable,
  CONVERTS_BIT,
  INSERT_KIND_SHIFT,
  INSERT_OFFSET_MASK,
  InsertKind,
  LINE_WIDTH,
  endLineOf,
} from "./body-table.ts";
import { formatLabel, type Label } from "./label.ts";
import { type LabelConflict, lineHasExemplar, rewriteLine } from "./rewrite-line.ts";
import type { SampleTail } from "./sample-tail.ts";

const BLOCK_BYTES = 256 * 1024;
/** Below this length a loop beats a call to the runtime's copy. */
const SHORT_COPY = 24;

/** The labels of one source, in each form in which they can be inserted. */
export interface InsertTexts {
  readonly labels: readonly Label[];
  /** Indexed by InsertKind. */
  readonly byKind: readonly Buffer[];
  readonly longest: number;
}

export function prepareInserts(labels: readonly Label[]): InsertTexts {
  const list = labels.map(formatLabel).join(",");
  const forms = labels.length === 0 ? ["", "", "", ""] : [`{${list}}`, `${list},`, list, `,${list}`];
  const byKind = forms.map((form) => Buffer.from(form));
  return { labels, byKind, longest: Math.max(...byKind.map((form) => form.length)) };
}

export class LineWriter {
  readonly #conflict: LabelConflict;
  #remainingBytes: number;
  #block: Buffer = Buffer.alloc(0);
  #filled = 0;
  #source: Buffer = this.#block;
  #lines: Int32Array = new Int32Array(0);
  #inserts: InsertTexts | undefined;
  #tail: SampleTail = "same";
  #line = 0;
  #lastLine = 0;
  #lineStart = 0;
  #anew: Buffer | undefined;

  /** @param maxBytes what will be written at most: blocks are not made larger than what is left of it. */
  constructor(conflict: LabelConflict, maxBytes: number) {
    this.#conflict = conflict;
    this.#remainingBytes = maxBytes;
  }

  /** The bytes written since the last take(). The buffer is the caller's. */
  take(): Buffer {
    const taken = this.#block.subarray(0, this.#filled);
    this.#remainingBytes -= this.#filled;
    this.#block = Buffer.alloc(0);
    this.#filled = 0;
    return taken;
  }

  /** Gives back a block that take() returned and that nobody reads any more: the next one is written over it. */
  recycle(block: Buffer | undefined): void {
    // Not one that was made for a single long line.
    const usable = block !== undefined && block.buffer.byteLength <= BLOCK_BYTES;
    if (usable && this.#filled === 0) this.#block = Buffer.from(block.buffer);
  }

  /** Writes bytes; false when they do not fit: take() the block and call again. */
  write(bytes: Buffer): boolean {
    if (!this.#hasRoom(bytes.length)) return false;
    bytes.copy(this.#block, this.#filled);
    this.#filled += bytes.length;
    return true;
  }

  /** Sets the run that fill() writes. `run` is its position in the run table. */
  startRun(table: BodyTable, run: number, inserts: InsertTexts, tail: SampleTail): void {
    const { data } = table.runs;
    this.#source = table.blocks[data[run + 1]!]!;
    this.#lines = table.lines.data;
    this.#inserts = inserts;
    this.#tail = tail;
    this.#line = data[run + 2]! * LINE_WIDTH;
    this.#lastLine = endLineOf(table, run) * LINE_WIDTH;
    this.#lineStart = data[run + 3]!;
  }

  /** Writes lines of the run; false when the block is full before its end: take() it and call again. */
  fill(): boolean {
    const lines = this.#lines;
    const source = this.#source;
    const { byKind, longest } = this.#inserts!;
    while (this.#line < this.#lastLine) {
      const word = lines[this.#line]!;
      const lineEnd = lines[this.#line + 1]!;
      const kindAndBit = word >>> INSERT_KIND_SHIFT;
      const kind = kindAndBit & ~CONVERTS_BIT;
      if (kind >= InsertKind.rewrite || (kind !== kindAndBit && this.#isConverted(lineEnd))) {
        const dropsExemplar = kind === InsertKind.rewriteWithoutExemplar && this.#tail === "same";
        const tail = dropsExemplar ? "withoutExemplar" : this.#tail;
        // Kept for the next block where it does not fit: to write a long line anew is not cheap.
        this.#anew ??= this.#rewrite(lineEnd, tail);
        if (!this.write(this.#anew)) return false;
        this.#anew = undefined;
      } else {
        if (!this.#hasRoom(lineEnd - this.#lineStart + longest)) return false;
        const insertAt = word & INSERT_OFFSET_MASK;
        this.#copy(source, this.#lineStart, insertAt);
        const text = byKind[kind]!;
        this.#copy(text, 0, text.length);
        this.#copy(source, insertAt, lineEnd);
      }
      this.#lineStart = lineEnd;
      this.#line += LINE_WIDTH;
    }
    return true;
  }

  /** Whether a line that has something of OpenMetrics alone must be written without it. */
  #isConverted(lineEnd: number): boolean {
    if (this.#tail !== "withoutExemplar") return this.#tail === "text";
    return lineHasExemplar(this.#source.toString("utf8", this.#lineStart, lineEnd));
  }

  #rewrite(lineEnd: number, tail: SampleTail): Buffer {
    const line = this.#source.toString("utf8", this.#lineStart, lineEnd);
    const { labels } = this.#inserts!;
    return Buffer.from(rewriteLine(line, { injected: labels, conflict: this.#conflict, tail }));
  }

  #copy(from: Buffer, start: number, end: number): void {
    const block = this.#block;
    let at = this.#filled;
    if (end - start < SHORT_COPY) for (let i = start; i < end; i++) block[at++] = from[i]!;
    else from.copy(block, at, start, end);
    this.#filled += end - start;
  }

  #hasRoom(bytes: number): boolean {
    if (this.#block.length - this.#filled >= bytes) return true;
    if (this.#filled > 0) return false;
    this.#block = Buffer.allocUnsafeSlow(Math.max(Math.min(BLOCK_BYTES, this.#remainingBytes), bytes));
    return true;
  }
}
