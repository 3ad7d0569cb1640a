/** Puts parsed sample lines into the table of a body: one run for lines of one name that follow each other. */
import {
  BodyTable,
  CONVERTS_BIT,
  INSERT_KIND_SHIFT,
  InsertKind,
  LINE_WIDTH,
  RUN_WIDTH,
} from "./body-table.ts";
import type { Fail, LabelGroup } from "./label-group.ts";
import { MAX_LINE_BYTES } from "./limits.ts";

export interface LineRecorderOptions {
  readonly maxSamples: number;
  /** Makes the error for a line more than `maxSamples`. */
  readonly tooMany: (limit: number) => Error;
  readonly fail: Fail;
}

export class LineRecorder {
  readonly #table: BodyTable;
  readonly #options: LineRecorderOptions;
  #blockIndex = 0;
  #runName = -1;
  #runEnd = -1;

  constructor(table: BodyTable, options: LineRecorderOptions) {
    this.#table = table;
    this.#options = options;
  }

  /** What is added from now on stands in this block. */
  beginBlock(blockIndex: number): void {
    this.#blockIndex = blockIndex;
    this.#runEnd = -1;
  }

  /** Adds the line `[start, end)` of the block, as the group has it. */
  add(group: LabelGroup, start: number, end: number): void {
    const table = this.#table;
    const { lines } = table;
    const { maxSamples } = this.#options;
    if (lines.length >= maxSamples * LINE_WIDTH) throw this.#options.tooMany(maxSamples);
    if (end - start > MAX_LINE_BYTES)
      throw this.#options.fail(`line longer than ${MAX_LINE_BYTES} bytes`, start);
    const { nameId } = group;
    const name = table.names[nameId]!;
    if (nameId !== this.#runName || start !== this.#runEnd) {
      this.#runName = nameId;
      name.sampled = true;
      this.#startRun(nameId, start);
    }
    if (group.oddBucket) name.oddBucket = true;
    if (group.oddQuantile) name.oddQuantile = true;
    let { kind } = group;
    if (group.rewrite || group.dropsExemplar) {
      kind = group.dropsExemplar ? InsertKind.rewriteWithoutExemplar : InsertKind.rewrite;
      table.rewriteLines++;
      table.rewriteBytes += end - start;
    } else if (group.converts) {
      table.convertLines++;
      if (group.hasOddEscape) table.convertBytes += end - start;
    }
    if (group.converts) kind |= CONVERTS_BIT;
    lines.reserve(LINE_WIDTH);
    lines.data[lines.length] = group.insertAt | (kind << INSERT_KIND_SHIFT);
    lines.data[lines.length + 1] = end;
    lines.length += LINE_WIDTH;
    this.#runEnd = end;
  }

  #startRun(nameId: number, start: number): void {
    const { runs, lines } = this.#table;
    runs.reserve(RUN_WIDTH);
    const run = runs.length;
    runs.data[run] = nameId;
    runs.data[run + 1] = this.#blockIndex;
    runs.data[run + 2] = lines.length / LINE_WIDTH;
    runs.data[run + 3] = start;
    runs.length = run + RUN_WIDTH;
  }
}
