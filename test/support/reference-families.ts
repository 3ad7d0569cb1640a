/** Which families there are in all bodies together, and which names belong to each: by trying every pair of names. */
import type { BodyName } from "./reference-names.ts";
import { encode, type ReferenceFormat, type Sample, toFloat } from "./reference-sample.ts";

/** What is known of a name over all bodies. */
interface Name {
  readonly name: string;
  readonly types: Set<string>;
  help: string | undefined;
  readonly units: Set<string>;
  readonly samples: Sample[];
}

export interface ReferenceFamily {
  readonly name: string;
  readonly type: string;
  /** Empty when there is none. */
  readonly help: string;
  readonly unit: string;
  /** Of the samples that belong to it. */
  readonly names: readonly string[];
  /** The family was dissolved, or is a part of one that was. */
  readonly dissolved: boolean;
  /** The dissolved family of which it is what one name has left; empty when there is none. */
  readonly partOf: string;
}

type Suffixes = Record<string, readonly string[]>;

const suffixesOf: Record<ReferenceFormat, Suffixes> = {
  text: { histogram: ["_bucket", "_sum", "_count"], summary: ["_sum", "_count"] },
  openmetrics: {
    counter: ["_total", "_created"],
    summary: ["_count", "_sum", "_created"],
    histogram: ["_bucket", "_sum", "_count", "_created"],
    gaugehistogram: ["_bucket", "_gsum", "_gcount"],
    info: ["_info"],
  },
};

export function familiesOf(
  bodies: readonly (readonly BodyName[])[],
  format: ReferenceFormat,
  addedLabels: readonly string[],
): ReferenceFamily[] {
  const names = joinNames(bodies);
  const suffixes = suffixesOf[format];
  const samplesOf = (name: string) => names.find((other) => other.name === name)?.samples ?? [];
  const isOdd = (name: Name) => {
    const [type = ""] = name.types;
    const isTyped = (part: string) => names.some((other) => other.name === part && other.types.size > 0);
    if (name.types.size > 1) return true;
    if ((suffixes[type] ?? []).some((suffix) => isTyped(name.name + suffix))) return true;
    return format === "text"
      ? isOddInText(name.name, type, samplesOf)
      : isOddInOpenMetrics(name.name, type, samplesOf, addedLabels);
  };
  const dissolved = names.filter(isOdd);

  const ownerOf = (name: Name) =>
    names.find((other) => {
      const [type = ""] = other.types;
      return (
        !dissolved.includes(other) && suffixes[type]?.some((suffix) => name.name === other.name + suffix)
      );
    }) ?? name;

  const owners: Name[] = [];
  for (const name of names) {
    const owner = ownerOf(name);
    const isThere =
      name.samples.length > 0 ||
      // A UNIT alone says nothing.
      (owner === name && !dissolved.includes(name) && (name.types.size > 0 || name.help !== undefined));
    if (isThere && !owners.includes(owner)) owners.push(owner);
  }

  const anySuffix = Object.values(suffixes).flat();
  return owners.map((family) => {
    const base = dissolved.find(({ name }) => anySuffix.some((suffix) => family.name === name + suffix));
    const isDissolved = dissolved.includes(family);
    const [type = format === "text" ? "untyped" : "unknown"] = isDissolved ? [] : family.types;
    return {
      name: family.name,
      type,
      help: family.help ?? base?.help ?? "",
      unit: format === "text" || isDissolved ? "" : unitOf(family, type),
      names: names.filter((name) => ownerOf(name) === family).map(({ name }) => name),
      dissolved: isDissolved || (base !== undefined && family.types.size === 0),
      partOf: base !== undefined && family.types.size === 0 ? base.name : "",
    };
  });
}

function joinNames(bodies: readonly (readonly BodyName[])[]): Name[] {
  const names: Name[] = [];
  for (const { name, types, help, unit, samples } of bodies.flat()) {
    let found = names.find((other) => other.name === name);
    if (found === undefined) {
      found = { name, types: new Set(), help: undefined, units: new Set(), samples: [] };
      names.push(found);
    }
    for (const type of types) found.types.add(type);
    found.help ??= help;
    if (unit !== undefined && unit !== "") found.units.add(unit);
    found.samples.push(...samples);
  }
  return names;
}

function unitOf({ name, units }: Name, type: string): string {
  const [unit = ""] = units;
  if (units.size !== 1 || type === "info" || type === "stateset") return "";
  // Both as they are written.
  return encode(name).slice(1, -1).endsWith(`_${unit}`) ? unit : "";
}

const valueOf = ({ labels }: Sample, name: string) => labels.find((label) => label.name === name)?.value;

function isOddInText(name: string, type: string, samplesOf: (name: string) => Sample[]): boolean {
  const suffixes = suffixesOf.text[type];
  if (suffixes === undefined) return false;
  const bound = type === "histogram" ? "le" : "quantile";
  const isNoNumber = (sample: Sample) => {
    const value = valueOf(sample, bound);
    return value !== undefined && toFloat(value) === undefined;
  };
  return (
    (type === "histogram" && samplesOf(name).length > 0) ||
    ["", ...suffixes].flatMap((suffix) => samplesOf(name + suffix)).some(isNoNumber)
  );
}

function isOddInOpenMetrics(
  name: string,
  type: string,
  samplesOf: (name: string) => Sample[],
  addedLabels: readonly string[],
): boolean {
  switch (type) {
    case "counter":
    case "info":
      return samplesOf(name).length > 0;
    case "histogram":
    case "gaugehistogram":
      return samplesOf(name).length > 0 || !samplesOf(`${name}_bucket`).every(hasBucket);
    case "summary":
      return !samplesOf(name).every(hasQuantile);
    case "stateset":
      return (
        addedLabels.includes(name) || samplesOf(name).some((sample) => valueOf(sample, name) === undefined)
      );
    default:
      return false;
  }
}

function hasBucket(sample: Sample): boolean {
  const text = valueOf(sample, "le") ?? "";
  return text === "+Inf" || Number.isFinite(toFloat(text));
}

function hasQuantile(sample: Sample): boolean {
  const quantile = toFloat(valueOf(sample, "quantile") ?? "") ?? NaN;
  return quantile >= 0 && quantile <= 1;
}
