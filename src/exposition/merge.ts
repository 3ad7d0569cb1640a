/**
 * Merges validated bodies into one exposition: family, then pod, then the pod's own order; one HELP and one TYPE
 * each. The labels are written while the answer is produced, block by block, from the bytes as received; nothing is
 * held twice.
 */
import type { ParsedBody } from "./body-parser.ts";
import { type BodyTable, RUN_WIDTH } from "./body-table.ts";
import { type Family, resolveFamilies } from "./families.ts";
import { formatMetricName, type Label } from "./label.ts";
import { type InsertTexts, LineWriter, prepareInserts } from "./line-writer.ts";
import type { LabelConflict } from "./rewrite-line.ts";
import { BACKSLASH, LOWER_N } from "./syntax.ts";

export interface MergeSource {
  readonly body: ParsedBody;
  /** Put first into each sample's labels, in this order; names are legal and distinct. None: lines pass unchanged. */
  readonly labels: readonly Label[];
}

export interface MergedExposition {
  /** Families that stand as `untyped`, each sample name for itself, because the bodies disagree on their TYPE. */
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

/** Merges bodies, in the order given. Every name in `labels` must have been a reserved label when they were parsed. */
export function mergeExpositions(
  sources: readonly MergeSource[],
  options: { readonly labelConflict: LabelConflict },
): MergedExposition {
  const { families, familyOfName, conflicts } = resolveFamilies(sources.map(({ body }) => body.table));
  const contributions = sources.map(({ body, labels }, index) => ({
    table: body.table,
    inserts: prepareInserts(labels),
    familyOfName: familyOfName[index]!,
    runs: runsByFamily(body.table, familyOfName[index]!),
  }));
  let maxBytes = families.reduce((sum, family) => sum + maxBytesOfMetadata(family), 0);
  for (const [index, { body }] of sources.entries())
    maxBytes += maxBytesOf(body, contributions[index]!.inserts);
  return {
    typeConflicts: conflicts,
    maxBytes,
    blocks: () => writeBlocks(families, contributions, new LineWriter(options.labelConflict, maxBytes)),
  };
}

function* writeBlocks(
  families: readonly Family[],
  contributions: readonly Contribution[],
  writer: LineWriter,
): Generator<Buffer, void, Buffer | undefined> {
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
    const lines = formatMetadata(metadata);
    while (!writer.write(lines)) writer.recycle(yield writer.take());
    for (const index of waiting.get(family)?.sort((a, b) => a - b) ?? []) {
      const { table, inserts, familyOfName, runs } = contributions[index]!;
      for (; next[index]! < runs.length; next[index]!++) {
        const run = runs[next[index]!]!;
        if (familyOfName[table.runs.data[run]!] !== family) break;
        writer.startRun(table, run, inserts);
        while (!writer.fill()) writer.recycle(yield writer.take());
      }
      wait(index);
    }
    waiting.delete(family);
  }
  const last = writer.take();
  if (last.length > 0) yield last;
}

/** The runs of a body, ordered by family; within a family the pod's own order stays. */
function runsByFamily(table: BodyTable, familyOfName: Int32Array): Int32Array {
  const count = table.runs.length / RUN_WIDTH;
  const familyOfRun = (run: number) => familyOfName[table.runs.data[run * RUN_WIDTH]!]!;
  let ordered = true;
  for (let run = 1; run < count && ordered; run++) ordered = familyOfRun(run - 1) <= familyOfRun(run);
  if (ordered) return Int32Array.from({ length: count }, (_, run) => run * RUN_WIDTH);
  // Family and run in one number: typed arrays sort numbers without calling back.
  const keys = Float64Array.from({ length: count }, (_, run) => familyOfRun(run) * count + run).sort();
  return Int32Array.from(keys, (key) => (key % count) * RUN_WIDTH);
}

function formatMetadata({ name, type, help }: Family): Buffer {
  const metric = formatMetricName(name);
  const typeLine = `# TYPE ${metric} ${type}\n`;
  if (help === undefined || help.length === 0) return Buffer.from(typeLine);
  return Buffer.concat([
    Buffer.from(`# HELP ${metric} `),
    doubleOddBackslashes(help),
    Buffer.from(`\n${typeLine}`),
  ]);
}

function maxBytesOfMetadata({ name, help }: Family): number {
  // The name twice, at most three bytes a character and each escaped; fixed words.
  return 12 * name.length + 2 * (help?.length ?? 0) + 64;
}

/** Readers stricter than Prometheus refuse all escapes but two (of backslash and line feed): other backslashes are doubled. */
function doubleOddBackslashes(help: Buffer): Buffer {
  if (!help.includes(BACKSLASH)) return help;
  const text = Buffer.allocUnsafe(help.length * 2);
  let length = 0;
  for (let at = 0; at < help.length; at++) {
    const c = (text[length++] = help[at]!);
    if (c !== BACKSLASH) continue;
    const following = help[at + 1];
    if (following === BACKSLASH || following === LOWER_N) at++;
    text[length++] = following === LOWER_N ? LOWER_N : BACKSLASH;
  }
  return text.subarray(0, length);
}

function maxBytesOf({ bodyBytes, samples, table }: ParsedBody, { labels, longest }: InsertTexts): number {
  // A line written anew at most doubles by escapes, gains a comma or quote for each two bytes it has, and each
  // injected name can push one label to a name as long as the line.
  const rewritten = table.rewriteBytes * (3 + labels.length) + table.rewriteLines * 16 * (1 + labels.length);
  return bodyBytes + samples * longest + rewritten;
}
