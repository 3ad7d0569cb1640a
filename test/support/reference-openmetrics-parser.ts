/**
 * The OpenMetrics format, read with regular expressions. Throws at every body that Prometheus 3.5 refuses, and at those
 * that we refuse beside these: NUL where only Prometheus' lexer steps over it, and unquoted metric names in braces.
 */
import {
  decode,
  hasOddEscapes,
  isSample,
  type Label,
  type Metadata,
  type Oddity,
  type ParsedExposition,
  type Sample,
  toFloat,
} from "./reference-sample.ts";

const bareName = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const bareLabel = "[a-zA-Z_][a-zA-Z0-9_]*";
const quotedName = String.raw`"(?:[^"\\\0]|\\[^\n\0])*"`;
/** Prometheus' lexer steps over NUL in label values, so that one may stand between a backslash and what it escapes. */
const quotedValue = String.raw`"(?:[^"\\\n]|\\\0*[^\n\0])*"`;
const exemplarText = String.raw`"(?:[^"\\\n\0]|\\[^\n\0])*"`;
const number = String.raw`[^ \n]+`;

const metadataPattern = new RegExp(
  String.raw`# (HELP|TYPE|UNIT) (${quotedName}|${bareName}) ([^\n]*)\n`,
  "y",
);
const word = `(?:${quotedName}|${bareLabel})`;
const item = `${word}(?:=${quotedValue})?`;
const exemplarItem = `(?:${exemplarText}|${bareLabel})=${exemplarText}`;
const exemplar = String.raw`\{(?:${exemplarItem}(?:,${exemplarItem})*,?)?\} (${number})(?: (${number}))?`;
const samplePattern = new RegExp(
  String.raw`((${bareName})?(?:\{((?:${item}(?:,${item})*,?)?)\})? (${number})(?: (?!# \{)(${number}))?(?: # (${exemplar}))?)\n`,
  "y",
);
const itemPattern = new RegExp(`(${word})(?:=(${quotedValue}))?(,?)`, "y");
const typePattern = /^(?:counter|gauge|histogram|gaugehistogram|summary|info|stateset|unknown)$/;

export function parseOpenMetricsReference(body: string): ParsedExposition {
  // Prometheus looks at no format when there is nothing.
  if (body === "") return { entries: [], samples: [] };
  const end = /# EOF\n?$/.exec(body)?.index;
  if (end === undefined) throw new Error("Cannot parse the body: its last line is not # EOF");
  const entries: (Sample | Metadata)[] = [];
  for (let at = 0; at < end;) {
    const match = (pattern: RegExp) => {
      pattern.lastIndex = at;
      return pattern.exec(body);
    };
    const metadata = match(metadataPattern);
    const found = metadata ?? match(samplePattern);
    if (found === null) throw new Error(`Cannot parse ${JSON.stringify(body.slice(at, at + 100))}`);
    entries.push(metadata === null ? readSample(found) : readMetadata(metadata));
    at += found[0].length;
    if (at > end) throw new Error("Cannot parse the body: # EOF is not a line of its own");
  }
  return { entries, samples: entries.filter(isSample) };
}

function readMetadata([line, kind, name, text]: RegExpExecArray): Metadata {
  const raw = name!.replaceAll(/^"|"$/g, "");
  const isWrong =
    (kind === "TYPE" && !typePattern.test(text!)) ||
    (kind === "UNIT" && text !== "" && !raw.endsWith(`_${text}`));
  if (isWrong) throw new Error(`Cannot parse ${JSON.stringify(line)}`);
  return { kind: kind as Metadata["kind"], name: decode(name!), text: text! };
}

function readSample([line, text, bare, group = "", value, stamp = "", ...more]: RegExpExecArray): Sample {
  const [exemplar = "", exemplarValue, exemplarStamp] = more;
  const floats = [value!, exemplarValue ?? "0"].map(toFloat);
  const stamps = [stamp, exemplarStamp ?? ""].filter((one) => one !== "").map(toFloat);
  const names: string[] = bare === undefined ? [] : [bare];
  const labels: Label[] = [];
  const oddities = new Set<Oddity>();
  let isOpen = false;
  itemPattern.lastIndex = 0;
  while (itemPattern.lastIndex < group.length) {
    const [, word, labelValue, comma] = itemPattern.exec(group)!;
    isOpen = comma !== "";
    if (word!.startsWith('"')) oddities.add("quoted name");
    if (hasOddEscapes(word!)) oddities.add("name escapes");
    if (hasOddEscapes(labelValue ?? "")) oddities.add("value escapes");
    if (labelValue === undefined) {
      if (labels.length > 0) oddities.add("late name");
      names.push(word!.startsWith('"') ? decode(word!) : "");
    } else labels.push({ name: decode(word!), value: decode(labelValue) });
  }
  const exemplarLabels = exemplar.replace(/\}[^}]*$/, "").replaceAll(/=(?:"(?:[^"\\]|\\.)*")/g, "");
  if (isOpen || exemplarLabels.endsWith(",")) oddities.add("trailing comma");
  if (exemplarLabels.includes('"')) oddities.add("quoted exemplar label");
  const labelNames = ["__name__", ...labels.map((label) => label.name)];
  const isWrong =
    names.length !== 1 ||
    names[0] === "" ||
    labelNames.includes("") ||
    new Set(labelNames).size !== labelNames.length ||
    floats.includes(undefined) ||
    !stamps.every((one) => Number.isFinite(one));
  if (isWrong) throw new Error(`Cannot parse ${JSON.stringify(line)}`);
  const format = "openmetrics";
  return {
    format,
    line: text!,
    name: names[0]!,
    labels,
    value: value!,
    timestamp: stamp,
    exemplar: exemplar.replace(/,\}([^}]*)$/, "}$1"),
    oddities,
  };
}
