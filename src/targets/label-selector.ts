// Label selectors in the text form of kubectl and of the Kubernetes API.
// Never guesses: a selector that Kubernetes would refuse is refused, because a looser reading scrapes other pods.
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

const token = /==|!=|[=!(),]|[^ \t\r\n=!(),]+/g;
const labelName = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;
const keyPrefix = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const maxNameLength = 63;
const maxKeyPrefixLength = 253;

/** A parsed selector: all of its requirements must hold. Immutable. */
export interface LabelSelector {
  matches(labels: ReadonlyMap<string, string>): boolean;
}

type Requirement = (labels: ReadonlyMap<string, string>) => boolean;

/**
 * Parses `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a` and `!a`, joined by commas, as
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#api says: `!=` and `notin` also hold for pods
 * without the label, and an empty value is a value. Throws MalformedRequestError, also for an empty selector (it would
 * select every pod) and for `<` and `>`.
 */
export function parseLabelSelector(text: string): LabelSelector {
  const tokens = new Tokens(text);
  const requirements = [readRequirement(tokens)];
  while (tokens.takeIf(",")) requirements.push(readRequirement(tokens));
  if (tokens.peek() !== undefined) throw tokens.unexpected("a comma or the end");
  return { matches: (labels) => requirements.every((holds) => holds(labels)) };
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
      return (labels) => labels.has(key);
    case "=":
    case "==": {
      tokens.take();
      const value = readValue(tokens);
      return (labels) => labels.get(key) === value;
    }
    case "!=": {
      tokens.take();
      const value = readValue(tokens);
      return (labels) => labels.get(key) !== value;
    }
    case "in": {
      const values = readValues(tokens);
      return (labels) => values.has(labels.get(key));
    }
    case "notin": {
      const values = readValues(tokens);
      return (labels) => !values.has(labels.get(key));
    }
    default:
      throw tokens.unexpected('one of "=", "==", "!=", "in", "notin"');
  }
}

/** Kubernetes' qualified name: a name, optionally after a DNS subdomain and a slash. */
function readKey(tokens: Tokens): string {
  const key = tokens.take();
  const slash = key?.indexOf("/") ?? -1;
  const prefix = key?.slice(0, Math.max(slash, 0));
  const name = key?.slice(slash + 1);
  if (
    key === undefined ||
    !isName(name) ||
    (slash !== -1 && (prefix!.length > maxKeyPrefixLength || !keyPrefix.test(prefix!)))
  ) {
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

function readValues(tokens: Tokens): ReadonlySet<string | undefined> {
  tokens.take();
  if (!tokens.takeIf("(")) throw tokens.unexpected('"("');
  const values = new Set<string | undefined>();
  do values.add(readValue(tokens));
  while (tokens.takeIf(","));
  if (!tokens.takeIf(")")) throw tokens.unexpected('a comma or ")"');
  return values;
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
