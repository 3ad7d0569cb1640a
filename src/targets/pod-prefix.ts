// The pod name prefix of a request. Never empty by accident: "every pod" must be asked for, and narrowed by a selector.
import { isDnsSubdomain } from "./dns-name.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

/**
 * Returns the text when a DNS-1123 subdomain name (a pod name, at most 253 characters) can begin with it, and "" (any
 * name) for a lone "-" beside a parameter that says which pods are meant. Throws MalformedRequestError.
 */
export function parsePodPrefix(text: string, { mayBeAny }: { mayBeAny: boolean }): string {
  if (text === "-") {
    if (mayBeAny) return "";
    throw new MalformedRequestError(
      "prefix",
      'Cannot read pod name prefix "-": it needs one of the parameters "selector", "workload" and "annotated=true"',
    );
  }
  if (text !== "" && (isDnsSubdomain(text) || isDnsSubdomain(`${text}a`))) return text;
  throw new MalformedRequestError(
    "prefix",
    `Cannot read pod name prefix ${quote(text)}: no pod name begins so`,
  );
}
