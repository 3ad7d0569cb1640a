// The parameters with two possible values: scheme and flags. Exact words only.
// Never falls back to plain text for a value it does not know: that would silently turn encryption off.
import type { Pod } from "../discovery/pod.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

/** Reads `target_scheme`: true for `https`, false for `http` or undefined. Throws MalformedRequestError. */
export function parseScheme(text: string | undefined): boolean {
  if (text === undefined || text === "http") return false;
  if (text === "https") return true;
  throw new MalformedRequestError("scheme", `Cannot read scheme ${quote(text)}: neither "http" nor "https"`);
}

/** What a pod's annotation `prometheus.io/scheme` says: true for `https`, false for `http` or none, undefined for anything else. */
export function schemeOf({ annotations }: Pod): boolean | undefined {
  // An empty one, as templates leave it behind, says nothing.
  const text = annotations.get("prometheus.io/scheme") || "http";
  if (text === "http") return false;
  return text === "https" ? true : undefined;
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
