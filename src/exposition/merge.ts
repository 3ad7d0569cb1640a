/**
 * Merges validated bodies into one exposition: family, then pod, then the pod's own order; one HELP and one TYPE
 * each. The labels are written while the answer is produced, block by block, from the bytes as received; nothing is
 * held twice.
 */
import type { ParsedBody } from "./body-parser.ts";
import { type BodyTable, endLineOf, LINE_WIDTH, RUN_WIDTH } from "./body-table.ts";
import { type Families, type Family, resolveFamilies } from "./families.ts";
import { formatMetadata, maxBytesOfMetadata } from "./family-metadata.ts";
import { filterFamilies } from "./filter-families.ts";
import type { ExpositionFormat } from "./format.ts";
import type { Label } from "./label.ts";
import { type InsertTexts, LineWriter, prepareInserts } from "./line-writer.ts";
import type { LabelConflict } from "./rewrite-line.ts";
import type { SampleTail } from "./sample-tail.ts";

export interface MergeSource {
  readonly body: ParsedBody;
  /** Put first into each sample's labels, in this order; names are legal and distinct. None: lines pass unchanged. */
  readonly labels: readonly Label[];
  /**
   * Metric names that are its alone: what other bodies say under them is left out. Its families stay whatever keepFamily says. Of
   * one source at most.
   */
  readonly owns?: readonly string[];
}

export interface MergeOptions {
  readonly labelConflict: LabelConflict;
  /** Of the answer. `openmetrics` only if every body is in it; in `text`, bodies in OpenMetrics are converted. */
  readonly format: ExpositionFormat;
  /** Whether the family that has these names is part of the answer; see filterFamilies(). Without it all are. */
  readonly keepFamily?: ((names: readonly string[]) => boolean) | undefined;
}

export interface MergedExposition {
  /** Families that stand without their TYPE, each sample name for itself: bodies disagree on it, or samples do not fit it. */
  readonly typeConflicts: readonly string[];
  /** The answer is not longer than this, in bytes. */
  readonly maxBytes: number;
  /**
   * The answer, in blocks of at most 256 KiB (or one longer line) that belong to the caller; made when asked for. A
   * block that was passed on can be given back by `next(block)`, to be written over: then an answer of any length needs
   * a few blocks only, where garbage collection would let dozens pile up.
   */
  blocks(): Generator<Buffer, void, Buffer | undefined>;
}

/** What one body contributes: its runs in the order of their families. */
interface Contribution {
  readonly table: BodyTable;
  readonly inserts: InsertTexts;
  readonly familyOfName: Int32Array;
  /** Positions in the run table. */
  readonly runs: Int32Array;
}

const endOfOpenMetrics = Buffer.from("# EOF\n");

/**
 * The format of an answer with these bodies, for a scraper that takes OpenMetrics: text as soon as one body is text. A body in
 * which nothing stands has no say.
 */
export function commonFormat(bodies: readonly ParsedBody[]): ExpositionFormat {
  const isText = ({ table }: ParsedBody) => table.format === "text" && table.names.length > 0;
  return bodies.every(({ table }) => table.format === "text") || bodies.some(isText) ? "text" : "openmetrics";
}

/** Merges bodies, in the order given. Every name in `labels` must have been a reserved label when they were parsed. */
export function mergeExpositions(sources: readonly MergeSource[], options: MergeOptions): MergedExposition {
  const { format } = options;
  const addedLabels = new Set(sources.flatMap(({ labels }) => labels.map(({ name }) => name)));
  const owner = sources.find(({ owns }) => owns !== undefined);
  const all = resolveFamilies(
    sources.map(({ body }) => body.table),
    { format, addedLabels, owned: owner && { names: new Set(owner.owns), by: owner.body.table } },
  );
  const { keepFamily } = options;
  const isUnfiltered = (index: number) => sources[index] === owner;
  const resolved = keepFamily === undefined ? all : filterFamilies(all, { keepFamily, isUnfiltered });
  const contributions = sources.map(({ body, labels }, index): Contribution => {
    const familyOfName = resolved.familyOfName[index]!;
    return {
      table: body.table,
      inserts: prepareInserts(labels),
      familyOfName,
      runs: runsByFamily(body.table, familyOfName),
    };
  });
  let maxBytes = endOfOpenMetrics.length;
  for (const family of resolved.families) maxBytes += maxBytesOfMetadata(family);
  for (const contribution of contributions) maxBytes += maxBytesOf(contribution, resolved, format);
  return {
    typeConflicts: resolved.conflicts,
    maxBytes,
    blocks: () => writeBlocks(resolved.families, contributions, { ...options, maxBytes }),
  };
}

function* writeBlocks(
  families: readonly Family[],
  contributions: readonly Contribution[],
  { labelConflict, format, maxBytes }: MergeOptions & { maxBytes: number },
): Generator<Buffer, void, Buffer | undefined> {
  const writer = new LineWriter(labelConflict, maxBytes);
  const next = new Int32Array(contributions.length);
  // For each family ahead, who has runs of it next: to ask everybody at every family would cost families times pods.
  const waiting = new Map<number, number[]>();
  const wait = (index: number) => {
    const { table, familyOfName, runs } = contributions[index]!;
    if (next[index] === runs.length) return;
    const family = familyOfName[table.runs.data[runs[next[index]!]!]!]!;
    const others = waiting.get(family);
    if (others === undefined) waiting.set(family, [index]);
    else others.push(index);
  };
  for (const index of contributions.keys()) wait(index);
  for (const [family, metadata] of families.entries()) {
    const lines = formatMetadata(metadata, format);
    while (!writer.write(lines)) writer.recycle(yield writer.take());
    for (const index of waiting.get(family)?.sort((a, b) => a - b) ?? []) {
      const { table, inserts, familyOfName, runs } = contributions[index]!;
      const tail = tailOf(table, metadata, format);
      for (; next[index]! < runs.length; next[index]!++) {
        const run = runs[next[index]!]!;
        if (familyOfName[table.runs.data[run]!] !== family) break;
        writer.startRun(table, run, inserts, tail);
        while (!writer.fill()) writer.recycle(yield writer.take());
      }
      wait(index);
    }
    waiting.delete(family);
  }
  if (format === "openmetrics") while (!writer.write(endOfOpenMetrics)) writer.recycle(yield writer.take());
  const last = writer.take();
  if (last.length > 0) yield last;
}

/** What becomes of what stands behind the labels of a line. */
function tailOf(table: BodyTable, family: Family, format: ExpositionFormat): SampleTail {
  if (table.format !== format) return "text";
  return family.dissolved ? "withoutExemplar" : "same";
}

/** The runs of a body that are written, ordered by family; within a family the pod's own order stays. */
function runsByFamily(table: BodyTable, familyOfName: Int32Array): Int32Array {
  const count = table.runs.length / RUN_WIDTH;
  const familyOfRun = (run: number) => familyOfName[table.runs.data[run * RUN_WIDTH]!]!;
  let ordered = true;
  for (let run = 0; run < count && ordered; run++) {
    ordered = (run === 0 ? 0 : familyOfRun(run - 1)) <= familyOfRun(run);
  }
  if (ordered) return Int32Array.from({ length: count }, (_, run) => run * RUN_WIDTH);
  // Family and run in one number: typed arrays sort numbers without calling back.
  const keys = Float64Array.from({ length: count }, (_, run) => familyOfRun(run) * count + run).sort();
  const firstWritten = keys.findIndex((key) => key >= 0);
  const written = firstWritten < 0 ? keys.subarray(0, 0) : keys.subarray(firstWritten);
  return Int32Array.from(written, (key) => (key % count) * RUN_WIDTH);
}

function maxBytesOf(
  { table, inserts, runs }: Contribution,
  families: Families,
  format: ExpositionFormat,
): number {
  let bytes = 0;
  let samples = 0;
  for (const run of runs) {
    const end = endLineOf(table, run);
    bytes += table.lines.data[(end - 1) * LINE_WIDTH + 1]! - table.runs.data[run + 3]!;
    samples += end - table.runs.data[run + 2]!;
  }
  const { labels, longest } = inserts;
  // A line written anew at most doubles by escapes, gains a comma or quote for each two bytes it has, and each
  // injected name can push one label to a name as long as the line.
  const rewritten = table.rewriteBytes * (3 + labels.length) + table.rewriteLines * 16 * (1 + labels.length);
  // One that is converted has no label to rename; its timestamp may become 19 digits.
  const converts = table.format !== format || families.conflicts.length > 0;
  const converted = converts ? table.convertBytes + table.convertLines * 32 : 0;
  return bytes + samples * longest + rewritten + converted + (converts ? table.rewriteLines * 32 : 0);
}
