/** HELP, TYPE and UNIT of OpenMetrics: nothing else may stand behind a `#` at the start of a line, but the end. */
import { isUtf8 } from "node:buffer";
import { type BodyName, type BodyTable, type MetricType, TypeBit } from "../body-table.ts";
import { type Fail, INCOMPLETE } from "../label-group.ts";
import { findMetadataName, skipMetadataName } from "../metadata-name.ts";
import { LF, QUOTE, SPACE, standsAt } from "../syntax.ts";

const HELP = Buffer.from("# HELP ");
const TYPE = Buffer.from("# TYPE ");
const UNIT = Buffer.from("# UNIT ");
const words = [HELP, TYPE, UNIT];

const types = new Map<string, number>(
  (Object.keys(TypeBit) as MetricType[]).map((type) => [
    type === "untyped" ? "unknown" : type,
    TypeBit[type],
  ]),
);

export class MetadataParser {
  readonly #table: BodyTable;
  readonly #utf8Names: boolean;
  readonly #fail: Fail;

  /** @param utf8Names whether metadata of names outside the legacy character set is kept */
  constructor(table: BodyTable, utf8Names: boolean, fail: Fail) {
    this.#table = table;
    this.#utf8Names = utf8Names;
    this.#fail = fail;
  }

  /** Parses from the `#`. Returns the position after the line feed, or INCOMPLETE when the block ends inside a quoted name. */
  parse(block: Buffer, hash: number, end: number, blockIndex: number, allUtf8: boolean): number {
    const word = words.find((one) => standsAt(block, hash, one));
    if (word === undefined) throw this.#fail("comment that is not HELP, TYPE, UNIT or EOF", hash);
    const start = hash + word.length;
    const nameEnd = skipMetadataName(block, start, end, this.#fail);
    if (nameEnd === INCOMPLETE) return INCOMPLETE;
    if (block[nameEnd] !== SPACE) throw this.#fail("one blank expected after the metric name", nameEnd);
    const textStart = nameEnd + 1;
    const textEnd = block.indexOf(LF, textStart);
    const name = findMetadataName(this.#table, block, { start, end: nameEnd, utf8Names: this.#utf8Names });
    const text = block.subarray(textStart, textEnd);
    if (word === TYPE) this.#noteType(name, text, textStart);
    else if (word === UNIT) this.#noteUnit(name, text, block.subarray(start, nameEnd), textStart);
    else {
      if (!allUtf8 && !isUtf8(text)) throw this.#fail("HELP text is not valid UTF-8", textStart);
      if (name !== undefined) this.#table.noteHelp(name, blockIndex, textStart, textEnd);
    }
    return textEnd + 1;
  }

  #noteType(name: BodyName | undefined, text: Buffer, at: number): void {
    const type = types.get(text.toString("latin1"));
    if (type === undefined) throw this.#fail("unknown metric type", at);
    if (name !== undefined) name.types |= type;
  }

  /** `name` as it stands in the line, quotes and escapes included: its end is compared with the unit. */
  #noteUnit(name: BodyName | undefined, unit: Buffer, written: Buffer, at: number): void {
    const suffix = Buffer.concat([Buffer.from("_"), unit]);
    const bare = written.at(-1) === QUOTE ? written.subarray(0, -1) : written;
    if (unit.length > 0 && !bare.subarray(-suffix.length).equals(suffix))
      throw this.#fail("unit is not the end of the metric name", at);
    if (name !== undefined) name.unit = unit.toString();
  }
}
