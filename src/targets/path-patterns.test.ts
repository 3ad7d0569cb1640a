import { describe, expect, test } from "vitest";
import { PathPatterns } from "./path-patterns.ts";

describe("PathPatterns", () => {
  test("match anywhere in the path, or the whole of it", () => {
    const check = (patterns: string[], path: string, [search, full]: [boolean, boolean]) => {
      expect(new PathPatterns(patterns, { match: "search" }).allows(path), `search ${path}`).toBe(search);
      expect(new PathPatterns(patterns, { match: "full" }).allows(path), `full ${path}`).toBe(full);
    };
    check(["/metrics"], "/metrics", [true, true]);
    check(["/metrics"], "/metricsfoo", [true, false]);
    check(["/metrics"], "/admin/metrics", [true, false]);
    check(["/metrics"], "/METRICS", [false, false]);
    check(["/metrics"], "/metric", [false, false]);
    check(["^/metrics$"], "/metrics", [true, true]);
    check(["^/metrics$"], "/metrics/", [false, false]);
    check(["^/metrics$"], "/metrics\n", [false, false]);
    check(["metrics"], "/metrics", [true, false]);
    check(["/a|/ab"], "/ab", [true, true]);
    check(["^/a|/b$"], "/a/admin", [true, false]);
    check(["/a.c"], "/a/c", [true, true]);
    check(["(?i)/metrics"], "/METRICS", [true, true]);
    check(["/x", "/[a-z]+/prometheus"], "/actuator/prometheus", [true, true]);
    check(["/a{1,3}"], "/aaa", [true, true]);
    check([], "/metrics", [false, false]);
  });

  test("refuse what is not RE2 syntax, and the empty pattern", () => {
    const check = (pattern: string) =>
      expect(() => new PathPatterns(["/metrics", pattern], { match: "search" }), pattern).toThrow(
        /^Cannot read .*METRICS_PATH_WHITELIST/,
      );
    check("");
    check("(");
    check("[a");
    check("*");
    check("a{1001}");
    check("(?<=/)metrics");
    check("(?=/)metrics");
    check("(?!admin)");
    check("(a)\\1");
    check("\\");
    check("\\Z");
  });

  test("take time in proportion to the path, whatever the pattern", () => {
    const paths = [`/${"a".repeat(2046)}!`, `/${"a/".repeat(1023)}!`, `/${"ab".repeat(1023)}`];
    for (const pattern of [
      "^(/?[a-z]+)*$",
      "^(a+)+$",
      "(.*a){20}$",
      "^/(a|a)*$",
      "^(([a-z])+.)+[A-Z]([a-z])+$",
    ]) {
      for (const match of ["search", "full"] as const) {
        const patterns = new PathPatterns([pattern], { match });
        const started = performance.now();
        for (const path of paths) patterns.allows(path);
        // A backtracking engine needs longer than the age of the universe.
        expect(performance.now() - started, pattern).toBeLessThan(500);
      }
    }
  });
});
