/** The label names of one sample line: finds duplicates and names that mean something to a merge. */

/** Up to this many names are compared pair by pair; above, a Set keeps a hostile line from costing its square. */
const MAX_PAIRWISE = 32;

export type LabelKind = "ordinary" | "duplicate" | "empty" | "reserved" | "le" | "quantile";

export class LabelNames {
  readonly #special = new Map<string, LabelKind>([
    ["le", "le"],
    ["quantile", "quantile"],
    // Prometheus keeps the metric name under this label, so a label of that name is its second one.
    ["__name__", "duplicate"],
    ["", "empty"],
  ]);
  /** 1 for each length that a special name has: most names are settled by their length. */
  readonly #specialLength = new Uint8Array(64);
  #bytes: Buffer = Buffer.alloc(0);
  readonly #starts = new Int32Array(MAX_PAIRWISE);
  readonly #ends = new Int32Array(MAX_PAIRWISE);
  #count = 0;
  /** Decoded names: filled only where a name is quoted or there are many. */
  #texts: Set<string> | undefined;

  /** @param reserved names that the merge adds itself. */
  constructor(reserved: readonly string[]) {
    for (const name of reserved) this.#special.set(name, "reserved");
    for (const name of this.#special.keys()) if (name.length < 64) this.#specialLength[name.length] = 1;
  }

  /** Forgets the names of the previous line. */
  reset(): void {
    this.#count = 0;
    this.#texts = undefined;
  }

  /** Takes an unquoted name, `bytes[start, end)`; the bytes must stay as they are until reset(). */
  addBytes(bytes: Buffer, start: number, end: number): LabelKind {
    if (this.#texts !== undefined || this.#count === MAX_PAIRWISE) {
      this.#bytes = bytes;
      return this.addText(bytes.toString("latin1", start, end));
    }
    const length = end - start;
    for (let i = 0; i < this.#count; i++) {
      const other = this.#starts[i]!;
      if (this.#ends[i]! - other !== length) continue;
      let at = 0;
      while (at < length && bytes[other + at] === bytes[start + at]) at++;
      if (at === length) return "duplicate";
    }
    this.#bytes = bytes;
    this.#starts[this.#count] = start;
    this.#ends[this.#count++] = end;
    if (length >= 64 || this.#specialLength[length] === 0) return "ordinary";
    return this.#special.get(bytes.toString("latin1", start, end)) ?? "ordinary";
  }

  /** Takes a decoded name. */
  addText(name: string): LabelKind {
    const texts = (this.#texts ??= this.#collect());
    if (texts.has(name)) return "duplicate";
    texts.add(name);
    return this.#special.get(name) ?? "ordinary";
  }

  #collect(): Set<string> {
    const texts = new Set<string>();
    for (let i = 0; i < this.#count; i++) {
      texts.add(this.#bytes.toString("latin1", this.#starts[i], this.#ends[i]));
    }
    return texts;
  }
}
