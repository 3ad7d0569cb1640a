// METRICS_PATH_WHITELIST. Never runs an operator's pattern in a backtracking engine: the path is the caller's, and RE2
// answers in time linear in its length.
import { RE2JS } from "re2js";

/** The patterns of METRICS_PATH_WHITELIST, compiled. Immutable. */
export class PathPatterns {
  readonly #patterns: readonly RE2JS[];
  readonly #match: "search" | "full";

  /**
   * `match`: whether a pattern may match anywhere in a path, or must match the whole of it. Throws an Error that quotes
   * the pattern when one is empty (it would match every path) or not RE2 syntax.
   */
  constructor(patterns: readonly string[], { match }: { match: "search" | "full" }) {
    this.#patterns = patterns.map((pattern) => compile(pattern));
    this.#match = match;
  }

  /** True when a pattern matches; `path` comes from parseRequestPath(). */
  allows(path: string): boolean {
    return this.#patterns.some((pattern) =>
      this.#match === "full" ? pattern.testExact(path) : pattern.test(path),
    );
  }
}

function compile(pattern: string): RE2JS {
  if (pattern === "")
    throw new Error("Cannot read METRICS_PATH_WHITELIST: an empty pattern matches every path");
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    throw new Error(
      `Cannot read pattern ${JSON.stringify(pattern)} of METRICS_PATH_WHITELIST: not RE2 syntax`,
      {
        cause: error,
      },
    );
  }
}
