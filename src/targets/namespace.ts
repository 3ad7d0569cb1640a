// The namespace segment of a request. Never a pattern, a list or a keyword: exactly one namespace.
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
const maxLabelLength = 63;

/** Returns the text when it is an RFC 1123 label of at most 63 characters. Throws MalformedRequestError. */
export function parseNamespace(text: string): string {
  if (text.length <= maxLabelLength && label.test(text)) return text;
  throw new MalformedRequestError("namespace", `Cannot read namespace ${quote(text)}: not an RFC 1123 label`);
}
