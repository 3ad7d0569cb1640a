/**
 * Decides, for all bodies of a merge together, which metric families there are and which sample names belong to each.
 * Every family has one TYPE. Where pods disagree, or where a strict reader would not accept the samples under the
 * type, the family is dissolved: its samples stay, each name as a family of its own, `untyped` (`unknown` in OpenMetrics).
 */
import { namesFor } from "./body-names.ts";
import { addSampleFacts, type BodyTable, type MetricType, type SampleFacts, TypeBit } from "./body-table.ts";
import { type FamilyShapes, familyShapes } from "./family-shapes.ts";
import type { ExpositionFormat } from "./format.ts";

export interface Family {
  readonly name: string;
  readonly type: MetricType;
  /** HELP text of the first body that has one, raw as it stands there, and the format of that body. */
  readonly help: Buffer | undefined;
  readonly helpFormat: ExpositionFormat;
  /** Empty where there is none, or where the bodies disagree. */
  readonly unit: string;
  /** It stands without its type, and what only belongs to samples of that type cannot stay. */
  readonly dissolved: boolean;
  /** The dissolved family of which it is what one sample name has left. */
  readonly partOf: string | undefined;
}

export interface Families {
  /** In the order in which the bodies, taken in their order, name them first. */
  readonly families: readonly Family[];
  /** For each body, for each of its name ids: index into `families`, or -1 where nothing of the name is written. */
  readonly familyOfName: readonly Int32Array[];
  /** Names of the families that were dissolved. */
  readonly conflicts: readonly string[];
}

export interface FamilyOptions {
  /** Of the answer: `openmetrics` only if every body is in it. */
  readonly format: ExpositionFormat;
  /** Label names that the merge adds to samples: no stateset can have one of their names. */
  readonly addedLabels: ReadonlySet<string>;
  /** Metric names that only one body may have: what the others say under them is left out. */
  readonly owned?: { readonly names: ReadonlySet<string>; readonly by: BodyTable } | undefined;
}

/** One name as all bodies together know it. */
interface MergedName extends SampleFacts {
  readonly text: string;
  types: number;
  help: Buffer | undefined;
  helpFormat: ExpositionFormat;
  unit: string;
  unitsDiffer: boolean;
  dissolved: boolean;
  family: number;
}

const typeOfBit = new Map(Object.entries(TypeBit).map(([type, bit]) => [bit as number, type as MetricType]));

export function resolveFamilies(tables: readonly BodyTable[], options: FamilyOptions): Families {
  const { merged, mergedOfTable } = mergeNames(tables, options);
  const resolver = new FamilyResolver(merged, options);
  const conflicts = resolver.dissolve();
  const families = resolver.assign();
  const familyOfName = mergedOfTable.map((names) => Int32Array.from(names, (name) => name?.family ?? -1));
  return { families, familyOfName, conflicts };
}

type MergedNames = Map<string, MergedName>;

function mergeNames(
  tables: readonly BodyTable[],
  { format, owned }: FamilyOptions,
): { merged: MergedNames; mergedOfTable: (MergedName | undefined)[][] } {
  const merged: MergedNames = new Map();
  const mergedOfTable: (MergedName | undefined)[][] = [];
  let previous: readonly (MergedName | undefined)[] = [];
  for (const table of tables) {
    const { names, placeOfId } = namesFor(table, format);
    // Replicas name the same families in the same order, so the place in the previous body is right most times.
    const entries = names.map((name, place) => {
      if (owned !== undefined && table !== owned.by && owned.names.has(name.text)) return undefined;
      const guess = previous[place];
      const known = guess?.text === name.text ? guess : merged.get(name.text);
      const entry = known ?? startMerged(name.text);
      if (known === undefined) merged.set(name.text, entry);
      entry.types |= name.types;
      if (entry.help === undefined) {
        entry.help = table.helpOf(name);
        entry.helpFormat = table.format;
      }
      if (name.unit !== "" && entry.unit !== name.unit) {
        entry.unitsDiffer = entry.unit !== "";
        entry.unit = name.unit;
      }
      addSampleFacts(entry, name);
      return entry;
    });
    mergedOfTable.push(placeOfId === undefined ? entries : Array.from(placeOfId, (place) => entries[place]));
    previous = entries;
  }
  return { merged, mergedOfTable };
}

function startMerged(text: string): MergedName {
  return {
    text,
    types: 0,
    help: undefined,
    helpFormat: "text",
    unit: "",
    unitsDiffer: false,
    sampled: false,
    oddBucket: false,
    oddQuantile: false,
    unfit: 0,
    dissolved: false,
    family: -1,
  };
}

/** A UNIT alone says nothing. */
function hasMetadata({ types, help }: MergedName): boolean {
  return types !== 0 || help !== undefined;
}

class FamilyResolver {
  readonly #merged: MergedNames;
  readonly #shapes: FamilyShapes;
  readonly #addedLabels: ReadonlySet<string>;
  readonly #families: Family[] = [];

  constructor(merged: MergedNames, { format, addedLabels }: FamilyOptions) {
    this.#merged = merged;
    this.#shapes = familyShapes(format);
    this.#addedLabels = addedLabels;
  }

  /** Dissolves every family that cannot stand under its type; returns their names. */
  dissolve(): string[] {
    const conflicts: string[] = [];
    for (const name of this.#merged.values()) {
      if (name.types === 0 || !this.#isContested(name)) continue;
      name.dissolved = true;
      conflicts.push(name.text);
    }
    return conflicts;
  }

  /** Gives each name its family. */
  assign(): readonly Family[] {
    for (const name of this.#merged.values()) {
      const owner = this.#ownerOf(name);
      if (owner === name) {
        // What is left of a dissolved family without samples of its own name is nothing.
        if (name.family < 0 && (name.sampled || (hasMetadata(name) && !name.dissolved))) this.#add(name);
        continue;
      }
      if (!name.sampled) continue; // A HELP for a part of a family: the family has its own.
      if (owner.family < 0) this.#add(owner);
      name.family = owner.family;
    }
    return this.#families;
  }

  #isContested(name: MergedName): boolean {
    if ((name.types & (name.types - 1)) !== 0) return true;
    const shape = this.#shapes.ofType.get(name.types);
    if (shape === undefined) return false;
    if (name.sampled && (!shape.bare || shape.isOdd(name, ""))) return true;
    // `x_count` as a family of its own beside the summary or histogram `x`: one name, two families.
    const isOddPart = (suffix: string) => {
      const part = this.#merged.get(name.text + suffix);
      return part !== undefined && (part.types !== 0 || shape.isOdd(part, suffix));
    };
    return (
      shape.suffixes.some(isOddPart) || (shape.needsOwnLabel === true && this.#addedLabels.has(name.text))
    );
  }

  #add(name: MergedName): void {
    const base = this.#merged.get(this.#baseOf(name.text) ?? "");
    const whole = base?.dissolved === true ? base : undefined;
    // The parts of a dissolved family keep its HELP.
    const from = name.help === undefined ? (whole ?? name) : name;
    const type = name.dissolved ? "untyped" : (typeOfBit.get(name.types) ?? "untyped");
    name.family = this.#families.length;
    this.#families.push({
      name: name.text,
      type,
      help: from.help,
      helpFormat: from.helpFormat,
      unit: name.unitsDiffer || name.dissolved ? "" : name.unit,
      dissolved: name.dissolved || (whole !== undefined && name.types === 0),
      partOf: name.types === 0 ? whole?.text : undefined,
    });
  }

  #ownerOf(name: MergedName): MergedName {
    const base = this.#baseOf(name.text);
    const owner = base === undefined ? undefined : this.#merged.get(base);
    if (owner === undefined || owner.dissolved) return name;
    const suffix = name.text.slice(owner.text.length);
    return this.#shapes.ofType.get(owner.types)?.suffixes.includes(suffix) === true ? owner : name;
  }

  /** `x` for `x_bucket`, `x_sum` and so on. */
  #baseOf(name: string): string | undefined {
    for (const suffix of this.#shapes.suffixes) {
      if (name.length > suffix.length && name.endsWith(suffix)) return name.slice(0, -suffix.length);
    }
    return undefined;
  }
}
