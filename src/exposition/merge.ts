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
  const metadata = families.map(formatMetadata);
  let maxBytes = metadata.reduce((sum, lines) => sum + lines.length, 0);
  for (const [index, { body }] of sources.entries())
    maxBytes += maxBytesOf(body, contributions[index]!.inserts);
  return {
    typeConflicts: conflicts,
    maxBytes,
    blocks: () => writeBlocks(metadata, contributions, new LineWriter(options.labelConflict, maxBytes)),
  };
}

function* writeBlocks(
  metadata: readonly Buffer[],
  contributions: readonly Contribution[],
  writer: LineWriter,
): Generator<Buffer, void, Buffer | undefined> {
  const next = new Int32Array(contributions.length);
  for (const [family, lines] of metadata.entries()) {
    while (!writer.write(lines)) writer.recycle(yield writer.take());
    for (const [index, { table, inserts, familyOfName, runs }] of contributions.entries()) {
      for (; next[index]! < runs.length; next[index]!++) {
        const run = runs[next[index]!]!;
        if (familyOfName[table.runs.data[run]!] !== family) break;
        writer.startRun(table, run, inserts);
        while (!writer.fill()) writer.recycle(yield writer.take());
      }
    }
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
  // Readers stricter than Prometheus refuse escapes other than these two: any other backslash is doubled.
  const text = help.toString().replace(/\\([\\n])?/g, (escape, known?: string) => (known ? escape : "\\\\"));
  return Buffer.from(`# HELP ${metric} ${text}\n${typeLine}`);
}

function maxBytesOf({ bodyBytes, samples, table }: ParsedBody, { labels, longest }: InsertTexts): number {
  // A line written anew at most doubles by escapes, gains a comma or quote for each two bytes it has, and each
  // injected name can push one label to a name as long as the line.
  const rewritten = table.rewriteBytes * (3 + labels.length) + table.rewriteLines * 16 * (1 + labels.length);
  return bodyBytes + samples * longest + rewritten;
}
