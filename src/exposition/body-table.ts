/**
 * What the tokenizer learns of one body: which names occur, and where their lines are. Bodies hold thousands of
 * lines, so a line is two integers and never an object.
 */

import { ExpositionError } from "./exposition-error.ts";
import type { ExpositionFormat } from "./format.ts";
import { MAX_HELP_BYTES } from "./limits.ts";

/** Where the labels go on a line, and in which form. Stored, with CONVERTS_BIT, in the top four bits of a line's first integer. */
export const InsertKind = {
  /** `name 1` becomes `name{labels} 1`. */
  noBraces: 0,
  /** `name{a="b"} 1` becomes `name{labels,a="b"} 1`. */
  beforeLabels: 1,
  /** `name{} 1` becomes `name{labels} 1`. */
  emptyBraces: 2,
  /** `{"name",a="b"} 1` becomes `{"name",labels,a="b"} 1`. */
  afterQuotedName: 3,
  /** The line is legal to Prometheus but not to every reader, or its labels collide with ours: written anew. */
  rewrite: 4,
  /** The same, and its exemplar is left out. */
  rewriteWithoutExemplar: 5,
} as const;

/** Added to a line's InsertKind: its bytes are of OpenMetrics alone (timestamp, exemplar, escape), so text has it written anew. */
export const CONVERTS_BIT = 8;

export const INSERT_KIND_SHIFT = 28;
/** Also the largest size of a block: an offset fits beside its kind. */
export const INSERT_OFFSET_MASK = 0x0fff_ffff;

/**
 * Metric types as bits: a family on which pods disagree has more than one. `untyped` of the text format is what OpenMetrics
 * calls `unknown`; the last three are of OpenMetrics alone.
 */
export const TypeBit = {
  counter: 1,
  gauge: 2,
  histogram: 4,
  summary: 8,
  untyped: 16,
  info: 32,
  stateset: 64,
  gaugehistogram: 128,
} as const;
export type MetricType = keyof typeof TypeBit;

/**
 * Why samples of a name cannot be part of an OpenMetrics family of some type, as bits: a bucket without a proper `le`, a
 * quantile without a proper `quantile`, a state without the label that says which.
 */
export const UnfitBit = { bucket: 1, quantile: 2, state: 4 } as const;

/** A body with more metric names is void. Samples have a limit of their own, but a name needs no sample. */
const MAX_NAMES = 100_000;
/** What a name takes beside its text: its object, its places in maps. Measured. */
const NAME_BYTES = 250;

/** One metric name of a body, as a sample or in a HELP or TYPE line. */
export class BodyName {
  /** Decoded: without quotes and escapes. */
  readonly text: string;
  /** Union of TypeBit; 0 when the body says no TYPE for this name. */
  types = 0;
  /** Where the text of the last HELP line is, raw as in the body: block number, start, end; block -1 without one. */
  helpBlock = -1;
  helpStart = 0;
  helpEnd = 0;
  /** Of the last UNIT line; empty when there is none. */
  unit = "";
  sampled = false;
  /** A sample of this name has an `le` (or `quantile`) label that is no float: no reader takes it as a bucket. */
  oddBucket = false;
  oddQuantile = false;
  /** Union of UnfitBit; of bodies in OpenMetrics only. */
  unfit = 0;

  constructor(text: string) {
    this.text = text;
  }
}

/** What the samples of a name say of it. */
export type SampleFacts = Pick<BodyName, "sampled" | "oddBucket" | "oddQuantile" | "unfit">;

/** Adds what some samples of a name say to what is known of it. */
export function addSampleFacts(to: SampleFacts, from: SampleFacts): void {
  to.sampled ||= from.sampled;
  to.oddBucket ||= from.oddBucket;
  to.oddQuantile ||= from.oddQuantile;
  to.unfit |= from.unfit;
}

/** Integers a run takes in the run table: name, block, first line, start of the first line. */
export const RUN_WIDTH = 4;
/** Integers a line takes in the line table: insert position with kind, end of the line (past its LF). */
export const LINE_WIDTH = 2;

/** A list of 32-bit integers that grows by doubling. */
class IntList {
  data: Int32Array;
  length = 0;

  constructor(capacity: number) {
    this.data = new Int32Array(capacity);
  }

  /** Makes room for `count` more. `data` may be another array afterwards. */
  reserve(count: number): void {
    if (this.length + count <= this.data.length) return;
    this.#resize(Math.max(this.data.length * 2, this.length + count));
  }

  /** Gives back the room that is not used. */
  trim(): void {
    if (this.length < this.data.length) this.#resize(this.length);
  }

  /** Gives the old memory back at once: many bodies would else leave as much again for the garbage collection. */
  #resize(capacity: number): void {
    this.data = new Int32Array(
      (this.data.buffer as ArrayBuffer).transfer(capacity * this.data.BYTES_PER_ELEMENT),
    );
  }
}

export class BodyTable {
  /** Parsed blocks: whole lines only, in the order received. */
  readonly blocks: Buffer[] = [];
  readonly names: BodyName[] = [];
  #ids = new Map<string, number>();
  /** The unquoted name asked for last: HELP, TYPE and samples of one name usually follow each other. */
  #lastBytes: Buffer = Buffer.alloc(0);
  #lastStart = 0;
  #lastEnd = 0;
  #lastId = -1;
  #nameBytes = 0;
  /** Consecutive lines of one name without anything between them. RUN_WIDTH integers each. */
  readonly runs = new IntList(64 * RUN_WIDTH);
  /** LINE_WIDTH integers each. */
  readonly lines = new IntList(256 * LINE_WIDTH);
  readonly format: ExpositionFormat;
  /** A name outside the legacy character set stands in it. */
  utf8Names = false;
  /** Bytes in lines that are written anew whatever the answer is. */
  rewriteBytes = 0;
  rewriteLines = 0;
  /** Lines that are written anew in an answer of another format, and the bytes of those of them that may grow by escapes. */
  convertLines = 0;
  convertBytes = 0;

  constructor(format: ExpositionFormat) {
    this.format = format;
  }

  get samples(): number {
    return this.lines.length / LINE_WIDTH;
  }

  /** The id of a name: its index in `names`. */
  idOf(text: string): number {
    const known = this.#ids.get(text);
    if (known !== undefined) return known;
    const id = this.names.length;
    if (id >= MAX_NAMES)
      throw new ExpositionError("too_many_samples", `more than ${MAX_NAMES} metric names`, 0, 0);
    this.names.push(new BodyName(text));
    this.#nameBytes += text.length + NAME_BYTES;
    this.#ids.set(text, id);
    return id;
  }

  /** The id of the unquoted name `bytes[start, end)`; the bytes must stay as they are. */
  idAt(bytes: Buffer, start: number, end: number): number {
    if (this.#isLast(bytes, start, end)) return this.#lastId;
    this.#lastBytes = bytes;
    this.#lastStart = start;
    this.#lastEnd = end;
    return (this.#lastId = this.idOf(bytes.toString("latin1", start, end)));
  }

  #isLast(bytes: Buffer, start: number, end: number): boolean {
    if (end - start !== this.#lastEnd - this.#lastStart) return false;
    const lastBytes = this.#lastBytes;
    // From the end: names of neighbouring families differ in their last bytes.
    for (let a = end - 1, b = this.#lastEnd - 1; a >= start; a--, b--) {
      if (bytes[a] !== lastBytes[b]) return false;
    }
    return true;
  }

  /** Takes the last HELP text of a name, `blocks[block][start, end)`; too long ones are left out. */
  noteHelp(name: BodyName, block: number, start: number, end: number): void {
    if (end - start > MAX_HELP_BYTES) return;
    name.helpBlock = block;
    name.helpStart = start;
    name.helpEnd = end;
  }

  /** The raw HELP text of a name. */
  helpOf(name: BodyName): Buffer | undefined {
    return this.blocks[name.helpBlock]?.subarray(name.helpStart, name.helpEnd);
  }

  /** Gives back what only the tokenizer needs. No name or line is added afterwards. */
  seal(): void {
    this.#ids = new Map();
    this.runs.trim();
    this.lines.trim();
  }

  /** Gives all memory back at once, without waiting for garbage collection. The table is unusable afterwards. */
  release(): void {
    for (const { buffer } of [...this.blocks, this.runs.data, this.lines.data])
      (buffer as ArrayBuffer).transfer(0);
    this.blocks.length = 0;
  }

  /** Memory of the tables in bytes, names estimated. */
  get heldBytes(): number {
    return this.runs.data.byteLength + this.lines.data.byteLength + this.#nameBytes;
  }
}

/** Number of the line after the last one of a run. `run` is its position in the run table. */
export function endLineOf({ runs, lines }: BodyTable, run: number): number {
  const next = run + RUN_WIDTH;
  return next < runs.length ? runs.data[next + 2]! : lines.length / LINE_WIDTH;
}
