/**
 * Whether an exposition is built as strict readers want it: metadata once and before the samples, families in one block,
 * only names that the type allows. Knows nothing of how a merge came about.
 */
import { parseReference } from "./reference-parser.ts";
import { isPlain, isSample, type ReferenceFormat, type Sample } from "./reference-sample.ts";

const suffixes: Record<ReferenceFormat, Record<string, RegExp>> = {
  text: { histogram: /^_(?:bucket|sum|count)$/, summary: /^(?:|_sum|_count)$/ },
  openmetrics: {
    counter: /^_(?:total|created)$/,
    histogram: /^_(?:bucket|sum|count|created)$/,
    gaugehistogram: /^_(?:bucket|gsum|gcount)$/,
    summary: /^(?:|_sum|_count|_created)$/,
    info: /^_info$/,
  },
};
const order = ["HELP", "TYPE", "UNIT"];

/** What is wrong with it, in words; undefined when nothing is. */
export function findStructureProblem(text: string, format: ReferenceFormat): string | undefined {
  const families = new Set<string>();
  let family = "";
  let type = "";
  let seen: string[] = [];
  if (format === "openmetrics" && !text.endsWith("# EOF\n")) return "no # EOF with a line feed at the end";
  for (const entry of parseReference(text, format).entries) {
    if (isSample(entry)) {
      const suffix = entry.name.startsWith(family) ? entry.name.slice(family.length) : undefined;
      const isAllowed = suffix !== undefined && (suffixes[format][type] ?? /^$/).test(suffix);
      if (!seen.includes("TYPE") || !isAllowed) return `${entry.name} within ${type} ${family}`;
      const problem = findLineProblem(entry, family, type, format);
      if (problem !== undefined) return `${problem}: ${entry.line}`;
      seen = order;
      continue;
    }
    if (entry.name !== family || seen === order) {
      if (families.has(entry.name)) return `second block of ${entry.name}`;
      if (family !== "" && !seen.includes("TYPE")) return `no TYPE of ${family}`;
      families.add((family = entry.name));
      seen = [];
    }
    const isLate = seen.some((kind) => order.indexOf(kind) >= order.indexOf(entry.kind));
    if (isLate) return `${entry.kind} of ${family} twice or too late`;
    if (entry.kind === "UNIT" && /^(?:info|stateset)$/.test(type)) return `UNIT of ${type} ${family}`;
    if (entry.kind === "TYPE") type = entry.text;
    seen = [...seen, entry.kind];
  }
  return family !== "" && !seen.includes("TYPE") ? `no TYPE of ${family}` : undefined;
}

function findLineProblem(sample: Sample, family: string, type: string, format: ReferenceFormat) {
  const names = sample.labels.map((label) => label.name);
  if (!isPlain(sample, format)) return "line that only Prometheus takes";
  if (new Set(names).size !== names.length) return "label name twice";
  if (format === "text") return undefined;
  if (type === "stateset" && !names.includes(family)) return "no state";
  if (sample.name === `${family}_bucket` && type.endsWith("histogram") && !names.includes("le"))
    return "no le";
  if (sample.name === family && type === "summary" && !names.includes("quantile")) return "no quantile";
  return undefined;
}
