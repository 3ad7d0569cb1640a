// rate_limit of WEB_CONFIG_FILE: a bucket of `burst` tokens, filled with one token each `intervalMs`. Each request takes one.

export interface RateLimit {
  readonly intervalMs: number;
  readonly burst: number;
}

export class TokenBucket {
  readonly #now: () => number;
  #limit: RateLimit | undefined;
  #tokens = 0;
  #filledMs = 0;

  /** `now`: milliseconds of a clock that never goes back. */
  constructor({ now = () => performance.now() }: { now?: () => number } = {}) {
    this.#now = now;
  }

  /** Undefined: no limit. Another limit than before begins with a full bucket. */
  use(limit: RateLimit | undefined): void {
    const same = limit?.intervalMs === this.#limit?.intervalMs && limit?.burst === this.#limit?.burst;
    this.#limit = limit;
    if (same || limit === undefined) return;
    this.#tokens = limit.burst;
    this.#filledMs = this.#now();
  }

  /** False when there is no token left. */
  take(): boolean {
    if (this.#limit === undefined) return true;
    const { intervalMs, burst } = this.#limit;
    const nowMs = this.#now();
    this.#tokens = Math.min(burst, this.#tokens + (nowMs - this.#filledMs) / intervalMs);
    this.#filledMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
