// Time for what polls: a test says when the pause is over, and knows when the next one begins.

/** A sleep that ends when told to, and tells when the next one begins. */
export class Alarm {
  #wake: (() => void) | undefined;
  #asleep: (() => void) | undefined;
  readonly slept: number[] = [];

  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> => {
    this.slept.push(ms);
    return new Promise((resolve, reject) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      this.#asleep?.();
    });
  };

  /** Ends the sleep and waits until what follows it is done. */
  async ring(): Promise<void> {
    const again = new Promise<void>((resolve) => {
      this.#asleep = resolve;
    });
    this.#wake!();
    await again;
  }
}
