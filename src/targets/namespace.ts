// The namespaces of a request. Never a pattern: names, or all of them.
import { isDnsLabel } from "./dns-name.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";
import { splitList } from "./split-list.ts";

/** As many as are watched on demand. */
const maxNamespaces = 100;

/** Names, or `*`: every one that may be scraped. */
export type Namespaces = readonly string[] | "*";

/** Returns the text when it is an RFC 1123 label of at most 63 characters. Throws MalformedRequestError. */
export function parseNamespace(text: string): string {
  if (isDnsLabel(text)) return text;
  throw new MalformedRequestError("namespace", `Cannot read namespace ${quote(text)}: not an RFC 1123 label`);
}

/**
 * Reads values such as `team-a,team-b` or `*`: at least one, all of them together. `-` is another spelling of `*`, for paths: there
 * Prometheus writes an asterisk as an escape. Throws MalformedRequestError.
 */
export function parseNamespaces(values: readonly string[]): Namespaces {
  const names = splitList(values);
  if (names.length === 1 && (names[0] === "*" || names[0] === "-")) return "*";
  if (names.length <= maxNamespaces) return names.map((name) => parseNamespace(name));
  throw new MalformedRequestError(
    "namespace",
    `Cannot read namespaces: there are ${names.length}, at most ${maxNamespaces} are taken`,
    { limit: "request_namespaces" },
  );
}
