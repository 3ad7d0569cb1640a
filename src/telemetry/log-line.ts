// The last look at a line of the log before it is written: one line, of a bounded length, without a character that a terminal or a
// reader of logs could take for more than text. Never changes what a short line of plain text says.

/** In characters, line feed included. */
export const maxLineLength = 16 * 1024;

/** Of each text in a line that is too long. */
const maxTextLength = 1000;

/** Controls, formats (bidirectional ones turn a line around), unpaired surrogates, private and unassigned ones, separators of lines. */
const unsafe = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Takes a whole line of JSON with its line feed, and returns one that means the same, but for what had to be cut. */
export function boundLine(line: string): string {
  const safe = escapeUnsafe(line);
  if (safe.length <= maxLineLength) return safe;
  const event = JSON.parse(line) as Record<string, unknown>;
  const shortened = write({ ...(cutTexts(event) as object), shortened: true });
  if (shortened.length <= maxLineLength) return shortened;
  // Many fields or items: what remains says when, and what kind of event it was.
  const { level, time, msg } = event;
  return write({ level, time, msg: typeof msg === "string" ? cutTexts(msg) : undefined, shortened: true });
}

function write(event: object): string {
  return escapeUnsafe(`${JSON.stringify(event)}\n`);
}

/** In JSON such a character can only stand inside a string, where its escape is the same character. */
function escapeUnsafe(line: string): string {
  const text = line.endsWith("\n") ? line.slice(0, -1) : line;
  return `${text.replaceAll(unsafe, escape)}\n`;
}

function escape(character: string): string {
  let escaped = "";
  for (let i = 0; i < character.length; i++)
    escaped += `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`;
  return escaped;
}

function cutTexts(value: unknown): unknown {
  if (typeof value === "string")
    return value.length > maxTextLength ? `${value.slice(0, maxTextLength).toWellFormed()}...` : value;
  if (Array.isArray(value)) return value.map(cutTexts);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, cutTexts(item)]));
}
