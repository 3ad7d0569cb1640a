// Looks again and again, with a pause after each look: file times and notifications miss changes on network mounts and of the
// symbolic links that Kubernetes swaps. Never runs two looks at a time.
import { setTimeout as delay } from "node:timers/promises";

export interface PollOptions {
  readonly intervalMs: number;
  /** Ends the polling; a look that runs is finished first. */
  readonly signal: AbortSignal;
  /** Resolves after so many ms; rejects as soon as the signal is aborted. Default: a timer. */
  readonly sleep?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
}

/** Resolves when the signal is aborted. Rejects, and ends, when `look` does. The first look comes after the first pause. */
export async function poll(
  look: () => Promise<void>,
  { intervalMs, signal, sleep = defaultSleep }: PollOptions,
): Promise<void> {
  while (await sleptThrough(sleep(intervalMs, signal), signal)) await look();
}

function defaultSleep(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, undefined, { signal });
}

/** False when the sleep ended because the signal was aborted. */
async function sleptThrough(sleep: Promise<void>, signal: AbortSignal): Promise<boolean> {
  try {
    await sleep;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return !signal.aborted;
}
