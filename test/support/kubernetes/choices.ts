// Choices of tests that shall be varied and the same at every run: all of them follow from a seed. Never for secrets.

/** Numbers that look random and follow from the seed (a linear congruential generator, whose upper bits are used). */
export class Choices {
  #state: number;

  constructor(seed: number) {
    this.#state = (seed * 2_654_435_761) % 4_294_967_296;
    this.below(2);
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return (this.#state >>> 8) % limit;
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }
}
