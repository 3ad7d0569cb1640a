/** Reads one media type with its parameters, as in Content-Type and, repeated, in Accept (RFC 9110, sections 8.3.1 and 12.5.1). */

export interface MediaType {
  /** In lower case, as `text/plain`. */
  readonly type: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const token = String.raw`[!#$%&'*+.^_\x60|~0-9A-Za-z-]+`;
const typePattern = new RegExp(String.raw`^\s*(${token}/${token})\s*(?=;|$)`);
const parameterPattern = new RegExp(
  String.raw`\s*;\s*(${token})\s*=\s*(?:(${token})|"((?:[^"\\]|\\.)*)")\s*(?=;|$)`,
  "y",
);

/**
 * Undefined for what Go's mime.ParseMediaType refuses, which is what Prometheus reads it with: a parameter twice, above all.
 */
export function parseMediaType(text: string): MediaType | undefined {
  const [head, type] = typePattern.exec(text) ?? [];
  if (head === undefined || type === undefined) return undefined;
  const parameters = new Map<string, string>();
  parameterPattern.lastIndex = head.length;
  while (parameterPattern.lastIndex < text.length) {
    const start = parameterPattern.lastIndex;
    const [, name, bare, quoted = ""] = parameterPattern.exec(text) ?? [];
    if (name === undefined)
      return /^\s*;?\s*$/.test(text.slice(start)) ? { type: type.toLowerCase(), parameters } : undefined;
    const key = name.toLowerCase();
    if (parameters.has(key)) return undefined;
    parameters.set(key, bare ?? quoted.replaceAll(/\\(.)/g, "$1"));
  }
  return { type: type.toLowerCase(), parameters };
}

/** The items of a header that is a list, split at commas that are not in quotes. */
export function splitList(header: string): string[] {
  return header.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? [];
}

/** The parameter `q` (RFC 9110, section 12.4.2), 1 without one. What is no weight counts as 0: never guess. */
export function readWeight(text: string | undefined): number {
  if (text === undefined) return 1;
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
