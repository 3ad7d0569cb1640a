/** HELP, TYPE and free comments of the text format. Takes the metadata into the table; everything else is forgotten. */
import { isUtf8 } from "node:buffer";
import { type BodyName, type BodyTable, TypeBit } from "../body-table.ts";
import { type Fail, INCOMPLETE } from "../label-group.ts";
import { findMetadataName, skipMetadataName } from "../metadata-name.ts";
import { LF, NUL, SPACE, standsAt, TAB } from "../syntax.ts";

const HELP = Buffer.from("HELP");
const TYPE = Buffer.from("TYPE");

const types = new Map<string, number>(
  (["counter", "gauge", "histogram", "summary", "untyped"] as const).map((type) => [type, TypeBit[type]]),
);

export class CommentParser {
  readonly #table: BodyTable;
  readonly #utf8Names: boolean;
  readonly #fail: Fail;

  /** @param utf8Names whether metadata of names outside the legacy character set is kept */
  constructor(table: BodyTable, utf8Names: boolean, fail: Fail) {
    this.#table = table;
    this.#utf8Names = utf8Names;
    this.#fail = fail;
  }

  /**
   * Parses a comment from its `#`. Returns the position after its line feed, or INCOMPLETE when `block[0, end)` ends inside
   * a quoted name. What Prometheus reads past, NUL included, is read past; where it would silently stop reading, this
   * throws.
   */
  parse(block: Buffer, hash: number, end: number, blockIndex: number, allUtf8: boolean): number {
    const pos = skipBlanks(block, hash + 1);
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

  #parseHelp(block: Buffer, from: number, end: number, blockIndex: number, allUtf8: boolean): number {
    const start = skipBlanks(block, from);
    const nameEnd = this.#skipName(block, start, end);
    if (nameEnd === INCOMPLETE) return INCOMPLETE;
    const lineEnd = block.indexOf(LF, nameEnd);
    const textStart = Math.min(nameEnd + 1, lineEnd);
    // One byte is taken off as separator, whatever it is: the text may begin in the middle of a character.
    const isWhole = allUtf8 && block[nameEnd]! < 0x80;
    if (!isWhole && !isUtf8(block.subarray(textStart, lineEnd))) {
      throw this.#fail("HELP text is not valid UTF-8", textStart);
    }
    const name = this.#name(block, start, nameEnd);
    if (name !== undefined) this.#table.noteHelp(name, blockIndex, textStart, lineEnd);
    return lineEnd + 1;
  }

  #parseType(block: Buffer, from: number, end: number): number {
    const start = skipBlanks(block, from);
    const nameEnd = this.#skipName(block, start, end);
    if (nameEnd === INCOMPLETE) return INCOMPLETE;
    const lineEnd = block.indexOf(LF, nameEnd);
    // Exactly one separator is taken off, whatever it is: a second blank makes another word of the type.
    const type = types.get(block.toString("latin1", nameEnd + 1, lineEnd));
    if (type === undefined) throw this.#fail("unknown metric type", nameEnd);
    const name = this.#name(block, start, nameEnd);
    if (name !== undefined) name.types |= type;
    return lineEnd + 1;
  }

  #skipName(block: Buffer, start: number, end: number): number {
    const pos = skipMetadataName(block, start, end, this.#fail);
    if (pos !== INCOMPLETE && block[pos] === NUL) throw this.#fail("NUL after a metric name", pos);
    return pos;
  }

  #name(block: Buffer, start: number, end: number): BodyName | undefined {
    return findMetadataName(this.#table, block, { start, end, utf8Names: this.#utf8Names });
  }
}

function skipBlanks(block: Buffer, start: number): number {
  let pos = start;
  while (block[pos] === SPACE || block[pos] === TAB) pos++;
  return pos;
}
