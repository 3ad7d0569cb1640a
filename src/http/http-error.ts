// The one error that a handler throws to choose a status. Its message is the answer's one line of text: written for the
// caller, never upstream text, never a secret, never the caller's own bytes unless they went through `quote`.

import type { AuthenticationFailure } from "../telemetry/metric-definitions.ts";

export interface HttpErrorOptions {
  /** Whole seconds for `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** For 405: the value of `Allow`. */
  readonly allow?: string;
  /** For 401: the value of `WWW-Authenticate`. */
  readonly authenticate?: string;
  /** Why it was the caller who was refused, for the own metrics. */
  readonly authenticationFailure?: AuthenticationFailure;
  /** True when nothing further on this connection can be trusted, such as after ambiguous framing. */
  readonly closeConnection?: boolean;
  readonly cause?: unknown;
}

export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly options: HttpErrorOptions;

  constructor(status: number, message: string, options: HttpErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.status = status;
    this.options = options;
  }
}
