// Why a pod gave no metrics, and how an error of the network becomes such a reason.
// Never lets text through that came from the pod: details end up in logs and on pages.
import type { FailureReason } from "../telemetry/failure-reason.ts";
import { isTlsCode, tlsFailure } from "./tls-failure.ts";

export interface PodFailure {
  readonly reason: FailureReason;
  /** Short text of our own words and an error code, safe to log and to show. */
  readonly detail: string;
  /** The pod may be all right: its certificate could not be verified. */
  readonly unverified?: true;
}

/** The address that was asked, or that is to be asked, may be another pod's by now. */
export const podIsGone: PodFailure = {
  reason: "gone",
  detail: "the pod was deleted, has ended or has lost its address before it had answered",
};

/** What breaks a connection off for a reason that is known already. */
export class PodError extends Error {
  override readonly name = "PodError";
  readonly failure: PodFailure;

  constructor(failure: PodFailure, options?: ErrorOptions) {
    super(`Cannot scrape pod: ${failure.detail}`, options);
    this.failure = failure;
  }
}

/** The connection or the answer broke before the head of the answer was complete. */
export function failureBeforeHead(error: Error): PodFailure {
  if (error instanceof PodError) return error.failure;
  if (isTlsCode(codeOf(error))) return tlsFailure(codeOf(error));
  if (codeOf(error) === "UND_ERR_HEADERS_OVERFLOW") {
    return { reason: "too_large", detail: "the answer's headers are too large" };
  }
  if (isHttpError(error))
    return { reason: "connect", detail: `the answer is not valid HTTP (${codeOf(error)})` };
  return { reason: "connect", detail: `the connection ended before the answer began (${codeOf(error)})` };
}

/** The connection or the answer broke after the head: what has come is not the whole body. */
export function failureInBody(error: Error): PodFailure {
  if (error instanceof PodError) return error.failure;
  const what = isHttpError(error) ? "the body's framing is broken" : "the connection ended inside the body";
  return { reason: "truncated", detail: `${what} (${codeOf(error)})` };
}

/** The error's code, else its class: both are words of Node.js or undici, never of the pod. */
export function codeOf(error: Error): string {
  const code: unknown = "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : error.constructor.name;
}

/** The request met a kept-alive connection that the pod had already given up. */
export function isDeadConnection(error: Error): boolean {
  return ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"].includes(codeOf(error));
}

function isHttpError(error: Error): boolean {
  return error.name === "HTTPParserError" || codeOf(error) === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH";
}
