/**
 * Writes one sample line anew: for lines that Prometheus takes and stricter readers refuse (a comma missing between
 * labels, a raw line feed, in text an undefined escape in a value, the name in the middle of the braces, blanks at the end),
 * for lines whose labels collide with the injected ones, and for lines of OpenMetrics in an answer that is text. Name, label
 * values, sample value and timestamp keep their meaning exactly.
 */
import { formatLabel, formatMetricName, type Label, unescapeQuoted } from "./label.ts";
import { convertTail, hasExemplar, type SampleTail } from "./sample-tail.ts";
import { isLegacyMetricName, LABEL_PART, NAME_PART } from "./syntax.ts";

/**
 * What happens to a sample's label that has the name of an injected one. `rename`: it becomes `exported_<name>`, with
 * the prefix again until the name is free, as Prometheus does with `honor_labels: false`. `honor`: it stays and ours
 * is left out. `drop`: ours replaces it.
 */
export type LabelConflict = "rename" | "honor" | "drop";

export interface RewriteOptions {
  readonly injected: readonly Label[];
  readonly conflict: LabelConflict;
  readonly tail: SampleTail;
}

/**
 * Rewrites a line that the parser has accepted, from its name or brace to its line feed. Empty where the answer's format cannot
 * say the sample's time.
 */
export function rewriteLine(line: string, { injected, conflict, tail }: RewriteOptions): string {
  const series = readSeries(line);
  const rest = convertTail(line.slice(series.end).trim(), tail);
  if (rest === undefined) return "";
  const labels = withInjected(series.labels, injected, conflict).map(formatLabel);
  const text = isLegacyMetricName(series.name)
    ? `${series.name}{${labels.join(",")}}`
    : `{${[formatMetricName(series.name), ...labels].join(",")}}`;
  return `${text} ${rest}\n`;
}

/** Whether a line of OpenMetrics has an exemplar. */
export function lineHasExemplar(line: string): boolean {
  return hasExemplar(line.slice(readSeries(line).end));
}

interface Series {
  readonly name: string;
  readonly labels: readonly Label[];
  /** Position behind it. */
  readonly end: number;
}

function readSeries(line: string): Series {
  let nameEnd = 0;
  while (NAME_PART[line.charCodeAt(nameEnd)] === 1) nameEnd++;
  const open = skipBlanks(line, nameEnd);
  const bare = line.slice(0, nameEnd);
  if (line[open] !== "{") return { name: bare, labels: [], end: open };
  const { name = bare, labels, end } = readGroup(line, open + 1);
  return { name, labels, end };
}

/** Reads a valid label group from behind its `{`. `end` is the position behind its `}`. */
function readGroup(line: string, start: number): { name: string | undefined; labels: Label[]; end: number } {
  let name: string | undefined;
  const labels: Label[] = [];
  let pos = start;
  for (;;) {
    pos = skipSeparators(line, pos);
    if (line[pos] === "}") return { name, labels, end: pos + 1 };
    const first = readWord(line, pos);
    pos = skipBlanks(line, first.end);
    if (line[pos] === "=") {
      const value = readWord(line, skipBlanks(line, pos + 1));
      labels.push({ name: first.text, value: value.text });
      pos = value.end;
    } else name = first.text;
  }
}

/** A quoted string, decoded, or an unquoted label name. */
function readWord(line: string, start: number): { text: string; end: number } {
  let end = start + 1;
  if (line[start] === '"') {
    while (line[end] !== '"') {
      if (line[end] === "\\") while (line[++end] === "\0");
      end++;
    }
    return { text: unescapeQuoted(line.slice(start + 1, end)), end: end + 1 };
  }
  while (LABEL_PART[line.charCodeAt(end)] === 1) end++;
  return { text: line.slice(start, end), end };
}

function skipBlanks(line: string, start: number): number {
  let pos = start;
  while (line[pos] === " " || line[pos] === "\t") pos++;
  return pos;
}

function skipSeparators(line: string, start: number): number {
  let pos = start;
  while (line[pos] === " " || line[pos] === "\t" || line[pos] === ",") pos++;
  return pos;
}

function withInjected(
  labels: readonly Label[],
  injected: readonly Label[],
  conflict: LabelConflict,
): Label[] {
  const own = new Set(labels.map((label) => label.name));
  const taken = new Set(injected.map((label) => label.name));
  if (conflict === "honor") return [...injected.filter((label) => !own.has(label.name)), ...labels];
  if (conflict === "drop") return [...injected, ...labels.filter((label) => !taken.has(label.name))];
  for (const name of own) taken.add(name);
  const renamed = labels.map((label) => {
    if (!injected.some(({ name }) => name === label.name)) return label;
    let name = `exported_${label.name}`;
    while (taken.has(name)) name = `exported_${name}`;
    taken.add(name);
    return { name, value: label.value };
  });
  return [...injected, ...renamed];
}
