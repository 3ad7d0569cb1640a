// Ends an answer that cannot be finished, so that nobody takes what has come for the whole.
import type { ServerResponse } from "node:http";
import { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * Destroys the connection under an answer. HTTP/1.1 and TLS have an end of their own, which is then missing; to an HTTP/1.0
 * client the end of the connection is the end of the body, so it gets a reset instead. Harmless when the connection is closed.
 */
export function breakOff(response: ServerResponse): void {
  const { socket } = response;
  const mayReset = socket instanceof Socket && !(socket instanceof TLSSocket);
  if (response.req.httpVersion === "1.0" && response.headersSent && mayReset) socket.resetAndDestroy();
  response.destroy();
}
