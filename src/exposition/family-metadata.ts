/** The lines before the samples of a family: HELP, TYPE and, in OpenMetrics, UNIT. */
import type { Family } from "./families.ts";
import type { ExpositionFormat } from "./format.ts";
import { formatMetricName } from "./label.ts";
import { BACKSLASH, isLegacyMetricName, LOWER_N, QUOTE } from "./syntax.ts";

export function formatMetadata(family: Family, format: ExpositionFormat): Buffer {
  const { type, help, helpFormat } = family;
  const name = formatMetricName(family.name);
  const typeName = type === "untyped" && format === "openmetrics" ? "unknown" : type;
  const lines: Buffer[] = [];
  if (help !== undefined && help.length > 0) {
    const text = format === "openmetrics" ? help : helpInText(help, helpFormat);
    lines.push(Buffer.from(`# HELP ${name} `), text, Buffer.from("\n"));
  }
  lines.push(Buffer.from(`# TYPE ${name} ${typeName}\n`));
  if (format === "openmetrics" && hasUnit(family, name))
    lines.push(Buffer.from(`# UNIT ${name} ${family.unit}\n`));
  return Buffer.concat(lines);
}

/** At least as many bytes as formatMetadata() gives in any format. */
export function maxBytesOfMetadata({ name, help, unit }: Family): number {
  // A character takes at most three bytes, an escaped one two.
  const written = isLegacyMetricName(name) ? name.length : 3 * name.length + 2;
  const lines = 1 + (help === undefined ? 0 : 1) + (unit === "" ? 0 : 1);
  return lines * written + 2 * (help?.length ?? 0) + 3 * unit.length + 64;
}

/** OpenMetrics 1.0: the unit is the end of the name, here as it is written; an info and a stateset have none. */
function hasUnit({ type, unit }: Family, written: string): boolean {
  const name = written.startsWith('"') ? written.slice(1, -1) : written;
  return unit !== "" && type !== "info" && type !== "stateset" && name.endsWith(`_${unit}`);
}

/**
 * Readers stricter than Prometheus refuse all escapes but two (of backslash and line feed): other backslashes are doubled.
 * OpenMetrics has a third one, of the double quote, which text writes as it is.
 */
function helpInText(help: Buffer, format: ExpositionFormat): Buffer {
  if (!help.includes(BACKSLASH)) return help;
  const text = Buffer.allocUnsafe(help.length * 2);
  let length = 0;
  for (let at = 0; at < help.length; at++) {
    const c = help[at]!;
    const following = help[at + 1];
    if (c === BACKSLASH && following === QUOTE && format === "openmetrics") continue;
    text[length++] = c;
    if (c !== BACKSLASH) continue;
    if (following === BACKSLASH || following === LOWER_N) at++;
    text[length++] = following === LOWER_N ? LOWER_N : BACKSLASH;
  }
  return text.subarray(0, length);
}
