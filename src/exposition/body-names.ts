/**
 * The metric names of a body, as an answer of some format sees them. Samples never change their names, but metadata may
 * belong to another one: a counter `x` of OpenMetrics is declared as `x_total` in the text format, and many exporters declare
 * `x_total` in OpenMetrics too. What becomes of the types of OpenMetrics in text is what client_python does.
 */
import { addSampleFacts, BodyName, type BodyTable, TypeBit } from "./body-table.ts";
import type { ExpositionFormat } from "./format.ts";

export interface BodyNames {
  /** In the order of their first appearance; moved metadata appears where it was moved from. */
  readonly names: readonly BodyName[];
  /** For each id of the body: its index in `names`, or -1 for a name of which nothing is left. Undefined: the same. */
  readonly placeOfId: Int32Array | undefined;
}

/** What of a name's metadata goes where. */
interface Declarations {
  /** Names that get types and HELP of this one. Its UNIT, which is the end of its name, would not be the end of theirs. */
  readonly moved: readonly { readonly text: string; readonly types: number }[];
  /** The types that the name itself keeps, or gets. */
  readonly types: number;
  /** The name whose HELP it gets, if it has none. */
  readonly parent?: BodyName | undefined;
}

type FindName = (text: string) => BodyName | undefined;

export function namesFor(table: BodyTable, format: ExpositionFormat): BodyNames {
  const { names } = table;
  const isSame = table.format === format && (format === "text" || !names.some(isMisnamedCounter));
  return isSame ? { names, placeOfId: undefined } : translate(names, format);
}

function translate(names: readonly BodyName[], format: ExpositionFormat): BodyNames {
  const known = new Map(names.map((name) => [name.text, name]));
  const find: FindName = (text) => known.get(text);
  const declare = format === "text" ? declareInText : declareInOpenMetrics;
  const translated: BodyName[] = [];
  const places = new Map<string, number>();
  const placeOf = (text: string) => {
    const place = places.get(text) ?? translated.push(new BodyName(text)) - 1;
    places.set(text, place);
    return place;
  };
  const placeOfId = Int32Array.from(names, (name) => {
    const { moved, types, parent } = declare(name, find);
    for (const { text, types: movedTypes } of moved) {
      const target = translated[placeOf(text)]!;
      target.types |= movedTypes;
      copyHelp(name, target);
    }
    const isLeft = moved.length === 0 || types !== 0;
    if (!isLeft && !name.sampled) return -1;
    const place = placeOf(name.text);
    const own = translated[place]!;
    own.types |= types;
    addSampleFacts(own, name);
    if (isLeft) {
      own.unit = name.unit;
      copyHelp(name, own);
      if (parent !== undefined && own.helpBlock < 0) copyHelp(parent, own);
    }
    return place;
  });
  return { names: translated, placeOfId };
}

/** Of two HELP lines the later one holds, as for one name. */
function copyHelp(from: BodyName, to: BodyName): void {
  const isEarlier =
    from.helpBlock < to.helpBlock || (from.helpBlock === to.helpBlock && from.helpStart < to.helpStart);
  if (isEarlier) return;
  to.helpBlock = from.helpBlock;
  to.helpStart = from.helpStart;
  to.helpEnd = from.helpEnd;
}

const total = "_total";

/** Declared under the name of its samples, as in the text format. */
function isMisnamedCounter({ types, text }: BodyName): boolean {
  return (types & TypeBit.counter) !== 0 && text.endsWith(total) && text.length > total.length;
}

/** The name is the family's all the same: its samples are called `x_total_total`. */
const hasTotal = (name: BodyName, find: FindName) => find(name.text + total)?.sampled === true;

/** A counter that is declared under the name of its samples: its family has the name without the suffix. */
const namesItsSamples = (name: BodyName, find: FindName) => isMisnamedCounter(name) && !hasTotal(name, find);

function declareInOpenMetrics(name: BodyName, find: FindName): Declarations {
  const { text, types } = name;
  if (!namesItsSamples(name, find)) return { moved: [], types };
  return { moved: [{ text: text.slice(0, -total.length), types }], types: 0 };
}

const { counter, gauge, histogram, summary, info, stateset, gaugehistogram } = TypeBit;

/** Parts of families in OpenMetrics that the text format knows as gauges of their own. */
const parts = [
  { suffix: "_created", of: counter | histogram | summary },
  { suffix: "_gsum", of: gaugehistogram },
  { suffix: "_gcount", of: gaugehistogram },
];

function declareInText(name: BodyName, find: FindName): Declarations {
  const { text } = name;
  const moved: { text: string; types: number }[] = [];
  let { types } = name;
  if ((types & counter) !== 0 && (!text.endsWith(total) || hasTotal(name, find))) {
    moved.push({ text: text + total, types: counter });
    types &= ~counter;
  }
  if ((types & info) !== 0) {
    moved.push({ text: `${text}_info`, types: gauge });
    types &= ~info;
  }
  if ((types & stateset) !== 0) types = (types & ~stateset) | gauge;
  if ((types & gaugehistogram) !== 0) types = (types & ~gaugehistogram) | histogram;
  if (name.types !== 0 || !name.sampled) return { moved, types };
  const part = parts.find(({ suffix }) => text.endsWith(suffix));
  if (part === undefined) return { moved, types };
  const base = text.slice(0, -part.suffix.length);
  const [own, misnamed] = [find(base), find(base + total)];
  const parents: BodyName[] = [];
  if (own !== undefined && ((namesItsSamples(own, find) ? own.types & ~counter : own.types) & part.of) !== 0)
    parents.push(own);
  if (misnamed !== undefined && (part.of & counter) !== 0 && namesItsSamples(misnamed, find))
    parents.push(misnamed);
  if (parents.length === 0) return { moved, types };
  return { moved, types: gauge, parent: parents.find(({ helpBlock }) => helpBlock >= 0) };
}
