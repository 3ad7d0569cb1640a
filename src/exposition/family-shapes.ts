/**
 * Which sample names a metric family of a type has beside its own, in each format, and which samples cannot be part of it:
 * not because Prometheus would refuse them, but because stricter readers would refuse the whole answer.
 */
import { type SampleFacts, TypeBit, UnfitBit } from "./body-table.ts";
import type { ExpositionFormat } from "./format.ts";

interface FamilyShape {
  /** Sample names are the family's name with one of these. */
  readonly suffixes: readonly string[];
  /** Whether samples may have the family's bare name. */
  readonly bare: boolean;
  /** Whether samples of the family's name with this suffix ("" for the bare name) cannot stand under the type. */
  readonly isOdd: (samples: SampleFacts, suffix: string) => boolean;
  /** Samples have a label with the name of the family. */
  readonly needsOwnLabel?: true;
}

export interface FamilyShapes {
  /** By TypeBit. A type that is missing has samples of its bare name only, and takes all of them. */
  readonly ofType: ReadonlyMap<number, FamilyShape>;
  /** All suffixes of all types. No one is the end of another one. */
  readonly suffixes: readonly string[];
}

const never = () => false;

/** exposition_formats.md, "Histograms and summaries". */
const text = shapes([
  [
    TypeBit.histogram,
    { suffixes: ["_bucket", "_sum", "_count"], bare: false, isOdd: ({ oddBucket }) => oddBucket },
  ],
  [TypeBit.summary, { suffixes: ["_sum", "_count"], bare: true, isOdd: ({ oddQuantile }) => oddQuantile }],
]);

const isOddBucket: FamilyShape["isOdd"] = ({ unfit }, suffix) =>
  suffix === "_bucket" && (unfit & UnfitBit.bucket) !== 0;

/** OpenMetrics 1.0, "Metric Types" and "Suffixes". */
const openMetrics = shapes([
  [TypeBit.counter, { suffixes: ["_total", "_created"], bare: false, isOdd: never }],
  [
    TypeBit.histogram,
    { suffixes: ["_bucket", "_sum", "_count", "_created"], bare: false, isOdd: isOddBucket },
  ],
  [TypeBit.gaugehistogram, { suffixes: ["_bucket", "_gsum", "_gcount"], bare: false, isOdd: isOddBucket }],
  [
    TypeBit.summary,
    {
      suffixes: ["_sum", "_count", "_created"],
      bare: true,
      isOdd: ({ unfit }, suffix) => suffix === "" && (unfit & UnfitBit.quantile) !== 0,
    },
  ],
  [TypeBit.info, { suffixes: ["_info"], bare: false, isOdd: never }],
  [
    TypeBit.stateset,
    { suffixes: [], bare: true, isOdd: ({ unfit }) => (unfit & UnfitBit.state) !== 0, needsOwnLabel: true },
  ],
]);

export function familyShapes(format: ExpositionFormat): FamilyShapes {
  return format === "text" ? text : openMetrics;
}

function shapes(ofType: readonly [number, FamilyShape][]): FamilyShapes {
  const suffixes = new Set(ofType.flatMap(([, shape]) => shape.suffixes));
  return { ofType: new Map(ofType), suffixes: [...suffixes] };
}
