// Connections whose bytes are no request: what they are told, and their end.
import type { Socket } from "node:net";

import { rawErrorResponse } from "./error-response.ts";
import { HttpError } from "./http-error.ts";

/** Whether there is a peer that spoke HTTP, if badly: others get no answer. */
export function isHttpProblem(code = ""): boolean {
  return code.startsWith("HPE_") || code === "ERR_HTTP_REQUEST_TIMEOUT";
}

/** The answer to bytes that are no request. */
export function unreadableRequest(code = "", { maxHeaderBytes }: { maxHeaderBytes: number }): HttpError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new HttpError(431, `Cannot read the request: its head is longer than ${maxHeaderBytes} bytes`);
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new HttpError(408, "Cannot read the request: it did not arrive in time");
    default:
      return new HttpError(400, "Cannot read the request: it is not valid HTTP/1.1");
  }
}

/** Writes an answer to a connection that no request came from, and closes it. `headers`: further ones, by lower-case name. */
export function closeWith(socket: Socket, error: HttpError, headers: Readonly<Record<string, string>>): void {
  socket.on("error", () => socket.destroy());
  socket.write(rawErrorResponse(error, headers), "latin1");
  socket.destroySoon();
}
