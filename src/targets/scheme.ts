// The parameters with two possible values: scheme and flags. Exact words only.
// Never falls back to plain text for a value it does not know: that would silently turn encryption off.
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

/** Reads `target_scheme`: true for `https`, false for `http` or undefined. Throws MalformedRequestError. */
export function parseScheme(text: string | undefined): boolean {
  if (text === undefined || text === "http") return false;
  if (text === "https") return true;
  throw new MalformedRequestError("scheme", `Cannot read scheme ${quote(text)}: neither "http" nor "https"`);
}

/** Reads a parameter such as `ssl` or `ready`: `true`, or `false` or undefined. Throws MalformedRequestError. */
export function parseFlag(name: string, text: string | undefined): boolean {
  if (text === undefined || text === "false") return false;
  if (text === "true") return true;
  throw new MalformedRequestError(
    "flag",
    `Cannot read parameter "${name}": ${quote(text)} is neither "true" nor "false"`,
  );
}
