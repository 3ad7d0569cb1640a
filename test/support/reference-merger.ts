/**
 * A second merger, slow and plain: strings, regular expressions and objects, no bytes, no tables, no blocks. It is what
 * the engine is held against, so it must share no code with it. For valid bodies only.
 */

interface Label {
  readonly name: string;
  readonly value: string;
}

export interface ReferenceSource {
  readonly body: string;
  readonly labels: readonly Label[];
}

export interface ReferenceOptions {
  readonly labelConflict: "rename" | "honor" | "drop";
  /** Lines that have one of these labels are written in the plain form even if nothing is added to them. */
  readonly reservedLabels: readonly string[];
}

export interface Sample {
  /** From its first byte that is no blank, without line feed. */
  readonly line: string;
  readonly name: string;
  readonly labels: readonly Label[];
  readonly value: string;
  /** Empty when there is none. */
  readonly timestamp: string;
  /** The line is as every reader wants it: labels can be put in without touching anything else. */
  readonly plain: boolean;
}

interface Metadata {
  readonly kind: "HELP" | "TYPE";
  readonly name: string;
  readonly text: string;
}

export interface ParsedExposition {
  readonly samples: readonly Sample[];
  /** In the order of the lines, samples and metadata. */
  readonly entries: readonly (Sample | Metadata)[];
}

const quotedName = String.raw`"(?:[^"\\]|\\[^])*"`;
const quotedValue = String.raw`"(?:[^"\\]|\\\0*[^])*"`;
const metadataPattern = new RegExp(
  String.raw`[ \t]*#[ \t]+(HELP|TYPE)[ \t]+(${quotedName}|[a-zA-Z_:][a-zA-Z0-9_:]*)[^\n]?([^\n]*)\n`,
  "y",
);
const ignoredPattern = /[ \t]*(?:#[^\n]*)?\n/y;
const samplePattern = new RegExp(
  String.raw`[ \t]*(([a-zA-Z_:][a-zA-Z0-9_:]*)?[ \t]*(?:\{((?:${quotedValue}|[^"}])*)\})?[ \t]*([^ \t\n]+)(?:[ \t]+(\d+))?([ \t]*))\n`,
  "y",
);
const itemPattern = new RegExp(
  String.raw`[ \t]*(${quotedName}|[a-zA-Z_][a-zA-Z0-9_]*)[ \t]*(?:=[ \t]*(${quotedValue})[ \t]*)?(,?)[ \t]*`,
  "y",
);

export function parseReference(body: string): ParsedExposition {
  const text = body === "" || body.endsWith("\n") ? body : `${body}\n`;
  const entries: (Sample | Metadata)[] = [];
  for (let at = 0; at < text.length;) {
    const match = (pattern: RegExp) => {
      pattern.lastIndex = at;
      return pattern.exec(text);
    };
    const metadata = match(metadataPattern);
    const found = metadata ?? match(ignoredPattern) ?? match(samplePattern);
    if (found === null) throw new Error(`Cannot parse ${JSON.stringify(text.slice(at, at + 100))}`);
    if (metadata !== null) {
      const [, kind, name, rest] = metadata;
      entries.push({ kind: kind as "HELP" | "TYPE", name: decode(name!), text: rest! });
    } else if (found.length > 1) entries.push(readSample(found));
    at += found[0].length;
  }
  return { entries, samples: entries.filter((entry) => "value" in entry) };
}

function readSample([, line, bareName, group = "", value, timestamp = "", blanks]: RegExpExecArray): Sample {
  let name = bareName;
  let plain = blanks === "";
  const labels: Label[] = [];
  itemPattern.lastIndex = 0;
  while (itemPattern.lastIndex < group.length) {
    const item = itemPattern.exec(group);
    if (item === null) {
      if (group.trim() !== "") throw new Error(`Cannot parse labels ${JSON.stringify(group)}`);
      break;
    }
    const [, word, labelValue, comma] = item;
    const isLast = itemPattern.lastIndex === group.length;
    for (const text of [word!, labelValue ?? ""]) {
      if (/\n/.test(text) || /\\/.test(text.replace(/\\[\\"n]/g, ""))) plain = false;
    }
    if (comma === "" && !isLast) plain = false;
    if (labelValue === undefined) {
      if (labels.length > 0) plain = false;
      name = decode(word!);
    } else labels.push({ name: decode(word!), value: decode(labelValue) });
  }
  return { line: line!, name: name!, labels, value: value!, timestamp, plain };
}

/** Without quotes and escapes. */
function decode(text: string): string {
  if (!text.startsWith('"')) return text;
  return text
    .slice(1, -1)
    .replace(/\\[\\"n]/g, (escape) => ({ "\\\\": "\\", '\\"': '"', "\\n": "\n" })[escape]!);
}

function encode(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

const bareMetric = (name: string) => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
const writeMetric = (name: string) => (bareMetric(name) ? name : encode(name));
const writeLabel = ({ name, value }: Label) =>
  `${/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : encode(name)}=${encode(value)}`;

/** What is known of a name over all bodies. */
interface Name {
  readonly name: string;
  readonly types: Set<string>;
  help: string | undefined;
  readonly samples: Sample[];
}

const suffixesOf: Record<string, string[]> = {
  histogram: ["_bucket", "_sum", "_count"],
  summary: ["_sum", "_count"],
};

export function mergeReference(sources: readonly ReferenceSource[], options: ReferenceOptions): string {
  const bodies = sources.map(({ body }) => parseReference(body));
  const names = collectNames(bodies);
  const find = (name: string) => names.find((other) => other.name === name);
  const dissolved = names.filter((name) => isDissolved(name, find));

  const ownerOf = (name: string) => {
    const owner = names.find((other) => {
      const [type = ""] = other.types;
      return !dissolved.includes(other) && suffixesOf[type]?.some((suffix) => name === other.name + suffix);
    });
    return owner ?? find(name)!;
  };

  const families: Name[] = [];
  for (const name of names) {
    const owner = ownerOf(name.name);
    const isThere = owner !== name || dissolved.includes(name) ? name.samples.length > 0 : true;
    if (isThere && !families.includes(owner)) families.push(owner);
  }

  let text = "";
  for (const family of families) {
    const base = dissolved.find(({ name }) =>
      suffixesOf["histogram"]!.some((suffix) => family.name === name + suffix),
    );
    const help = family.help ?? base?.help;
    if (help !== undefined && help !== "") text += `# HELP ${writeMetric(family.name)} ${cleanHelp(help)}\n`;
    const [type = "untyped"] = dissolved.includes(family) ? [] : family.types;
    text += `# TYPE ${writeMetric(family.name)} ${type}\n`;
    for (const [index, { samples }] of bodies.entries()) {
      for (const sample of samples) {
        if (ownerOf(sample.name) === family)
          text += `${writeSample(sample, sources[index]!.labels, options)}\n`;
      }
    }
  }
  return text;
}

function collectNames(bodies: readonly ParsedExposition[]): Name[] {
  const names: Name[] = [];
  for (const { entries } of bodies) {
    const helps = new Map<string, string>();
    for (const entry of entries) {
      // Metadata of a name that no sample can have belongs to nothing.
      if (entry.name === "") continue;
      let name = names.find((other) => other.name === entry.name);
      if (name === undefined) {
        name = { name: entry.name, types: new Set(), help: undefined, samples: [] };
        names.push(name);
      }
      if ("value" in entry) name.samples.push(entry);
      else if (entry.kind === "TYPE") name.types.add(entry.text);
      else helps.set(entry.name, entry.text);
    }
    for (const name of names) name.help ??= helps.get(name.name);
  }
  return names;
}

function isDissolved({ name, types, samples }: Name, find: (name: string) => Name | undefined): boolean {
  if (types.size !== 1) return types.size > 1;
  const [type] = types;
  const suffixes = suffixesOf[type!];
  if (suffixes === undefined) return false;
  const parts = suffixes.flatMap((suffix) => find(name + suffix) ?? []);
  const bound = type === "histogram" ? "le" : "quantile";
  const isOdd = (sample: Sample) =>
    sample.labels.some((label) => label.name === bound && !isNumber(label.value));
  return (
    (type === "histogram" && samples.length > 0) ||
    parts.some((part) => part.types.size > 0) ||
    [...samples, ...parts.flatMap((part) => part.samples)].some(isOdd)
  );
}

const isNumber = (text: string) =>
  /^(?:nan|[+-]?(?:inf|infinity))$/i.test(text) ||
  (/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text)));

const cleanHelp = (text: string) =>
  text
    .split(/(\\\\|\\n)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll("\\", "\\\\")))
    .join("");

function writeSample(sample: Sample, added: readonly Label[], options: ReferenceOptions): string {
  const { line, name, labels, value, timestamp, plain } = sample;
  const isReserved = labels.some((label) => options.reservedLabels.includes(label.name));
  if (plain && !isReserved) {
    if (added.length === 0) return line;
    const list = added.map(writeLabel).join(",");
    const isQuoted = line.startsWith("{");
    if (isQuoted) {
      const quotedEnd = line.length - line.slice(1).replace(new RegExp(`^[ \\t]*${quotedName}`), "").length;
      return `${line.slice(0, quotedEnd)},${list}${line.slice(quotedEnd)}`;
    }
    if (line.slice(name.length).trimStart().startsWith("{")) {
      const open = line.indexOf("{") + 1;
      return `${line.slice(0, open)}${list}${labels.length > 0 ? "," : ""}${line.slice(open)}`;
    }
    return `${name}{${list}}${line.slice(name.length)}`;
  }
  const all = combine(labels, added, options.labelConflict).map(writeLabel);
  const series = bareMetric(name) ? `${name}{${all.join(",")}}` : `{${[encode(name), ...all].join(",")}}`;
  const gap = /[ \t]*$/.exec(line.trimEnd().slice(0, line.trimEnd().length - timestamp.length))![0];
  return `${series} ${value}${timestamp === "" ? "" : gap + timestamp}`;
}

function combine(
  own: readonly Label[],
  added: readonly Label[],
  conflict: ReferenceOptions["labelConflict"],
): Label[] {
  const has = (list: readonly Label[], name: string) => list.some((label) => label.name === name);
  if (conflict === "honor") return [...added.filter(({ name }) => !has(own, name)), ...own];
  if (conflict === "drop") return [...added, ...own.filter(({ name }) => !has(added, name))];
  const result = [...added];
  const renamed: Label[] = [];
  for (const label of own) {
    let { name } = label;
    const isFree = () => !has(added, name) && !has(renamed, name) && (name === label.name || !has(own, name));
    while (!isFree()) name = `exported_${name}`;
    renamed.push({ name, value: label.value });
  }
  return [...result, ...renamed];
}
