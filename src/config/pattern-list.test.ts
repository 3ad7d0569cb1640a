import { expect, test } from "vitest";
import { acceptsEveryPath, findPatternProblem, splitPatterns } from "./pattern-list.ts";

test.for([
  ["/metrics", ["/metrics"]],
  ["/a, /b ,/c", ["/a", "/b", "/c"]],
  ["", [""]],
  ["/a,", ["/a", ""]],
  [",,", ["", "", ""]],
  ["^/[a-z]{1,3}/m$,/b", ["^/[a-z]{1,3}/m$", "/b"]],
  ["/a{2,},/b", ["/a{2,}", "/b"]],
  // Not a repeat count: braces that RE2 reads as themselves.
  ["/a{,3}", ["/a{", "3}"]],
  ["/a{x,y}", ["/a{x", "y}"]],
  [String.raw`/a\{1,2}`, [String.raw`/a\{1`, "2}"]],
  ["/[a,b],/c", ["/[a,b]", "/c"]],
  ["/[^,],/c", ["/[^,]", "/c"]],
  ["/[],a],/c", ["/[],a]", "/c"]],
  ["/[^],a],/c", ["/[^],a]", "/c"]],
  [String.raw`/[\],],/c`, [String.raw`/[\],]`, "/c"]],
  ["/[[:alpha:],],/c", ["/[[:alpha:],]", "/c"]],
  ["/[{1,3}],/c", ["/[{1,3}]", "/c"]],
  // A class that never ends splits as if it were none; RE2 then refuses the piece.
  ["/[a,/b", ["/[a", "/b"]],
  [String.raw`/a\,b,/c`, [String.raw`/a\,b`, "/c"]],
  [String.raw`/a\\,/c`, [String.raw`/a\\`, "/c"]],
  [String.raw`/a\[,/c`, [String.raw`/a\[`, "/c"]],
  [String.raw`/a\x2C,/c` + "\\", [String.raw`/a\x2C`, "/c\\"]],
] as const)("splitPatterns() splits %j", ([text, items]) => {
  expect(splitPatterns(text)).toEqual(items);
});

test.for([
  "/metrics",
  "^/metrics$",
  "(?i)/Metrics",
  "(?P<app>[a-z]+)/metrics",
  "/a{1,3}",
  String.raw`/a\,b`,
  "^(/?[a-z]+)*$",
])("findPatternProblem() accepts %j", (pattern) => {
  expect(findPatternProblem(pattern)).toBeUndefined();
});

test.for([
  ["(?=a)", "invalid or unsupported Perl syntax: `(?=`"],
  ["(?<!a)b", "invalid named capture: `(?<!a)b`"],
  [String.raw`(a)\1`, String.raw`invalid escape sequence: ${"`\\1`"}`],
  ["(", "missing closing ): `(`"],
  ["/[a", "missing closing ]: `[a`"],
  ["a**", "invalid nested repetition operator: `**`"],
  ["a{1,1001}", "invalid repeat count: `{1,1001}`"],
  ["a\\", "trailing backslash at end of expression"],
] as const)("findPatternProblem() gives RE2's reason against %j", ([pattern, reason]) => {
  expect(findPatternProblem(pattern)).toBe(reason);
});

test.for([
  [".*", "full", true],
  [".*", "search", true],
  ["/metrics|", "search", true],
  ["/metrics|", "full", false],
  ["/", "search", true],
  ["/", "full", false],
  ["^", "search", true],
  ["/metrics", "search", false],
  ["^$", "search", false],
  ["/.*", "full", true],
  ["^/[a-z]+$", "full", false],
] as const)("acceptsEveryPath() sees %j used by %s as %s", ([pattern, match, expected]) => {
  expect(acceptsEveryPath(pattern, match)).toBe(expected);
});
