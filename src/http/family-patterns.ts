// Which metric families a request wants: the parameters `include` and `exclude` of `/mproxy`. The patterns are a caller's and the
// names are pods': what the two cost together is bounded by time, and no pod's names can cost the others their metrics.
import { RE2JS } from "re2js";
import { MalformedRequestError } from "../targets/malformed-request-error.ts";
import { quote } from "../targets/quote.ts";

const maxPatterns = 16;

/** All patterns together, in characters: compiled, the worst of them take half a millisecond, which everybody else waits for. */
const maxPatternsLength = 600;

/** A longer name matches no pattern: the time that a pattern takes can grow with the square of it. */
const maxNameLength = 256;

/** All names of a scrape together. Two thousand families and a dozen patterns take a tenth of it. */
const maxMatchMs = 200;

/** The patterns of a request. */
export class FamilyPatterns {
  readonly #include: readonly RE2JS[];
  readonly #exclude: readonly RE2JS[];

  /**
   * RE2 syntax without counted repetition (`x{9}`), Unicode classes (`\pL`) and case folding (`(?i)`), which make large programs of short
   * patterns: 2,000 characters of classes took 60 ms, 600 of folded ranges 360 ms. Patterns match a whole name, as in relabelling. Throws
   * MalformedRequestError.
   */
  constructor(include: readonly string[], exclude: readonly string[]) {
    const all = [...include, ...exclude];
    if (all.length > maxPatterns)
      throw tooMuch(`there are ${all.length} patterns, at most ${maxPatterns} are taken`);
    if (all.reduce((sum, { length }) => sum + length, 0) > maxPatternsLength) {
      throw tooMuch(`the patterns have more than ${maxPatternsLength} characters together`);
    }
    this.#include = include.map((pattern) => compile("include", pattern));
    this.#exclude = exclude.map((pattern) => compile("exclude", pattern));
  }

  /** There are no patterns: every family stays. */
  get isEmpty(): boolean {
    return this.#include.length + this.#exclude.length === 0;
  }

  /**
   * For one scrape. A family stays if a pattern of `include` matches one of its names (or there is none) and no pattern of `exclude`
   * does. Once the time is up all others stay: more than was asked for is better than to lose what was. `onTimeUp` is called then,
   * once.
   */
  start(o: { onTimeUp: () => void; nowMs?: () => number }): (names: readonly string[]) => boolean {
    const { nowMs = () => performance.now() } = o;
    let leftMs = maxMatchMs;
    return (names) => {
      if (leftMs <= 0) return true;
      const startMs = nowMs();
      const matches = (pattern: RE2JS) =>
        names.some((name) => name.length <= maxNameLength && pattern.testExact(name));
      const isKept =
        (this.#include.length === 0 || this.#include.some(matches)) && !this.#exclude.some(matches);
      leftMs -= nowMs() - startMs;
      if (leftMs <= 0) o.onTimeUp();
      return isKept;
    };
  }
}

/** What makes large programs of short patterns, and what is said of it. */
const costly: readonly (readonly [syntax: RegExp, state: string])[] = [
  [/(?<!\\)(?:\\\\)*\{\d/, "has a counted repetition, which is not taken here"],
  [/(?<!\\)(?:\\\\)*\\[pP]/, "has a Unicode class, which is not taken here"],
  // Also where it stands in a class as text: nobody needs it there.
  [/\(\?[A-Za-z-]*i/, "folds case, which is not taken here: metric names have one spelling"],
];

function compile(parameter: "include" | "exclude", pattern: string): RE2JS {
  if (pattern === "") throw refused(`parameter "${parameter}" is empty`);
  const [, state] = costly.find(([syntax]) => syntax.test(pattern)) ?? [];
  if (state !== undefined) throw tooMuch(`pattern ${quote(pattern)} ${state}`);
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw refused(`pattern ${quote(pattern)} is not RE2 syntax`, error);
  }
}

function tooMuch(state: string): MalformedRequestError {
  return new MalformedRequestError("query", `Cannot filter families: ${state}`, { limit: "family_filter" });
}

function refused(state: string, cause?: unknown): MalformedRequestError {
  return new MalformedRequestError("query", `Cannot filter families: ${state}`, { cause });
}
