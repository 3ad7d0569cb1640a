/**
 * A second merger, slow and plain: strings, regular expressions and objects, no bytes, no tables, no blocks. It is what
 * the engine is held against, so it must share no code with it. For valid bodies only.
 */
import { familiesOf, type ReferenceFamily } from "./reference-families.ts";
import { namesOf } from "./reference-names.ts";
import { parseReference } from "./reference-parser.ts";
import { isSample, type Label, type ParsedExposition, type ReferenceFormat } from "./reference-sample.ts";
import { isBareMetric, type LineOptions, writeLine, writeMetricName } from "./reference-writer.ts";

export interface ReferenceSource {
  readonly body: string;
  /** Of the body; `text` when left out. */
  readonly format?: ReferenceFormat;
  readonly labels: readonly Label[];
}

export interface ReferenceOptions extends Omit<LineOptions, "format"> {
  /** Of the answer; `text` when left out. OpenMetrics is made of OpenMetrics bodies only. */
  readonly format?: ReferenceFormat;
  readonly keepFamily?: (names: readonly string[]) => boolean;
}

export function mergeReference(sources: readonly ReferenceSource[], options: ReferenceOptions): string {
  const { format = "text", keepFamily = () => true } = options;
  const bodies = sources.map(({ body, format: input = "text", labels }) => {
    if (format === "openmetrics" && input === "text") throw new Error("Cannot merge text into OpenMetrics");
    const parsed = withoutUtf8Metadata(parseReference(body, input), options);
    return { samples: parsed.samples, labels, names: namesOf(parsed, input, format) };
  });
  const families = familiesOf(
    bodies.map(({ names }) => names),
    format,
    sources.flatMap(({ labels }) => labels.map(({ name }) => name)),
  );

  let text = "";
  for (const family of families) {
    if (!keepFamily(filterNames(family))) continue;
    const name = writeMetricName(family.name);
    if (family.help !== "") text += `# HELP ${name} ${family.help}\n`;
    text += `# TYPE ${name} ${family.type}\n`;
    if (family.unit !== "") text += `# UNIT ${name} ${family.unit}\n`;
    for (const { samples, labels } of bodies) {
      for (const sample of samples) {
        if (!family.names.includes(sample.name)) continue;
        const line = writeLine(sample, labels, { ...options, format }, family.dissolved);
        if (line !== undefined) text += `${line}\n`;
      }
    }
  }
  return format === "openmetrics" ? `${text}# EOF\n` : text;
}

/** A scraper that does not take such names is not told of them. */
function withoutUtf8Metadata(parsed: ParsedExposition, { utf8Names }: ReferenceOptions): ParsedExposition {
  if (utf8Names !== false) return parsed;
  const isTold = (entry: ParsedExposition["entries"][number]) => isSample(entry) || isBareMetric(entry.name);
  return { samples: parsed.samples, entries: parsed.entries.filter(isTold) };
}

/** Names by which a filter may know a family: in both formats the same, and those of the family of which it is a part. */
function filterNames({ name, type, partOf }: ReferenceFamily): string[] {
  const others = partOf === "" ? [] : [partOf];
  const twins: Record<string, string> = { counter: "_total", info: "_info", gauge: "_info" };
  const suffix = twins[type];
  if (suffix === undefined || (type === "gauge" && !name.endsWith(suffix))) return [name, ...others];
  return [
    name,
    ...others,
    name.endsWith(suffix) ? name.slice(0, name.length - suffix.length) : name + suffix,
  ];
}
