// A value as somebody set it, and how messages speak of it. Messages name the variable, quote the text so that control
// characters cannot forge a log line, and never show a secret.
import { flagOf, type Option } from "./options.ts";

/** Where a value came from. */
export type Source = "flag" | "environment" | "default";

/** The text of an option that was set, as it was set. */
export interface GivenValue {
  readonly source: Exclude<Source, "default">;
  readonly text: string;
}

const maxQuotedLength = 200;

/** `Cannot use HTTP_PORT (--http-port): got "x", wanted ...`. `part` is the refused piece of a longer value. */
export function describeProblem(
  option: Option,
  given: GivenValue,
  { part = given.text, reason, wanted }: { part?: string; reason?: string; wanted: string },
): string {
  const name = given.source === "flag" ? `${option.env} (${flagOf(option)})` : option.env;
  return `Cannot use ${name}: got ${quoteValue(option, part)}${reason === undefined ? "" : `: ${reason}`}; wanted ${wanted}`;
}

export function quoteValue(option: Pick<Option, "kind" | "secret">, text: string): string {
  if (option.secret || option.kind.conceals?.(text)) return "a value that is not shown";
  return JSON.stringify(text.length > maxQuotedLength ? `${text.slice(0, maxQuotedLength)}...` : text);
}
