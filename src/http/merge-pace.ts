// How much of a scrape's time its merge and the sending will need, learned from the answers before it. The deadline covers them as
// well: pods that were waited for until the last moment would make a large answer late, and Prometheus would have nothing.

/** Until the first large answer, and the slowest that is believed: one slow reader must not take the others' time. */
const firstBytesPerMs = 100_000;
const slowestBytesPerMs = 25_000;

/** Below this, time says more of the network than of the merge. */
const smallestSampleBytes = 1024 * 1024;

export class MergePace {
  #bytesPerMs = firstBytesPerMs;

  /** Milliseconds to keep for an answer of so many bytes: at most half of the time there is. */
  reserveMs(bytes: number, totalMs: number): number {
    return Math.min(bytes / this.#bytesPerMs, totalMs / 2);
  }

  /** An answer of so many bytes took so long from the last pod to its last byte. */
  record(bytes: number, durationMs: number): void {
    if (bytes < smallestSampleBytes || durationMs <= 0) return;
    const pace = Math.max(bytes / durationMs, slowestBytesPerMs);
    this.#bytesPerMs += (pace - this.#bytesPerMs) / 4;
  }
}
