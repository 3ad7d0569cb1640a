// How long to wait after a failure: longer with each one, never in step with other instances. The constants are those of
// client-go's reflector, which API servers are built to bear.

const firstMs = 800;
const defaultLargestMs = 30_000;
const factor = 2;
/** Failures that lie further apart have nothing to do with each other. */
const resetAfterMs = 120_000;

export interface BackoffOptions {
  /** The longest delay, before chance makes it up to twice as long. Default: 30 s. */
  readonly largestMs?: number;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
  /** From 0 to 1. */
  readonly random?: () => number;
}

export class Backoff {
  readonly #largestMs: number;
  readonly #now: () => number;
  readonly #random: () => number;
  #nextMs = firstMs;
  #lastMs = Number.NEGATIVE_INFINITY;

  constructor({
    largestMs = defaultLargestMs,
    now = () => performance.now(),
    random = Math.random,
  }: BackoffOptions = {}) {
    this.#largestMs = largestMs;
    this.#now = now;
    this.#random = random;
  }

  /** Milliseconds to wait after the failure that happens now: 0.8 s at first, `largestMs` at most, times 1 to 2. */
  next(): number {
    const nowMs = this.#now();
    if (nowMs - this.#lastMs > resetAfterMs) this.#nextMs = firstMs;
    const delayMs = this.#nextMs * (1 + this.#random());
    this.#nextMs = Math.min(this.#nextMs * factor, this.#largestMs);
    this.#lastMs = nowMs + delayMs;
    return delayMs;
  }
}
