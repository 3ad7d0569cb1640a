// Label selectors in the text form of kubectl and of the Kubernetes API.
// Never guesses: a selector that Kubernetes would refuse is refused, because a looser reading scrapes other pods.
import type { PodTerm } from "../discovery/namespace-pods.ts";
import type { Pod } from "../discovery/pod.ts";
import { isDnsSubdomain } from "./dns-name.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

const token = /==|!=|[=!(),<>]|[^ \t\r\n=!(),<>]+/g;
const integer = /^[0-9]+$/;
const maxInteger = 2n ** 63n - 1n;
const labelName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const maxNameLength = 63;
/** Each is tested for each pod. */
const maxRequirements = 32;

/** A parsed selector: all of its requirements must hold. Immutable. */
export interface LabelSelector {
  /** The requirements that say which values a label has: by them the pods are found. */
  readonly terms: readonly PodTerm[];
  /** Whether the other requirements hold. */
  restMatches(labels: ReadonlyMap<string, string>): boolean;
}

type Requirement = PodTerm | ((labels: ReadonlyMap<string, string>) => boolean);

/**
 * Parses `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, `a>1` and `a<1`, joined by commas, as
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api and the API server say: `!=` and `notin` also
 * hold for pods without the label, an empty value is a value, and `>` and `<` compare whole numbers of 64 bits and hold for no other
 * value. Throws MalformedRequestError, also for an empty selector: it would select every pod.
 */
export function parseLabelSelector(text: string): LabelSelector {
  const tokens = new Tokens(text);
  const requirements = [readRequirement(tokens)];
  while (tokens.takeIf(",")) requirements.push(readRequirement(tokens));
  if (requirements.length > maxRequirements) {
    throw new MalformedRequestError(
      "selector",
      `Cannot read label selector: it has ${requirements.length} requirements, at most ${maxRequirements} are taken`,
      { limit: "selector_length" },
    );
  }
  if (tokens.peek() !== undefined) throw tokens.unexpected("a comma or the end");
  const rest = requirements.filter((requirement) => typeof requirement === "function");
  return {
    terms: requirements.filter((requirement) => typeof requirement !== "function"),
    restMatches: (labels) => rest.every((holds) => holds(labels)),
  };
}

function readRequirement(tokens: Tokens): Requirement {
  if (tokens.takeIf("!")) {
    const absent = readKey(tokens);
    return (labels) => !labels.has(absent);
  }
  const key = readKey(tokens);
  switch (tokens.peek()) {
    case undefined:
    case ",":
      return { property: presence(key), values: new Set(["true"]) };
    case "=":
    case "==":
      tokens.take();
      return { property: labelProperty(key), values: new Set([readValue(tokens)]) };
    case "in":
      return { property: labelProperty(key), values: readValues(tokens) };
    case "!=":
      tokens.take();
      return noneOf(key, new Set([readValue(tokens)]));
    case "notin":
      return noneOf(key, readValues(tokens));
    case ">": {
      const bound = readBound(tokens);
      return (labels) => isInteger(labels.get(key), (value) => value > bound);
    }
    case "<": {
      const bound = readBound(tokens);
      return (labels) => isInteger(labels.get(key), (value) => value < bound);
    }
    default:
      throw tokens.unexpected('one of "=", "==", "!=", "in", "notin", ">", "<"');
  }
}

function noneOf(key: string, values: ReadonlySet<string | undefined>): Requirement {
  return (labels) => !values.has(labels.get(key));
}

function labelProperty(key: string) {
  const valuesOf = ({ labels }: Pod) => {
    const value = labels.get(key);
    return value === undefined ? [] : [value];
  };
  return { id: `label ${key}`, valuesOf };
}

function presence(key: string) {
  return { id: `has label ${key}`, valuesOf: ({ labels }: Pod) => (labels.has(key) ? ["true"] : []) };
}

/** Kubernetes' qualified name: a name, optionally after a DNS subdomain and a slash. */
function readKey(tokens: Tokens): string {
  const key = tokens.take();
  const slash = key?.indexOf("/") ?? -1;
  const prefix = key?.slice(0, Math.max(slash, 0));
  const name = key?.slice(slash + 1);
  if (key === undefined || !isName(name) || (slash !== -1 && !isDnsSubdomain(prefix!))) {
    throw tokens.unexpected("a label key", key);
  }
  return key;
}

/** A value of a label; "" when the next token ends the value. */
function readValue(tokens: Tokens): string {
  const next = tokens.peek();
  if (next === undefined || next === "," || next === ")") return "";
  tokens.take();
  if (!isName(next)) throw tokens.unexpected("a label value", next);
  return next;
}

function readValues(tokens: Tokens): ReadonlySet<string> {
  tokens.take();
  if (!tokens.takeIf("(")) throw tokens.unexpected('"("');
  const values = new Set<string>();
  let lastCommas = 0;
  for (;;) {
    const value = readValue(tokens);
    values.add(value);
    if (value !== "") lastCommas = 0;
    if (!tokens.takeIf(",")) break;
    lastCommas += 1;
  }
  // Kubernetes reads commas that follow each other in pairs, and after a whole pair wants a value: it takes "(a,)" and "(a,,,)", but
  // not "(a,,)".
  if (lastCommas > 0 && lastCommas % 2 === 0) throw tokens.unexpected("a label value");
  if (!tokens.takeIf(")")) throw tokens.unexpected('a comma or ")"');
  return values;
}

function readBound(tokens: Tokens): bigint {
  tokens.take();
  const text = tokens.take();
  const bound = text === undefined ? undefined : parseInteger(text);
  if (bound === undefined) throw tokens.unexpected("a whole number", text);
  return bound;
}

function isInteger(text: string | undefined, holds: (value: bigint) => boolean): boolean {
  const value = text === undefined ? undefined : parseInteger(text);
  return value !== undefined && holds(value);
}

function parseInteger(text: string): bigint | undefined {
  if (text.length > maxNameLength || !integer.test(text)) return undefined;
  const value = BigInt(text);
  return value <= maxInteger ? value : undefined;
}

function isName(text: string | undefined): boolean {
  return text !== undefined && text.length <= maxNameLength && labelName.test(text);
}

/** The symbols and words of a selector, read from the left. */
class Tokens {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = text.match(token) ?? [];
  }

  peek(): string | undefined {
    return this.#tokens[this.#next];
  }

  take(): string | undefined {
    const token = this.#tokens[this.#next];
    this.#next += 1;
    return token;
  }

  takeIf(token: string): boolean {
    if (this.peek() !== token) return false;
    this.#next += 1;
    return true;
  }

  unexpected(wanted: string, found: string | undefined = this.peek()): MalformedRequestError {
    const state = found === undefined ? "it ends" : `found ${quote(found)}`;
    return new MalformedRequestError(
      "selector",
      `Cannot read label selector ${quote(this.#text)}: ${state} where ${wanted} is expected`,
    );
  }
}
