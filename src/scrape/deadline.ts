// When the answer to a scrape has to be ready: derived from what Prometheus says it will wait, on the monotonic clock.
// Must never follow the wall clock, which jumps.

export interface DeadlineOptions {
  /** SCRAPE_TIMEOUT: the time for a scrape without a usable header. */
  readonly scrapeTimeoutMs: number;
  /** SCRAPE_TIMEOUT_OFFSET: how much earlier than the caller's timeout the answer is due. */
  readonly scrapeTimeoutOffsetMs: number;
  /** MAX_SCRAPE_TIMEOUT: the longest time that a caller can ask for. */
  readonly maxScrapeTimeoutMs: number;
  /** When the scrape began, on that clock; absent: now. */
  readonly startedMs?: number;
  /** Milliseconds of a clock that never goes back; performance.now() unless a test has its own. */
  readonly now?: () => number;
}

export class Deadline {
  /** Milliseconds between the start of the scrape and its deadline. */
  readonly totalMs: number;
  /** The caller asked for more than MAX_SCRAPE_TIMEOUT. */
  readonly capped: boolean;
  readonly #now: () => number;
  readonly #endsAtMs: number;

  constructor(totalMs: number, o: { capped?: boolean; startedMs?: number; now?: () => number } = {}) {
    this.totalMs = totalMs;
    this.capped = o.capped ?? false;
    this.#now = o.now ?? (() => performance.now());
    this.#endsAtMs = (o.startedMs ?? this.#now()) + totalMs;
  }

  /** Milliseconds left; 0 once the deadline has passed. */
  remainingMs(): number {
    return Math.max(0, this.#endsAtMs - this.#now());
  }

  /** A deadline that comes so much earlier, for a part of the work. */
  earlier(byMs: number): Deadline {
    return new Deadline(Math.max(0, this.remainingMs() - byMs), { capped: this.capped, now: this.#now });
  }

  /** What is left as the text of an `X-Prometheus-Scrape-Timeout-Seconds` header. */
  remainingSecondsText(): string {
    return (this.remainingMs() / 1000).toFixed(3);
  }
}

// Prometheus writes a plain decimal ("10", "9.500000"); anything else is not from it, and "Infinity" must not get through.
const secondsPattern = /^\d{1,9}(\.\d{1,9})?$/;

/**
 * The deadline of a request. `header` is `X-Prometheus-Scrape-Timeout-Seconds`; one that is absent, repeated,
 * not a plain decimal or zero counts as absent.
 */
export function createDeadline(header: string | undefined, o: DeadlineOptions): Deadline {
  const headerMs = header !== undefined && secondsPattern.test(header) ? Number(header) * 1000 : 0;
  // The offset must not eat a short timeout: half of it always remains.
  const wantedMs =
    headerMs > 0 ? Math.max(headerMs - o.scrapeTimeoutOffsetMs, headerMs / 2) : o.scrapeTimeoutMs;
  const { now, startedMs } = o;
  return new Deadline(Math.min(wantedMs, o.maxScrapeTimeoutMs), {
    capped: wantedMs > o.maxScrapeTimeoutMs,
    ...(now !== undefined && { now }),
    ...(startedMs !== undefined && { startedMs }),
  });
}
