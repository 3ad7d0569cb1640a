// The refusal for what will be possible a little later.
import { HttpError, type HttpErrorOptions } from "./http-error.ts";

/** 503 with a Retry-After of 1 to 5 s: spread, so that those who were refused together do not come again together. */
export function unavailable(text: string, options: HttpErrorOptions = {}): HttpError {
  return new HttpError(503, text, { ...options, retryAfterSeconds: 1 + Math.floor(Math.random() * 5) });
}
