/** HELP, TYPE and free comments. Takes the metadata into the table; everything else about them is forgotten. */
import { isUtf8 } from "node:buffer";
import { type BodyName, type BodyTable, type MetricType, TypeBit } from "./body-table.ts";
import { unescapeQuoted } from "./label.ts";
import { skipQuotedName } from "./quoted-name.ts";
import { isLegacyMetricName, LF, NAME_PART, NAME_START, NUL, QUOTE, SPACE, standsAt, TAB } from "./syntax.ts";

/** A longer HELP text is left out: it is not worth its memory, and samples do not need it. */
const MAX_HELP_BYTES = 64 * 1024;

const HELP = Buffer.from("HELP");
const TYPE = Buffer.from("TYPE");

export class CommentParser {
  readonly #table: BodyTable;
  readonly #utf8Names: boolean;
  readonly #fail: (what: string, at: number) => Error;

  /**
   * @param utf8Names whether metadata of names outside the legacy character set is kept
   * @param fail makes the error for what is wrong at a position of the block
   */
  constructor(table: BodyTable, utf8Names: boolean, fail: (what: string, at: number) => Error) {
    this.#table = table;
    this.#utf8Names = utf8Names;
    this.#fail = fail;
  }

  /**
   * Parses a comment from its `#`. Returns the position after its line feed, or -1 when `block[0, end)` ends inside a
   * quoted name. What Prometheus reads past, NUL included, is read past; where it would silently stop reading, this
   * throws.
   */
  parse(block: Buffer, hash: number, end: number, blockIndex: number, allUtf8: boolean): number {
    let pos = hash + 1;
    while (block[pos] === SPACE || block[pos] === TAB) pos++;
    const spaced = pos > hash + 1;
    if (spaced) {
      const after = block[pos + 4];
      if (after === SPACE || after === TAB) {
        if (standsAt(block, pos, HELP)) return this.#parseHelp(block, pos + 5, end, blockIndex, allUtf8);
        if (standsAt(block, pos, TYPE)) return this.#parseType(block, pos + 5, end);
      }
    }
    const lineEnd = block.indexOf(LF, pos);
    if (spaced ? block[pos] === NUL : block.subarray(pos, lineEnd).includes(NUL)) {
      throw this.#fail("NUL in a comment, where Prometheus silently stops reading", pos);
    }
    return lineEnd + 1;
  }

  #parseHelp(block: Buffer, start: number, end: number, blockIndex: number, allUtf8: boolean): number {
    const nameEnd = this.#skipName(block, start, end);
    if (nameEnd < 0) return -1;
    const lineEnd = block.indexOf(LF, nameEnd);
    const textStart = Math.min(nameEnd + 1, lineEnd);
    // One byte is taken off as separator, whatever it is: the text may begin in the middle of a character.
    const isWhole = allUtf8 && block[nameEnd]! < 0x80;
    if (!isWhole && !isUtf8(block.subarray(textStart, lineEnd))) {
      throw this.#fail("HELP text is not valid UTF-8", textStart);
    }
    const name = this.#name(block, start, nameEnd);
    if (name !== undefined && lineEnd - textStart <= MAX_HELP_BYTES) {
      name.helpBlock = blockIndex;
      name.helpStart = textStart;
      name.helpEnd = lineEnd;
    }
    return lineEnd + 1;
  }

  #parseType(block: Buffer, start: number, end: number): number {
    const nameEnd = this.#skipName(block, start, end);
    if (nameEnd < 0) return -1;
    const lineEnd = block.indexOf(LF, nameEnd);
    // Exactly one separator is taken off, whatever it is: a second blank makes another word of the type.
    const type = block.toString("latin1", nameEnd + 1, lineEnd);
    if (!Object.hasOwn(TypeBit, type)) throw this.#fail("unknown metric type", nameEnd);
    const name = this.#name(block, start, nameEnd);
    if (name !== undefined) name.types |= TypeBit[type as MetricType];
    return lineEnd + 1;
  }

  /** The position after the name that stands behind blanks at `start`; -1 when the block ends inside it. */
  #skipName(block: Buffer, start: number, end: number): number {
    let pos = skipBlanks(block, start);
    if (block[pos] === QUOTE) {
      pos = skipQuotedName(block, pos, end);
      if (pos < -1) throw this.#fail("quoted name with a forbidden byte", start);
    } else if (NAME_START[block[pos]!] === 1) {
      do pos++;
      while (NAME_PART[block[pos]!] === 1);
    } else {
      throw this.#fail("metric name expected after HELP or TYPE", pos);
    }
    if (block[pos] === NUL) throw this.#fail("NUL after a metric name", pos);
    return pos;
  }

  #name(block: Buffer, start: number, end: number): BodyName | undefined {
    const first = skipBlanks(block, start);
    const table = this.#table;
    if (block[first] !== QUOTE) return table.names[table.idAt(block, first, end)];
    const quoted = block.subarray(first + 1, end - 1);
    // No sample can have such a name, so its metadata belongs to nothing; Prometheus takes the line all the same.
    if (quoted.length === 0 || !isUtf8(quoted)) return undefined;
    const text = unescapeQuoted(quoted.toString());
    return this.#utf8Names || isLegacyMetricName(text) ? table.names[table.idOf(text)] : undefined;
  }
}

function skipBlanks(block: Buffer, start: number): number {
  let pos = start;
  while (block[pos] === SPACE || block[pos] === TAB) pos++;
  return pos;
}
