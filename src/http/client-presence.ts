// Tells when a client has gone before its answer was complete, so that nothing goes on for nobody.
import type { ServerResponse } from "node:http";

/** Why a scrape was given up: its client has closed the connection. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";

  constructor() {
    super("Cannot finish the answer: the client closed the connection");
  }
}

/**
 * Aborted with a ClientGoneError if the connection closes before the response is finished. One controller per response, never
 * composed with a process-wide signal: composed signals stay in memory as long as the longest-lived of them.
 */
export function clientGoneSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  // Not the request's "close": that comes after every ordinary GET.
  response.once("close", () => {
    if (!response.writableFinished) controller.abort(new ClientGoneError());
  });
  return controller.signal;
}
