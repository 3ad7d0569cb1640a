// The path of a request, as raw bytes: it is what the router reads, what the guard checks and what pods receive.
// Never decodes, normalises or joins: a path that two programs could read differently is refused instead.
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

const maxPathLength = 2048;

// RFC 3986 pchar without percent escapes and without ";", which some servers cut off together with what follows.
const acceptedPath = /^[A-Za-z0-9\-._~:@!$&'()*+,=/]*$/;
const onlyDots = /^\.+$/;

/** A checked path. */
export interface RequestPath {
  /** The bytes as received; begins with a slash. */
  readonly text: string;
  /** `text` after its first slash, split at "/". Only the last one can be empty: then `text` ends with a slash. */
  readonly segments: readonly string[];
}

/**
 * Checks the request target up to its first "?". Throws MalformedRequestError.
 * At most 2048 bytes; unreserved characters, `:@!$&'()*+,=` and single slashes only; no segment that is nothing but dots.
 */
export function parseRequestPath(raw: string): RequestPath {
  if (raw.length > maxPathLength) throw refused(`longer than ${maxPathLength} bytes`, "path_length");
  if (!raw.startsWith("/")) throw refused('does not begin with "/"');
  if (!acceptedPath.test(raw)) {
    throw refused(`${quote(raw)} has a character other than letters, digits, "/" and -._~:@!$&'()*+,=`);
  }
  if (raw.includes("//")) throw refused(`${quote(raw)} has an empty segment`);
  const segments = raw.slice(1).split("/");
  if (segments.some((segment) => onlyDots.test(segment)))
    throw refused(`${quote(raw)} has a segment of dots`);
  return { text: raw, segments };
}

function refused(state: string, limit?: "path_length"): MalformedRequestError {
  return new MalformedRequestError("path", `Cannot read request path: ${state}`, { limit });
}
