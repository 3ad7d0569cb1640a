// Reads one watch from its first byte to its end, and notices when the server has fallen silent.
import type { Readable } from "node:stream";

import { ApiError } from "./api-error.ts";
import { EventLines, parseEvent, type WatchEvent } from "./watch-events.ts";

export interface WatchReader {
  /** Called for every event, in order. What it throws ends the watch. */
  readonly onEvent: (event: WatchEvent) => void;
  /** Longest silence. A server sends bookmarks about once a minute, but none where no pod has changed. */
  readonly idleMs: number;
}

/** The server sent nothing for so long that it may be gone without having said so. */
export class WatchIdleError extends ApiError {
  constructor(idleMs: number) {
    super("unreachable", `the API server sent nothing for ${idleMs / 1000} s`);
  }
}

/**
 * Resolves when the server has ended the watch in an orderly way, as it does every few minutes. Rejects with an ApiError, or
 * with the reason of the signal. Half an event at the end is no event: what it told comes again. The body is destroyed in any
 * case.
 */
export async function readWatch(
  body: Readable,
  { onEvent, idleMs, signal }: WatchReader & { signal: AbortSignal },
): Promise<void> {
  const lines = new EventLines();
  const watchdog = setTimeout(() => body.destroy(new WatchIdleError(idleMs)), idleMs);
  try {
    for await (const chunk of chunksOf(body, signal)) {
      watchdog.refresh();
      for (const line of lines.push(chunk)) {
        // What was read already must not get through after a stop.
        signal.throwIfAborted();
        onEvent(parseEvent(line));
      }
    }
  } finally {
    clearTimeout(watchdog);
    body.destroy();
  }
}

/** What goes wrong in here is the connection's fault; what the reader of the chunks throws does not come through here. */
async function* chunksOf(body: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) yield chunk;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ApiError) throw error;
    throw new ApiError("unreachable", "the watch broke off", { cause: error });
  }
}
