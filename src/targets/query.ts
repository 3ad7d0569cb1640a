// The query of a request: a flat list of pairs, strictly decoded, each with the raw bytes it came from.
// Never builds objects or arrays from parameter names, and never writes a parameter anew: pods get the raw bytes.
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

const maxQueryLength = 8192;
const literalPrefix = "param.";

// Visible ASCII without the characters that RFC 3986 keeps out of a query, except the brackets that exporters use.
const acceptedQuery = /^[!$-;=?-[\]_a-z~]*$/;
// oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
const control = /[\u0000-\u001f\u007f]/;

/** One parameter. `name` and `value` are decoded ("+" is a space); `value` is "" when there is no "=". */
interface QueryPair {
  readonly name: string;
  readonly value: string;
  /** The bytes between two "&", as received. */
  readonly raw: string;
}

/** A whole query in the order of the request. Empty pairs (`a=1&&b=2`) are left out. */
export interface Query {
  readonly pairs: readonly QueryPair[];
}

/** The parameters that the proxy itself reads: allowed once, or any number of times. */
export type ReservedSpec = Readonly<Record<string, "once" | "many">>;

/** What takeReserved() found for each name of a ReservedSpec. */
export type ReservedValues<S extends ReservedSpec> = {
  readonly [K in keyof S]: S[K] extends "many" ? readonly string[] : string | undefined;
};

/**
 * Parses what follows the first "?" of a request target ("" when there is none). Throws MalformedRequestError.
 * At most 8192 bytes; escapes must be well formed and decode to UTF-8 without NUL, names without control characters.
 */
export function parseQuery(raw: string): Query {
  if (raw.length > maxQueryLength) {
    const state = `longer than ${maxQueryLength} bytes`;
    throw new MalformedRequestError("query", `Cannot read request query: ${state}`, {
      limit: "query_length",
    });
  }
  if (!acceptedQuery.test(raw)) throw refused('has a raw blank, control, non-ASCII or one of "<>\\^`{|}#');
  return {
    pairs: raw
      .split("&")
      .filter((pair) => pair !== "")
      .map((pair) => parsePair(pair)),
  };
}

/**
 * Takes the reserved parameters out of a query. Throws MalformedRequestError when one that is allowed once comes twice,
 * has no "=", or is followed by "[" (the array syntax of other parsers). An escaped spelling of a name is that name.
 * `forwarded` is the rest for the pod, raw and in order, without "?"; `param.<name>` becomes `<name>` there.
 */
export function takeReserved<const S extends ReservedSpec>(
  query: Query,
  spec: S,
): { values: ReservedValues<S>; forwarded: string } {
  const found = new Map<string, string[]>(Object.keys(spec).map((name) => [name, []]));
  const forwarded: string[] = [];
  for (const pair of query.pairs) {
    const values = found.get(pair.name.split("[", 1)[0]!);
    if (values === undefined) {
      forwarded.push(pair.name.startsWith(literalPrefix) ? withoutLiteralPrefix(pair) : pair.raw);
      continue;
    }
    if (pair.name.includes("["))
      throw refused(`parameter ${quote(pair.name)} is not a list, write it without "["`);
    if (!pair.raw.includes("=")) throw refused(`parameter ${quote(pair.name)} has no value`);
    if (values.length > 0 && spec[pair.name] === "once")
      throw refused(`parameter ${quote(pair.name)} stands twice`);
    values.push(pair.value);
  }
  const values = Object.fromEntries(
    Array.from(found, ([name, list]) => [name, spec[name] === "many" ? list : list[0]]),
  );
  return { values: values as ReservedValues<S>, forwarded: forwarded.join("&") };
}

function parsePair(raw: string): QueryPair {
  const equals = raw.indexOf("=");
  const name = decode(equals === -1 ? raw : raw.slice(0, equals));
  const value = equals === -1 ? "" : decode(raw.slice(equals + 1));
  if (control.test(name)) throw refused(`parameter name ${quote(name)} has a control character`);
  if (value.includes("\u0000")) throw refused(`parameter ${quote(name)} has a NUL`);
  return { name, value, raw };
}

function decode(raw: string): string {
  try {
    return decodeURIComponent(raw.replaceAll("+", " "));
  } catch (error) {
    if (error instanceof URIError) throw refused(`${quote(raw)} has an escape that is not UTF-8`, error);
    throw error;
  }
}

function withoutLiteralPrefix(pair: QueryPair): string {
  let end = 0;
  // The prefix is ASCII, so each of its characters is one byte or one escape of three.
  for (let decoded = 0; decoded < literalPrefix.length; decoded += 1) end += pair.raw[end] === "%" ? 3 : 1;
  if (pair.name.length === literalPrefix.length) throw refused(`parameter ${quote(pair.name)} names nothing`);
  return pair.raw.slice(end);
}

function refused(state: string, cause?: unknown): MalformedRequestError {
  return new MalformedRequestError("query", `Cannot read request query: ${state}`, { cause });
}
