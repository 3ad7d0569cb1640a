// Error -> status and safe text: the only place that knows both. Never shows the message of an error that was not written
// for the caller.
import { STATUS_CODES } from "node:http";
import type { FastifyReply } from "fastify";

import { MalformedRequestError } from "../targets/malformed-request-error.ts";
import type { Refusal } from "../targets/access-policy.ts";
import { HttpError } from "./http-error.ts";

// The two whitelists of the original answer 500 because it documents that; the others came later and answer 403.
const refusalStatus: Readonly<Record<Refusal["refused"], number>> = {
  path: 500,
  cidr: 500,
  namespace: 403,
  port: 403,
  pod: 403,
};

/** The error for a refusal of the access policy. */
export function refusalError(refusal: Refusal): HttpError {
  return new HttpError(refusalStatus[refusal.refused], refusal.text);
}

/** What the caller is told about any thrown value. `unexpected`: a defect of this program, to be logged. */
export function toHttpError(error: unknown): { httpError: HttpError; unexpected: boolean } {
  if (error instanceof HttpError) return { httpError: error, unexpected: false };
  if (error instanceof MalformedRequestError) {
    return { httpError: new HttpError(400, error.message, { cause: error }), unexpected: false };
  }
  const text = "Cannot answer the request: an unexpected error, see the log of the proxy";
  return { httpError: new HttpError(500, text, { cause: error }), unexpected: true };
}

/** The answer of every refusal and failure: one line of text/plain that nobody stores, sniffs or renders. */
export function errorHeaders(error: HttpError): Record<string, string> {
  const { retryAfterSeconds, allow, authenticate, closeConnection } = error.options;
  return {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    ...(retryAfterSeconds !== undefined && { "retry-after": String(retryAfterSeconds) }),
    ...(allow !== undefined && { allow }),
    ...(authenticate !== undefined && { "www-authenticate": authenticate }),
    ...(closeConnection === true && { connection: "close" }),
  };
}

export function sendError(reply: FastifyReply, error: HttpError): FastifyReply {
  return reply.code(error.status).headers(errorHeaders(error)).send(`${error.message}\n`);
}

/** The same answer as bytes, for a connection on which no request could be read. The connection has to be closed after it. */
export function rawErrorResponse(error: HttpError, further: Readonly<Record<string, string>> = {}): string {
  const body = `${error.message}\n`;
  const headers = {
    ...further,
    ...errorHeaders(error),
    "content-length": String(Buffer.byteLength(body)),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ""}\r\n${lines.join("")}\r\n${body}`;
}
