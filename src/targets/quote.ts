// Text of a request, made safe to stand in an error message: one line, visible ASCII, bounded.
// Never lets a caller forge a log line or an answer: every other character is written as an escape.

const maxQuotedCharacters = 80;

/** JSON-like quoting; what is longer than 80 characters is cut and ends with "...". */
export function quote(text: string): string {
  const shown = text.slice(0, maxQuotedCharacters);
  const escaped = shown.replaceAll(/["\\]|[^\x20-\x7e]/g, (character) =>
    character === '"' || character === "\\"
      ? `\\${character}`
      : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `"${escaped}${shown.length < text.length ? "..." : ""}"`;
}
