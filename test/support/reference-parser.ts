/** The text format, read with regular expressions. For valid bodies only. */
import {
  decode,
  hasOddEscapes,
  isSample,
  type Label,
  type Metadata,
  type Oddity,
  type ParsedExposition,
  type ReferenceFormat,
  type Sample,
} from "./reference-sample.ts";
import { parseOpenMetricsReference } from "./reference-openmetrics-parser.ts";

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

export function parseReference(body: string, format: ReferenceFormat = "text"): ParsedExposition {
  return format === "text" ? parseText(body) : parseOpenMetricsReference(body);
}

function parseText(body: string): ParsedExposition {
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
  return { entries, samples: entries.filter(isSample) };
}

function readSample([, line, bareName, group = "", value, timestamp = "", blanks]: RegExpExecArray): Sample {
  let name = bareName;
  const oddities = new Set<Oddity>(blanks === "" ? [] : ["blanks or commas"]);
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
    if (word!.startsWith('"')) oddities.add("quoted name");
    if (hasOddEscapes(word!)) oddities.add("name escapes");
    if (hasOddEscapes(labelValue ?? "")) oddities.add("value escapes");
    if (comma === "" && !isLast) oddities.add("blanks or commas");
    if (labelValue === undefined) {
      if (labels.length > 0) oddities.add("late name");
      name = decode(word!);
    } else labels.push({ name: decode(word!), value: decode(labelValue) });
  }
  const format = "text";
  return { format, line: line!, name: name!, labels, value: value!, timestamp, exemplar: "", oddities };
}
