// Which metric families a request wants: the parameters `include` and `exclude` of `/mproxy`. The patterns are a caller's, so
// everything about them is bounded: how many there are, how large they become, and how long they take on the pods' names.
import { RE2JS } from "re2js";
import { MalformedRequestError } from "../targets/malformed-request-error.ts";
import { quote } from "../targets/quote.ts";

const maxPatterns = 16;

/** Together, in instructions of the compiled patterns; and the sum of their counts of repetition, which says so beforehand. */
const maxProgramSize = 5000;
const maxRepetitions = 300;

/** A longer name matches no pattern. */
const maxNameLength = 1024;

/** Instructions times characters: about a second. Two thousand families and a dozen usual patterns take a hundredth of it. */
const maxWork = 500_000_000;

/**
 * Patterns are RE2 syntax and match a whole name, as in relabelling. A family stays if one of `include` matches (or there is none)
 * and none of `exclude` does. Throws MalformedRequestError, and so does the predicate. Undefined: all stay.
 */
export function parseFamilyFilter(
  include: readonly string[],
  exclude: readonly string[],
): ((family: string) => boolean) | undefined {
  const count = include.length + exclude.length;
  if (count === 0) return undefined;
  if (count > maxPatterns) throw tooMuch(`there are ${count} patterns, at most ${maxPatterns} are taken`);
  const included = include.map((pattern) => compile("include", pattern));
  const excluded = exclude.map((pattern) => compile("exclude", pattern));
  const size = [...included, ...excluded].reduce((sum, pattern) => sum + pattern.programSize(), 0);
  if (size > maxProgramSize) throw tooMuch("the patterns are too large");
  let work = 0;
  return (family) => {
    if (family.length > maxNameLength) return included.length === 0;
    work += size * family.length;
    if (work > maxWork) throw tooMuch("the pods have too many names for these patterns");
    const matches = (pattern: RE2JS) => pattern.testExact(family);
    return (included.length === 0 || included.some(matches)) && !excluded.some(matches);
  };
}

function compile(parameter: "include" | "exclude", pattern: string): RE2JS {
  if (pattern === "") throw refused(`parameter "${parameter}" is empty`);
  let repetitions = 0;
  for (const [, least, most] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g))
    repetitions += Number(most || least);
  if (repetitions > maxRepetitions)
    throw tooMuch(`pattern ${quote(pattern)} repeats more than ${maxRepetitions} times`);
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
