// What goes wrong between this program and the API server, as one typed error. The same words stand in the logs and in
// the answers to callers; the server's own message is for the log alone.
import type { Limit } from "../../telemetry/metric-definitions.ts";
import { asObject } from "../untrusted-object.ts";

/**
 * - `credentials`: there is no usable token or CA file.
 * - `unreachable`: no connection, TLS failed, or the server fell silent.
 * - `untrusted`: its certificate cannot be verified; nothing was sent to it.
 * - `unauthorized` (401), `forbidden` (403), `busy` (429 or 503), `refused` (any other status).
 * - `expired`: the resource version or page is too old (410), or newer than the server: only a new list helps.
 * - `regressed`: the server went back to an older state.
 * - `malformed`: the answer is not what the Kubernetes API promises.
 * - `too_large`: the answer is beyond a limit.
 */
export type ApiProblem =
  | "credentials"
  | "unreachable"
  | "untrusted"
  | "unauthorized"
  | "forbidden"
  | "busy"
  | "refused"
  | "expired"
  | "regressed"
  | "malformed"
  | "too_large";

export interface ApiErrorOptions {
  /** The limit that was hit, to be counted by whoever deals with the error. */
  readonly limit?: Limit;
  /** Of HTTP, or of the Status inside a watch. */
  readonly status?: number | undefined;
  /** Milliseconds that the server asks to wait (`Retry-After`, `retryAfterSeconds`). */
  readonly retryAfterMs?: number | undefined;
  /** What the server said, for the log alone, which takes out what it repeats of the token. */
  readonly serverMessage?: string | undefined;
  readonly cause?: unknown;
}

/** The message completes "Cannot list pods: " and holds neither a secret nor text of the server. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly problem: ApiProblem;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly serverMessage: string | undefined;
  readonly limit: Limit | undefined;

  constructor(problem: ApiProblem, message: string, options: ApiErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.problem = problem;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
    this.serverMessage = options.serverMessage;
    this.limit = options.limit;
  }
}

/** Longest that a server can make this program wait. */
const maxRetryAfterMs = 60_000;
/** As large as the answers that are read for it. The log cuts it, but only once it is without the token. */
const maxServerMessageLength = 64 * 1024;

/**
 * The error for a failed answer. `body` is the decoded `v1.Status`, or anything else: it is not trusted. Used for HTTP
 * statuses and for the Status inside a watch's ERROR event alike.
 */
export function errorOfStatus(
  status: number,
  body: unknown,
  { retryAfterMs }: { retryAfterMs?: number | undefined } = {},
): ApiError {
  const { message, reason, details } = asObject(body);
  const { retryAfterSeconds, causes } = asObject(details);
  const asked =
    retryAfterMs ?? (typeof retryAfterSeconds === "number" ? retryAfterSeconds * 1000 : undefined);
  const options = {
    status,
    retryAfterMs: asked === undefined ? undefined : Math.min(Math.max(asked, 0), maxRetryAfterMs),
    serverMessage: typeof message === "string" ? message.slice(0, maxServerMessageLength) : undefined,
  };
  const text = `the API server answered ${status}`;
  if (status === 410 || reason === "Expired" || reason === "Gone" || isAheadOfServer(message, causes)) {
    return new ApiError("expired", `${text}: the resource version is not available any more`, options);
  }
  return new ApiError(problemOfStatus(status), text, options);
}

function problemOfStatus(status: number): ApiProblem {
  switch (status) {
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 429:
    case 503:
      return "busy";
    default:
      return "refused";
  }
}

/** A server that is behind the version asked for says so by a cause, or (before Kubernetes 1.19) only in its text. */
function isAheadOfServer(message: unknown, causes: unknown): boolean {
  if (typeof message === "string" && message.includes("Too large resource version")) return true;
  return (
    Array.isArray(causes) && causes.some((cause) => asObject(cause)["reason"] === "ResourceVersionTooLarge")
  );
}
