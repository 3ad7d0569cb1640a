import { describe, expect, test } from "vitest";
import { MalformedRequestError } from "../targets/malformed-request-error.ts";
import { parseFamilyFilter } from "./family-filter.ts";

describe("parseFamilyFilter()", () => {
  const check = (include: string[], exclude: string[], kept: string[], dropped: string[]) => {
    test(`include ${include.join(" ")} exclude ${exclude.join(" ")}`, () => {
      const keeps = parseFamilyFilter(include, exclude)!;
      expect([...kept, ...dropped].filter((name) => keeps(name))).toEqual(kept);
    });
  };
  check(["a"], [], ["a"], ["ab", "ba", ""]);
  check(["a.*", "b"], [], ["a", "ab", "b"], ["bb", "c"]);
  check([], ["a.*", "b"], ["bb", "c"], ["a", "ab", "b"]);
  check(["a.*"], ["ab"], ["a", "abc"], ["ab", "c"]);
  check(["a|b"], [], ["a", "b"], ["ab"]);
  check(["größe\\..*"], [], ["größe.x"], ["größe"]);
  check(["(?i)A"], [], ["a", "A"], []);
  // No pattern matches a name that is too long.
  check([".*"], [], ["x".repeat(1024)], ["x".repeat(1025)]);
  check([], [".*"], ["x".repeat(1025)], ["x".repeat(1024)]);

  test("is undefined without patterns", () => {
    expect(parseFamilyFilter([], [])).toBeUndefined();
  });

  const refuse = (include: string[], message: string, isLimit: boolean) => {
    test(`refuses ${include.join(" ").slice(0, 40)}`, () => {
      for (const patterns of [
        { include, exclude: [] },
        { include: [], exclude: include },
      ]) {
        const parse = () => parseFamilyFilter(patterns.include, patterns.exclude);
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
  refuse(["a{301}"], "repeats more than 300 times", true);
  refuse(["a{100,201}b{100}"], "repeats more than 300 times", true);
  refuse(["(?:(?:.{10}){10}){10}".repeat(6)], "the patterns are too large", true);
  refuse(["x".repeat(5001)], "the patterns are too large", true);

  test("gives up on names that would take too long", () => {
    const keeps = parseFamilyFilter(["y".repeat(4990)], [])!;
    const name = "x".repeat(1000);
    const times = (count: number) => {
      for (let i = 0; i < count; i++) keeps(name);
    };
    times(100);
    expect(() => times(1)).toThrow("the pods have too many names for these patterns");
  });
});
