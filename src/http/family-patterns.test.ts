import { describe, expect, test } from "vitest";
import { MalformedRequestError } from "../targets/malformed-request-error.ts";
import { FamilyPatterns } from "./family-patterns.ts";

const never = () => {
  throw new Error("must not be called");
};

describe("FamilyPatterns", () => {
  const check = (include: string[], exclude: string[], kept: string[], dropped: string[]) => {
    test(`include ${include.join(" ")} exclude ${exclude.join(" ")}`.slice(0, 60), () => {
      const keep = new FamilyPatterns(include, exclude).start({ onTimeUp: never });
      // Names of one family stand with a slash between them.
      expect([...kept, ...dropped].filter((names) => keep(names.split("/")))).toEqual(kept);
    });
  };
  check(["a"], [], ["a"], ["ab", "ba", ""]);
  check(["a.*", "b"], [], ["a", "ab", "b"], ["bb", "c"]);
  check([], ["a.*", "b"], ["bb", "c"], ["a", "ab", "b"]);
  check(["a.*"], ["ab"], ["a", "abc"], ["ab", "c"]);
  check(["a|b"], [], ["a", "b"], ["ab"]);
  check(["größe\\..*"], [], ["größe.x"], ["größe"]);
  check(["[aA]"], [], ["a", "A"], []);
  check(["\\\\p|p"], [], ["\\p", "p"], ["pp"]);
  check(["x\\{2\\}|[{]"], [], ["x{2}", "{"], ["xx"]);
  // One name that is wanted is enough, and so is one that is not.
  check(["x_total"], [], ["x/x_total"], ["x", "y/y_total"]);
  check([], ["x_total"], ["x", "y/y_total"], ["x/x_total"]);
  check(["x"], ["x_total"], ["x"], ["x/x_total"]);
  // No pattern matches a name that is too long.
  check([".*"], [], ["x".repeat(256)], ["x".repeat(257)]);
  check([], [".*"], ["x".repeat(257)], ["x".repeat(256)]);

  test("knows whether it does anything", () => {
    expect(new FamilyPatterns([], []).isEmpty).toBe(true);
    expect(new FamilyPatterns(["a"], []).isEmpty).toBe(false);
    expect(new FamilyPatterns([], ["a"]).isEmpty).toBe(false);
  });

  const refuse = (patterns: string[], message: string, isLimit: boolean) => {
    test(`refuses ${patterns.join(" ").slice(0, 40)}`, () => {
      for (const [include, exclude] of [
        [patterns, []],
        [[], patterns],
      ]) {
        const parse = () => new FamilyPatterns(include!, exclude!);
        expect(parse).toThrow(MalformedRequestError);
        expect(parse).toThrow(message);
        expect(parse).toThrow(expect.objectContaining({ limit: isLimit ? "family_filter" : undefined }));
      }
    });
  };
  refuse([""], "is empty", false);
  refuse(["("], "not RE2 syntax", false);
  refuse(["(?=a)"], "not RE2 syntax", false);
  refuse(["a\\1"], "not RE2 syntax", false);
  refuse(
    Array.from({ length: 17 }, () => "a"),
    "there are 17 patterns, at most 16 are taken",
    true,
  );
  refuse(["a{3}"], "counted repetition", true);
  refuse(["(?:a{1,2}){3,}"], "counted repetition", true);
  refuse(["\\\\{3}"], "counted repetition", true);
  refuse(["x".repeat(300), "y".repeat(301)], "more than 600 characters", true);
  refuse(["\\pL"], "Unicode class", true);
  refuse(["a|[^\\P{Greek}]"], "Unicode class", true);
  refuse(["\\\\\\pL"], "Unicode class", true);

  test("lets all families through once its time is up, and says so once", () => {
    let nowMs = 0;
    let timesUp = 0;
    const filter = new FamilyPatterns(["a"], []);
    const start = () => filter.start({ onTimeUp: () => void timesUp++, nowMs: () => (nowMs += 50) });
    const keep = start();
    expect(["b", "b", "b"].map((name) => keep([name]))).toEqual([false, false, false]);
    expect(timesUp).toBe(0);
    expect(keep(["b"])).toBe(false);
    expect([keep(["b"]), keep(["c"]), timesUp]).toEqual([true, true, 1]);
    // The next scrape has its own time.
    expect(start()(["b"])).toBe(false);
  });
});

test("FamilyPatterns takes no folding of case, which makes hundreds of milliseconds of a short pattern", () => {
  const folded = ["(?i)a", "(?si)a", "(?s-i)a", "x(?i:a)", `(?i)[${"!-\uffff".repeat(150)}]`];
  for (const pattern of folded)
    expect(() => new FamilyPatterns([pattern], []), pattern).toThrow(/folds case, which is not taken here/);
  expect(() => new FamilyPatterns(["(?s)a", "(?:i)", "(?P<i>a)", "a?i"], [])).not.toThrow();
});
