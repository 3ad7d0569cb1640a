/**
 * Decides, for all bodies of a merge together, which metric families there are and which sample names belong to each.
 * Every family has one TYPE. Where pods disagree, or where a strict reader would not accept the samples under the
 * type, the family is dissolved: its samples stay, each name as a family of its own, `untyped`.
 */
import { type BodyTable, type MetricType, TypeBit } from "./body-table.ts";

export interface Family {
  readonly name: string;
  readonly type: MetricType;
  /** Raw HELP text of the first body that has one. */
  readonly help: Buffer | undefined;
}

export interface Families {
  /** In the order in which the bodies, taken in their order, name them first. */
  readonly families: readonly Family[];
  /** For each body, for each of its name ids: index into `families`, or -1 for a HELP that belongs to nothing. */
  readonly familyOfName: readonly Int32Array[];
  /** Names of the families that were dissolved. */
  readonly conflicts: readonly string[];
}

/** One name as all bodies together know it. */
interface MergedName {
  readonly text: string;
  types: number;
  help: Buffer | undefined;
  sampled: boolean;
  oddBucket: boolean;
  oddQuantile: boolean;
  dissolved: boolean;
  family: number;
}

const histogramSuffixes = ["_bucket", "_sum", "_count"];
const summarySuffixes = ["_sum", "_count"];
const typeOfBit = new Map(Object.entries(TypeBit).map(([type, bit]) => [bit as number, type as MetricType]));

export function resolveFamilies(tables: readonly BodyTable[]): Families {
  const { merged, mergedOfTable } = mergeNames(tables);
  const conflicts: string[] = [];
  for (const name of merged.values()) {
    if (name.types !== 0 && isContested(name, merged)) {
      name.dissolved = true;
      conflicts.push(name.text);
    }
  }

  const families: Family[] = [];
  for (const name of merged.values()) assignFamily(name, merged, families);
  const familyOfName = mergedOfTable.map((names) => Int32Array.from(names, (name) => name.family));
  return { families, familyOfName, conflicts };
}

function mergeNames(tables: readonly BodyTable[]): {
  merged: Map<string, MergedName>;
  mergedOfTable: MergedName[][];
} {
  const merged = new Map<string, MergedName>();
  const mergedOfTable: MergedName[][] = [];
  let previous: readonly MergedName[] = [];
  for (const table of tables) {
    // Replicas name the same families in the same order, so the place in the previous body is right most times.
    const names = table.names.map((name, place) => {
      const guess = previous[place];
      const known = guess?.text === name.text ? guess : merged.get(name.text);
      const entry = known ?? startMerged(name.text);
      if (known === undefined) merged.set(name.text, entry);
      entry.types |= name.types;
      entry.help ??= table.helpOf(name);
      entry.sampled ||= name.sampled;
      entry.oddBucket ||= name.oddBucket;
      entry.oddQuantile ||= name.oddQuantile;
      return entry;
    });
    mergedOfTable.push(names);
    previous = names;
  }
  return { merged, mergedOfTable };
}

function startMerged(text: string): MergedName {
  return {
    text,
    types: 0,
    help: undefined,
    sampled: false,
    oddBucket: false,
    oddQuantile: false,
    dissolved: false,
    family: -1,
  };
}

/** Whether a family with a TYPE cannot stand under that type in the merged exposition. */
function isContested(name: MergedName, merged: ReadonlyMap<string, MergedName>): boolean {
  if ((name.types & (name.types - 1)) !== 0) return true;
  const histogram = name.types === TypeBit.histogram;
  if (!histogram && name.types !== TypeBit.summary) return false;
  // A histogram has no sample of its bare name; readers that check would refuse it.
  if (histogram ? name.sampled : name.oddQuantile) return true;
  for (const suffix of histogram ? histogramSuffixes : summarySuffixes) {
    const part = merged.get(name.text + suffix);
    if (part === undefined) continue;
    // `x_count` as a family of its own beside the summary or histogram `x`: one name, two families.
    if (part.types !== 0) return true;
    if (histogram ? part.oddBucket : part.oddQuantile) return true;
  }
  return false;
}

function assignFamily(name: MergedName, merged: ReadonlyMap<string, MergedName>, families: Family[]): void {
  const owner = ownerOf(name, merged);
  if (owner === name) {
    // What is left of a dissolved family without samples of its own name is nothing.
    if (name.family < 0 && (name.sampled || !name.dissolved)) addFamily(name, merged, families);
    return;
  }
  if (!name.sampled) return; // A HELP for a part of a family: the family has its own.
  if (owner.family < 0) addFamily(owner, merged, families);
  name.family = owner.family;
}

function addFamily(name: MergedName, merged: ReadonlyMap<string, MergedName>, families: Family[]): void {
  const base = merged.get(baseOf(name.text) ?? "");
  // The parts of a dissolved family keep its HELP.
  const help = name.help ?? (base?.dissolved === true ? base.help : undefined);
  const type = name.dissolved ? "untyped" : (typeOfBit.get(name.types) ?? "untyped");
  name.family = families.length;
  families.push({ name: name.text, type, help });
}

function ownerOf(name: MergedName, merged: ReadonlyMap<string, MergedName>): MergedName {
  const base = baseOf(name.text);
  if (base === undefined) return name;
  const owner = merged.get(base);
  if (owner === undefined || owner.dissolved) return name;
  const owns =
    owner.types === TypeBit.histogram || (owner.types === TypeBit.summary && !name.text.endsWith("_bucket"));
  return owns ? owner : name;
}

/** `x` for `x_bucket`, `x_sum` and `x_count`. */
function baseOf(name: string): string | undefined {
  for (const suffix of histogramSuffixes) {
    if (name.length > suffix.length && name.endsWith(suffix)) return name.slice(0, -suffix.length);
  }
  return undefined;
}
