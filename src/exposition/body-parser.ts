/**
 * One pod's body: takes chunks as they arrive, keeps them once in blocks of whole lines, validates each block as soon
 * as it is full. All or nothing: after an error the body is void.
 */
import { BodyTable, INSERT_OFFSET_MASK } from "./body-table.ts";
import { ExpositionError } from "./exposition-error.ts";
import type { FormatParser, FormatParserOptions } from "./format-parser.ts";
import type { ExpositionFormat } from "./format.ts";
import { OpenMetricsParser } from "./openmetrics/openmetrics-parser.ts";
import { MAX_LINE_BYTES } from "./limits.ts";
import { HASH, LF, SPACE, TAB } from "./syntax.ts";
import { TextParser } from "./text/text-parser.ts";

const FIRST_BLOCK_BYTES = 16 * 1024;
const FULL_BLOCK_BYTES = 256 * 1024;

/** A valid body, ready to be merged any number of times until it is released. */
export interface ParsedBody {
  /** Sample lines. */
  readonly samples: number;
  /** Memory held until the body is dropped, in bytes. */
  readonly heldBytes: number;
  /** Bytes of the exposition itself. */
  readonly bodyBytes: number;
  readonly table: BodyTable;
  /** Gives the memory back at once: bodies of 100 MB would else pile up until the next garbage collection. */
  release(): void;
}

export interface BodyParserOptions extends FormatParserOptions {
  readonly format: ExpositionFormat;
}

export class BodyParser {
  readonly #table: BodyTable;
  readonly #parser: FormatParser;
  #block: Buffer = Buffer.allocUnsafeSlow(FIRST_BLOCK_BYTES);
  #filled = 0;
  #sealedBytes = 0;

  constructor({ format, ...options }: BodyParserOptions) {
    this.#table = new BodyTable(format);
    this.#parser =
      format === "text" ? new TextParser(this.#table, options) : new OpenMetricsParser(this.#table, options);
  }

  /** Memory held now, in bytes. Grows with push() and only with it. */
  get heldBytes(): number {
    return this.#sealedBytes + this.#block.length + this.#table.heldBytes;
  }

  /** Takes the next bytes of the body; they are copied, the chunk stays the caller's. Throws ExpositionError. */
  push(chunk: Uint8Array): void {
    let taken = 0;
    while (taken < chunk.length) {
      const count = Math.min(this.#block.length - this.#filled, chunk.length - taken);
      const whole = count === chunk.length;
      this.#block.set(whole ? chunk : chunk.subarray(taken, taken + count), this.#filled);
      this.#filled += count;
      taken += count;
      if (this.#filled === this.#block.length) this.#parseBlock();
    }
  }

  /** Ends the body. A missing last line feed is added, as Prometheus does. Throws ExpositionError. */
  finish(): ParsedBody {
    if (this.#filled > 0 && this.#block[this.#filled - 1] !== LF) this.push(Buffer.of(LF));
    if (this.#filled > 0) {
      const taken = this.#parser.parse(this.#block, this.#filled, this.#table.blocks.length);
      if (taken < this.#filled) {
        throw new ExpositionError(
          "parse",
          "body ends inside a quoted string",
          this.#parser.lineNumber + 1,
          0,
        );
      }
      // Much of the block is empty, and many small pods are held at a time: what is not needed is given back at once.
      const spare = this.#block.length - taken;
      const isSpacious = spare * 4 > this.#block.length;
      this.#seal(
        isSpacious ? Buffer.from((this.#block.buffer as ArrayBuffer).transfer(taken)) : this.#block,
        taken,
      );
      this.#filled = 0;
    }
    // The table has it now; what the parser still refuses is released there.
    this.#block = Buffer.alloc(0);
    this.#parser.finish();
    this.#table.seal();
    return {
      samples: this.#table.samples,
      heldBytes: this.heldBytes,
      bodyBytes: this.#table.blocks.reduce((sum, block) => sum + block.length, 0),
      table: this.#table,
      release: () => this.#table.release(),
    };
  }

  /** Drops the body, finished or not, and gives its memory back at once. Nothing may be called afterwards. */
  release(): void {
    this.#table.release();
    (this.#block.buffer as ArrayBuffer).transfer(0);
    this.#block = Buffer.alloc(0);
  }

  #parseBlock(): void {
    const lines = this.#block.lastIndexOf(LF) + 1;
    const taken = lines === 0 ? 0 : this.#parser.parse(this.#block, lines, this.#table.blocks.length);
    const rest = this.#filled - taken;
    // What would be refused once it is whole is not worth its memory until then.
    if (rest > MAX_LINE_BYTES && !isComment(this.#block, taken)) {
      const line = this.#parser.lineNumber + 1;
      throw new ExpositionError("parse", `line longer than ${MAX_LINE_BYTES} bytes`, line, 0);
    }
    // An open line is parsed again with the next block. Blocks that do not hold it double, so that a line of any
    // length costs its length and not its square.
    const size = Math.max(Math.min(this.#block.length * 2, FULL_BLOCK_BYTES), rest * 2);
    if (size > INSERT_OFFSET_MASK)
      throw new ExpositionError("parse", "line too long", this.#parser.lineNumber + 1, 0);
    const next = copyOf(this.#block, taken, this.#filled, size);
    if (taken > 0) this.#seal(this.#block, taken);
    this.#block = next;
    this.#filled = rest;
  }

  #seal(block: Buffer, used: number): void {
    this.#sealedBytes += block.length;
    this.#table.blocks.push(block.subarray(0, used));
  }
}

/** A new buffer of `size` bytes that begins with `bytes[from, to)`. */
function copyOf(bytes: Buffer, from: number, to: number, size: number): Buffer {
  const copy = Buffer.allocUnsafeSlow(size);
  bytes.copy(copy, 0, from, to);
  return copy;
}

/** HELP and comments may be long. */
function isComment(block: Buffer, from: number): boolean {
  let at = from;
  while (block[at] === SPACE || block[at] === TAB) at++;
  return block[at] === HASH;
}
