// A body or a line that has no end, sent as fast as the client takes it. Holds no more than one piece in memory, and counts,
// so that a test can tell when the client gave up.
import type { ServerResponse } from "node:http";

export interface EndlessBody {
  /** Handed to the operating system so far. */
  readonly sentBytes: number;
  /** The client closed the connection. */
  readonly closed: boolean;
  /** Sends no more, and leaves the connection open. */
  stop(): void;
}

export function pourEndlessly(response: ServerResponse, head: string, unit: string): EndlessBody {
  const piece = Buffer.from(unit.repeat(Math.ceil(65_536 / unit.length)));
  let sentBytes = 0;
  let running = true;
  response.once("close", () => {
    running = false;
  });
  const pour = (bytes: Uint8Array) => {
    if (!running) return;
    response.write(bytes, (error) => {
      if (error != null) return;
      sentBytes += bytes.length;
      // Not at once: the process that tests must have its turn, too.
      setImmediate(pour, piece);
    });
  };
  pour(Buffer.from(head));
  return {
    get sentBytes() {
      return sentBytes;
    },
    get closed() {
      return response.destroyed;
    },
    stop() {
      running = false;
    },
  };
}
