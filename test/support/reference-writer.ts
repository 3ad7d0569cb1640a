/** Writes one sample line with labels put in: into the line as it came where that is plain, else anew. */
import { encode, isPlain, type Label, type ReferenceFormat, type Sample } from "./reference-sample.ts";

export interface LineOptions {
  readonly format: ReferenceFormat;
  readonly labelConflict: "rename" | "honor" | "drop";
  /** Lines that have one of these labels are written in the plain form even if nothing is added to them. */
  readonly reservedLabels: readonly string[];
  /** False: quotes around names are taken off. Every name can then stand without. */
  readonly utf8Names?: boolean;
}

export const isBareMetric = (name: string) => /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name);
export const writeMetricName = (name: string) => (isBareMetric(name) ? name : encode(name));
export const isBareLabel = (name: string) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
const writeLabel = ({ name, value }: Label) => `${isBareLabel(name) ? name : encode(name)}=${encode(value)}`;

/** Undefined when the sample cannot be written in the format. */
export function writeLine(
  sample: Sample,
  added: readonly Label[],
  options: LineOptions,
  dropExemplar: boolean,
): string | undefined {
  const { labels, exemplar, oddities } = sample;
  // Prometheus 2 refuses a whole answer for such an exemplar.
  const isOnlyForPrometheus3 =
    oddities.has("quoted exemplar label") || !/_(?:total|bucket)$/.test(sample.name);
  const isExemplarDropped = dropExemplar || (options.utf8Names === false && isOnlyForPrometheus3);
  const rest = writeRest(sample, options.format, isExemplarDropped);
  if (rest === undefined) return undefined;
  const asItIs =
    isPlain(sample, options.format) &&
    !labels.some((label) => options.reservedLabels.includes(label.name)) &&
    !(isExemplarDropped && exemplar !== "") &&
    !(options.utf8Names === false && oddities.has("quoted name"));
  if (asItIs) return insert(sample, added);
  const { name } = sample;
  const all = combine(labels, added, options.labelConflict).map(writeLabel);
  const series = isBareMetric(name) ? `${name}{${all.join(",")}}` : `{${[encode(name), ...all].join(",")}}`;
  return `${series} ${rest}`;
}

/** What stands behind the labels: value, timestamp, exemplar. Undefined when the timestamp is one that text has not. */
function writeRest(sample: Sample, output: ReferenceFormat, dropExemplar: boolean): string | undefined {
  const { format, line, value, timestamp, exemplar } = sample;
  if (format === "text") {
    const trimmed = line.trimEnd();
    const gap = /[ \t]*$/.exec(trimmed.slice(0, trimmed.length - timestamp.length))![0];
    return `${value}${timestamp === "" ? "" : gap + timestamp}`;
  }
  if (output === "openmetrics") {
    const parts = [value, timestamp, exemplar !== "" && !dropExemplar ? `# ${exemplar}` : ""];
    return parts.filter((part) => part !== "").join(" ");
  }
  if (timestamp === "") return value;
  const milliseconds = Math.trunc(Number(timestamp) * 1000);
  if (milliseconds < 0 || milliseconds >= 2 ** 63) return undefined;
  return `${value} ${BigInt(milliseconds)}`;
}

/** Puts labels first into a plain line, behind a quoted name. */
function insert({ line, name, labels }: Sample, added: readonly Label[]): string {
  if (added.length === 0) return line;
  const list = added.map(writeLabel).join(",");
  if (line.startsWith("{")) {
    const [start] = /^\{[ \t]*"(?:[^"\\]|\\[^])*"/.exec(line)!;
    return `${start},${list}${line.slice(start.length)}`;
  }
  if (line.slice(name.length).trimStart().startsWith("{")) {
    const open = line.indexOf("{") + 1;
    return `${line.slice(0, open)}${list}${labels.length > 0 ? "," : ""}${line.slice(open)}`;
  }
  return `${name}{${list}}${line.slice(name.length)}`;
}

function combine(
  own: readonly Label[],
  added: readonly Label[],
  conflict: LineOptions["labelConflict"],
): Label[] {
  const has = (list: readonly Label[], name: string) => list.some((label) => label.name === name);
  if (conflict === "honor") return [...added.filter(({ name }) => !has(own, name)), ...own];
  if (conflict === "drop") return [...added, ...own.filter(({ name }) => !has(added, name))];
  const renamed: Label[] = [];
  for (const label of own) {
    let { name } = label;
    const isFree = () => !has(added, name) && !has(renamed, name) && (name === label.name || !has(own, name));
    while (!isFree()) name = `exported_${name}`;
    renamed.push({ name, value: label.value });
  }
  return [...added, ...renamed];
}
