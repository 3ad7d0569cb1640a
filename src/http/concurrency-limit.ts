// How many requests of one kind are worked on at once. Never queues: beyond the limit the caller is told to come again.

export class ConcurrencyLimit {
  readonly #limit: number;
  #active = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get active(): number {
    return this.#active;
  }

  /** False when the limit is reached. After true, `leave` has to be called exactly once. */
  tryEnter(): boolean {
    if (this.#active >= this.#limit) return false;
    this.#active++;
    return true;
  }

  leave(): void {
    if (this.#active === 0) throw new Error("Cannot leave the concurrency limit: nobody is inside");
    this.#active--;
  }
}
