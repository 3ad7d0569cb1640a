// How long the watch of pods waits for what.
import { Backoff } from "./backoff.ts";

/** Constants of operation, which tests make shorter. In milliseconds. */
export interface WatchTiming {
  /** Longest silence of a watch before another takes its place: the connection may be gone without a sign. */
  readonly idleMs: number;
  /** A watch that ended sooner than this is not opened again before. */
  readonly shortestWatchMs: number;
  /** How long a list serves where the account may not watch. */
  readonly listedAgeMs: number;
  /** Between two attempts of an account that may not watch to do so all the same. */
  readonly forbiddenBackoff: Pick<Backoff, "next">;
  /**
   * Before a list that a watch has shown to be needed. On its own: a server that says so is there, however long it was away
   * before, but one that says so again and again must not be made to list without end.
   */
  readonly relistBackoff: Pick<Backoff, "next">;
  /** Between two attempts after failures. */
  readonly backoff: Pick<Backoff, "next">;
}

export function createWatchTiming(changes: Partial<WatchTiming> = {}): WatchTiming {
  return {
    idleMs: 90_000,
    shortestWatchMs: 1_000,
    listedAgeMs: 5_000,
    forbiddenBackoff: new Backoff({ largestMs: 300_000 }),
    relistBackoff: new Backoff(),
    backoff: new Backoff(),
    ...changes,
  };
}
