/** A label, and how its text is written. */
import { isLegacyLabelName, isLegacyMetricName } from "./syntax.ts";

export interface Label {
  readonly name: string;
  readonly value: string;
}

/** Escapes what must not stand in a quoted string (exposition_formats.md: backslash, double quote, line feed). */
function escapeQuoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Undoes the escapes that Prometheus knows; any other backslash stands for itself, as in its parser. */
export function unescapeQuoted(text: string): string {
  return text.includes("\\") ? text.replace(/\\(["\\n])/g, (_, c: string) => (c === "n" ? "\n" : c)) : text;
}

/** `name="value"`, the name quoted where it has to be. */
export function formatLabel({ name, value }: Label): string {
  return `${isLegacyLabelName(name) ? name : `"${escapeQuoted(name)}"`}="${escapeQuoted(value)}"`;
}

/** A metric name as it stands in a HELP or TYPE line. */
export function formatMetricName(name: string): string {
  return isLegacyMetricName(name) ? name : `"${escapeQuoted(name)}"`;
}
