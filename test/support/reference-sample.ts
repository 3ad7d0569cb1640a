/** What the reference parsers read: samples and metadata as strings. Of no use to anything but the reference merger. */

export type ReferenceFormat = "text" | "openmetrics";

export interface Label {
  readonly name: string;
  readonly value: string;
}

/** Why a line cannot be passed on as it is; which of them count is a matter of the format that is written. */
export type Oddity =
  /** Blanks at the end, or no comma between labels. */
  | "blanks or commas"
  | "trailing comma"
  /** The quoted metric name is not the first thing in the braces. */
  | "late name"
  /** A raw line feed or an undefined escape in a name. */
  | "name escapes"
  | "value escapes"
  | "quoted name"
  /** In the braces of the exemplar. */
  | "quoted exemplar label";

export interface Sample {
  readonly format: ReferenceFormat;
  /** From its first byte that is no blank, without line feed. */
  readonly line: string;
  readonly name: string;
  readonly labels: readonly Label[];
  readonly value: string;
  /** Empty when there is none. */
  readonly timestamp: string;
  /** From its brace; empty when there is none. */
  readonly exemplar: string;
  readonly oddities: ReadonlySet<Oddity>;
}

export interface Metadata {
  readonly kind: "HELP" | "TYPE" | "UNIT";
  readonly name: string;
  readonly text: string;
}

export interface ParsedExposition {
  readonly samples: readonly Sample[];
  /** In the order of the lines, samples and metadata. */
  readonly entries: readonly (Sample | Metadata)[];
}

export const isSample = (entry: Sample | Metadata): entry is Sample => "value" in entry;

/** The line is as every reader of the format wants it: labels can be put in without touching anything else. */
export function isPlain({ format, oddities, timestamp, exemplar }: Sample, output: ReferenceFormat): boolean {
  if (["blanks or commas", "late name", "name escapes"].some((oddity) => oddities.has(oddity as Oddity)))
    return false;
  if (format === "openmetrics" && oddities.has("trailing comma")) return false;
  if (output === "openmetrics") return true;
  return !oddities.has("value escapes") && (format === "text" || (timestamp === "" && exemplar === ""));
}

/** Without quotes and escapes. */
export function decode(text: string): string {
  if (!text.startsWith('"')) return text;
  return text
    .slice(1, -1)
    .replace(/\\[\\"n]/g, (escape) => ({ "\\\\": "\\", '\\"': '"', "\\n": "\n" })[escape]!);
}

export function encode(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** Whether a quoted text has a raw line feed or an undefined escape. */
export const hasOddEscapes = (text: string) => /\n/.test(text) || /\\/.test(text.replace(/\\[\\"n]/g, ""));

/** What Prometheus reads as a float; undefined for anything else. */
export function toFloat(text: string): number | undefined {
  if (/^nan$/i.test(text)) return NaN;
  if (/^[+-]?inf(?:inity)?$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  const isDecimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text);
  return isDecimal && Number.isFinite(Number(text)) ? Number(text) : undefined;
}
