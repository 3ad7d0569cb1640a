/** The label names of one sample line: finds duplicates and names that mean something to a merge. */
import { standsAt } from "./syntax.ts";

/** Up to this many names are compared pair by pair; above, a Set keeps a hostile line from costing its square. */
const MAX_PAIRWISE = 32;

export type LabelKind = "ordinary" | "duplicate" | "empty" | "reserved" | "le" | "quantile";

interface SpecialName {
  readonly bytes: Buffer;
  readonly kind: LabelKind;
}

export class LabelNames {
  readonly #specialTexts = new Map<string, LabelKind>([
    ["le", "le"],
    ["quantile", "quantile"],
    // Prometheus keeps the metric name under this label, so a label of that name is its second one.
    ["__name__", "duplicate"],
    ["", "empty"],
  ]);
  /** Special names by length: most names are settled by their length alone. */
  readonly #specialBytes: readonly (readonly SpecialName[])[];
  readonly #longestSpecial: number;
  #bytes: Buffer = Buffer.alloc(0);
  readonly #starts = new Int32Array(MAX_PAIRWISE);
  readonly #ends = new Int32Array(MAX_PAIRWISE);
  #count = 0;
  /** A bit for each (length, last byte) of the names so far: where it is not set, there is nothing to compare. */
  #seen = 0;
  /** Decoded names: filled only where a name is quoted or there are many. */
  #texts: Set<string> | undefined;

  /** @param reserved names that the merge adds itself. */
  constructor(reserved: readonly string[]) {
    for (const name of reserved) this.#specialTexts.set(name, "reserved");
    const special = [...this.#specialTexts].map(([name, kind]) => ({ bytes: Buffer.from(name), kind }));
    this.#longestSpecial = Math.max(...special.map(({ bytes }) => bytes.length));
    this.#specialBytes = Array.from({ length: this.#longestSpecial + 1 }, (_, length) =>
      special.filter(({ bytes }) => bytes.length === length),
    );
  }

  /** Forgets the names of the previous line. */
  reset(): void {
    this.#count = 0;
    this.#seen = 0;
    this.#texts = undefined;
  }

  /** Takes an unquoted name, `bytes[start, end)`; the bytes must stay as they are until reset(). */
  addBytes(bytes: Buffer, start: number, end: number): LabelKind {
    this.#bytes = bytes;
    if (this.#texts !== undefined || this.#count === MAX_PAIRWISE) {
      return this.addText(bytes.toString("latin1", start, end));
    }
    const length = end - start;
    const bit = 1 << ((length * 7 + bytes[end - 1]!) & 31);
    if ((this.#seen & bit) !== 0 && this.#isKnown(bytes, start, end)) return "duplicate";
    this.#seen |= bit;
    this.#starts[this.#count] = start;
    this.#ends[this.#count++] = end;
    if (length > this.#longestSpecial) return "ordinary";
    for (const name of this.#specialBytes[length]!) if (standsAt(bytes, start, name.bytes)) return name.kind;
    return "ordinary";
  }

  /** Takes a decoded name. */
  addText(name: string): LabelKind {
    const texts = (this.#texts ??= this.#collect());
    if (texts.has(name)) return "duplicate";
    texts.add(name);
    return this.#specialTexts.get(name) ?? "ordinary";
  }

  /** Whether a decoded name has been added. */
  has(name: string): boolean {
    return (this.#texts ??= this.#collect()).has(name);
  }

  #isKnown(bytes: Buffer, start: number, end: number): boolean {
    for (let i = 0; i < this.#count; i++) {
      const other = this.#starts[i]!;
      if (this.#ends[i]! - other !== end - start) continue;
      let at = 0;
      while (start + at < end && bytes[other + at] === bytes[start + at]) at++;
      if (start + at === end) return true;
    }
    return false;
  }

  #collect(): Set<string> {
    const texts = new Set<string>();
    for (let i = 0; i < this.#count; i++) {
      texts.add(this.#bytes.toString("latin1", this.#starts[i], this.#ends[i]));
    }
    return texts;
  }
}
