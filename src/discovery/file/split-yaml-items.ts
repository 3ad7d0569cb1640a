// Cuts a List in YAML into its items before it is parsed. The parser takes half a second and 55 MB for each megabyte:
// whole lists would stop every scrape for seconds and need gigabytes.
// Never decides what is valid: every piece still goes through the YAML parser.

/** One entry of the sequence, as a sequence of one, with the indentation it had. */
interface YamlItem {
  readonly text: string;
  /** Where it begins in the whole text, counted from 1. */
  readonly line: number;
}

/** A List in pieces. */
export interface YamlPieces {
  /** The text without the items: their key is still there, with nothing behind it. */
  readonly rest: string;
  readonly items: readonly YamlItem[];
}

const itemsKey = /^items:[ \t]*(?:#.*)?\r?\n/m;
const blankOrComment = /^[ \t]*(?:#.*)?\r?$/;
const sequenceEntry = /^ *-(?:[ \t\r]|$)/;

/**
 * Cuts at the entries of the block sequence under the first top-level key `items`, as kubectl writes it. Text of another
 * shape (`items: []`, for one) comes back whole as `rest`. Sound because YAML wants every line that belongs to an entry,
 * also one of a long string, indented further than the dash of the entry. An alias to an anchor in another piece ends as
 * an unknown alias in the parser: kubectl writes none.
 */
export function splitYamlItems(text: string): YamlPieces {
  const key = itemsKey.exec(text);
  if (key === null) return { rest: text, items: [] };
  const start = key.index + key[0].length;
  const starts: { offset: number; line: number }[] = [];
  let indent: number | undefined;
  let offset = start;
  for (let line = countLines(text.slice(0, start)) + 1; offset < text.length; line += 1) {
    const newline = text.indexOf("\n", offset);
    const end = newline === -1 ? text.length : newline;
    const content = text.slice(offset, end);
    if (!blankOrComment.test(content)) {
      const column = content.search(/[^ ]/);
      const isEntry = sequenceEntry.test(content);
      if (isEntry) indent ??= column;
      if (indent === undefined || column < indent || (column === indent && !isEntry)) break;
      if (column === indent) starts.push({ offset, line });
    }
    offset = end + 1;
  }
  return {
    rest: text.slice(0, start) + text.slice(offset),
    items: starts.map((item, index) => ({
      text: text.slice(item.offset, starts[index + 1]?.offset ?? offset),
      line: item.line,
    })),
  };
}

function countLines(text: string): number {
  return text.split("\n").length - 1;
}
