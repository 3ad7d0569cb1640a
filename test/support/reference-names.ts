/**
 * The names of one body in their order, with what is said of each, as the format that is written calls them: counters
 * lose or gain `_total`, and what the text format does not know becomes what it knows.
 */
import {
  isSample,
  type Metadata,
  type ParsedExposition,
  type ReferenceFormat,
  type Sample,
} from "./reference-sample.ts";

export interface BodyName {
  readonly name: string;
  readonly types: Set<string>;
  /** As it is written. */
  help: string | undefined;
  unit: string | undefined;
  readonly samples: Sample[];
}

/** Where what a body says of a name goes. */
interface Translation {
  /** Other names that stand in the place of this one; it stays behind them if it has samples. */
  readonly targets: (name: string) => string[];
  readonly typed: (name: string, type: string) => { name: string; type: string };
  readonly cleanHelp: (text: string) => string;
}

export function namesOf(
  parsed: ParsedExposition,
  input: ReferenceFormat,
  output: ReferenceFormat,
): BodyName[] {
  if (input === "text") return collect(parsed, asText);
  if (output === "openmetrics") return collect(parsed, asOpenMetrics(parsed));
  return translateDown(parsed);
}

function collect({ entries }: ParsedExposition, { targets, typed, cleanHelp }: Translation): BodyName[] {
  const names: BodyName[] = [];
  const find = (name: string) => {
    let found = names.find((other) => other.name === name);
    if (found === undefined) {
      found = { name, types: new Set(), help: undefined, unit: undefined, samples: [] };
      names.push(found);
    }
    return found;
  };
  for (const entry of entries) {
    // Metadata of a name that no sample can have belongs to nothing.
    if (entry.name === "") continue;
    const others = targets(entry.name);
    for (const name of others) find(name);
    const isSampled = entries.some((other) => isSample(other) && other.name === entry.name);
    if (isSampled) find(entry.name);
    if (isSample(entry)) find(entry.name).samples.push(entry);
    else if (entry.kind === "TYPE") {
      const { name, type } = typed(entry.name, entry.text);
      find(name).types.add(type);
    } else {
      // A unit is the end of the name for which it stands: it does not move.
      if (entry.kind === "UNIT" && others.length === 0) find(entry.name).unit = entry.text;
      if (entry.kind !== "HELP") continue;
      for (const name of others.length > 0 ? others : [entry.name]) find(name).help = cleanHelp(entry.text);
    }
  }
  return names;
}

const same = (name: string, type: string) => ({ name, type });

/** Readers that check take two escapes only, of the backslash and of the line feed. */
const escapeHelp = (text: string) =>
  text
    .split(/(\\\\|\\n)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll("\\", "\\\\")))
    .join("");

const asText: Translation = { targets: () => [], typed: same, cleanHelp: escapeHelp };

const isDeclared = ({ entries }: ParsedExposition, name: string, type?: string) =>
  entries.some(
    (entry) =>
      !isSample(entry) &&
      entry.kind === "TYPE" &&
      entry.name === name &&
      (type === undefined || entry.text === type),
  );
const isSampled = ({ samples }: ParsedExposition, name: string) =>
  samples.some((sample) => sample.name === name);

/** Whether `# TYPE x_total counter` names the samples, as the text format does, and not the family `x`. */
const isNamedAsInText = (parsed: ParsedExposition, name: string) =>
  name.endsWith("_total") && !isSampled(parsed, `${name}_total`);
const withoutTotal = (name: string) => (name.length > "_total".length ? name.replace(/_total$/, "") : name);

function asOpenMetrics(parsed: ParsedExposition): Translation {
  const familyOf = (name: string) =>
    isDeclared(parsed, name, "counter") && isNamedAsInText(parsed, name) ? withoutTotal(name) : name;
  return {
    targets: (name) => [familyOf(name)].filter((target) => target !== name),
    typed: (name, type) => ({ name: familyOf(name), type }),
    cleanHelp: (text) => text,
  };
}

function translateDown(parsed: ParsedExposition): BodyName[] {
  const typed = (name: string, type: string) => {
    if (type === "counter") return { name: isNamedAsInText(parsed, name) ? name : `${name}_total`, type };
    if (type === "info") return { name: `${name}_info`, type: "gauge" };
    const others: Record<string, string> = {
      stateset: "gauge",
      gaugehistogram: "histogram",
      unknown: "untyped",
    };
    return { name, type: others[type] ?? type };
  };
  const declarations = parsed.entries.filter(
    (entry): entry is Metadata => !isSample(entry) && entry.kind === "TYPE" && entry.name !== "",
  );
  /** Of a name with several types some targets are the name itself. */
  const allTargets = (name: string) => [
    ...new Set(declarations.filter((one) => one.name === name).map(({ text }) => typed(name, text).name)),
  ];
  const placeOf = (target: string, name: string) =>
    ["_total", "_info", ""].indexOf(target.slice(name.length));
  // `\"` is an escape in OpenMetrics only.
  const cleanHelp = (text: string) =>
    text
      .split(/(\\\\|\\n|\\")/)
      .map((part, index) => (index % 2 === 1 ? part.replace('\\"', '"') : part.replaceAll("\\", "\\\\")))
      .join("");
  const names = collect(parsed, {
    targets: (name) => allTargets(name).toSorted((a, b) => placeOf(a, name) - placeOf(b, name)),
    typed,
    cleanHelp,
  });

  // Parts that the text format does not know as such.
  const isMisnamed = ({ name, text }: Metadata) => text === "counter" && isNamedAsInText(parsed, name);
  const inOrder = declarations.toSorted((a, b) => Number(isMisnamed(a)) - Number(isMisnamed(b)));
  for (const { name, text: type } of inOrder) {
    const base = type === "counter" && isNamedAsInText(parsed, name) ? withoutTotal(name) : name;
    const help = parsed.entries.findLast(
      (entry) => !isSample(entry) && entry.kind === "HELP" && entry.name === name,
    );
    for (const suffix of partsUnknownToText[type] ?? []) {
      const part = names.find((other) => other.name === base + suffix && other.samples.length > 0);
      if (part === undefined || isDeclared(parsed, part.name)) continue;
      part.types.add("gauge");
      if (help !== undefined && !isSample(help)) part.help ??= cleanHelp(help.text);
    }
  }
  return names;
}

const partsUnknownToText: Record<string, string[]> = {
  counter: ["_created"],
  histogram: ["_created"],
  summary: ["_created"],
  gaugehistogram: ["_gsum", "_gcount"],
};
