import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { selectorMatches } from "../../test/support/selector-matches.ts";
import { parseLabelSelector } from "./label-selector.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";

const labels = new Map([
  ["app", "web"],
  ["tier", "a"],
  ["empty", ""],
  ["app.kubernetes.io/name", "web-1.x_Y"],
  ["in", "notin"],
]);

describe("parseLabelSelector()", () => {
  test("selects by its requirements", () => {
    const check = (text: string, expected: boolean) =>
      expect(selectorMatches(parseLabelSelector(text), labels), text).toBe(expected);
    check("app=web", true);
    check("app==web", true);
    check("app=api", false);
    check("app=we", false);
    check("missing=x", false);
    check("app!=web", false);
    check("app!=api", true);
    check("missing!=x", true);
    check("app in (web)", true);
    check("app in (api,web)", true);
    check("app in (api)", false);
    check("missing in (x)", false);
    check("app notin (web)", false);
    check("app notin (api,x)", true);
    check("missing notin (x)", true);
    check("app", true);
    check("missing", false);
    check("!app", false);
    check("!missing", true);
    // All must hold.
    check("app=web,tier=a", true);
    check("app=web,tier=b", false);
    check("app=api,tier=a", false);
    check("app=web,tier in (a,b),!missing,app!=x", true);
    check("app=web,app=api", false);
    // Blanks.
    check(" app = web , tier in ( a , b ) ", true);
    check("\tapp\r\n!=\napi", true);
    check("! missing", true);
    check("app in(web)", true);
    // Empty values are values.
    check("empty=", true);
    check("empty==", true);
    check("empty!=", false);
    check("app=", false);
    check("missing=", false);
    check("missing!=", true);
    check("empty=,app=web", true);
    check("empty in ()", true);
    check("empty in (,a)", true);
    check("empty in (a,)", true);
    check("empty in (a,,b)", true);
    check("empty in (,)", true);
    check("empty in (a,,,)", true);
    check("empty in (,,a)", true);
    check("empty in (a)", false);
    check("tier in (a,,,b)", true);
    check("missing in ()", false);
    // Keys with prefixes, and keywords as keys and values.
    check("app.kubernetes.io/name=web-1.x_Y", true);
    check("app.kubernetes.io/name", true);
    check("in=notin", true);
    check("in in (in,notin)", true);
    check("in notin (in)", true);
    check("notin", false);
    check("constructor", false);
    check("!toString", true);
  });

  test("refuses what Kubernetes refuses, and the empty selector", () => {
    const check = (text: string) =>
      expect(() => parseLabelSelector(text), JSON.stringify(text)).toThrow(MalformedRequestError);
    check("");
    check(" ");
    check(",");
    check("app=web,");
    check(",app=web");
    check("app=web,,tier=a");
    check("=");
    check("=web");
    check("!=web");
    check("!");
    check("!!app");
    check("!app=web");
    check("!app in (web)");
    check("app web");
    check("app=web tier=a");
    check("app=web web");
    check("app===web");
    check("app=!web");
    check("app!web");
    check("app=(web)");
    check("app=web)");
    check("app in");
    check("app in web");
    check("app in (web");
    check("app in web)");
    check("app in ((web))");
    check("app in (web api)");
    check("app in (web) x");
    check("app in (web)(api)");
    check("app in (=)");
    check("app in (,,)");
    check("app in (,,,,)");
    check("app in (web,,)");
    check("app notin (,web,,)");
    check("app in (!web)");
    check("app notin");
    check("app IN (web)");
    check("app not in (web)");
    check("app>");
    check("app>web");
    check("app>-1");
    check("app>+1");
    check("app>=1");
    check("app<>1");
    check("app>1.5");
    check("app>9223372036854775808");
    check("app>(1)");
    check("app gt 1");
    check("(app=web)");
    check("app=web;tier=a");
    check("app=web||tier=a");
    check("app~web");
    check("app=*");
    check("*");
    check("app=web*");
    check('app="web"');
    check("app='web'");
    // Keys and values that no label has.
    check("-app=web");
    check("app-=web");
    check("_app");
    check("app=-web");
    check("app=web-");
    check("app=we/b");
    check("a/b/c=x");
    check("/app=x");
    check("app/=x");
    check("App.Example/name=x");
    check("-x.example/name=x");
    check("é=x");
    check("app=é");
    check("app=web\u0000");
    check("app=\u00a0web");
    check(`${"a".repeat(64)}=x`);
    check(`app=${"a".repeat(64)}`);
    check(`${"a".repeat(254)}/app=x`);
  });

  test("compares whole numbers with > and <", () => {
    const check = (text: string, value: string, expected: boolean) =>
      expect(selectorMatches(parseLabelSelector(text), new Map([["v", value]])), `${text} of ${value}`).toBe(
        expected,
      );
    check("v>1", "2", true);
    check("v>1", "1", false);
    check("v > 9", "10", true);
    check("v<10", "9", true);
    check("v<10", "10", false);
    check("v<10,v>8", "9", true);
    check("v>007", "08", true);
    check("v>9223372036854775806", "9223372036854775807", true);
    check("v>1", "9223372036854775808", false);
    for (const value of ["", "x", "2x", "2.5", "0x2"]) {
      check("v>1", value, false);
      check("v<9", value, false);
    }
    expect(selectorMatches(parseLabelSelector("missing>1"), labels)).toBe(false);
  });

  test("tells which values find its pods", () => {
    const termsOf = (text: string) =>
      parseLabelSelector(text).terms.map(({ property, values }) => `${property.id}: ${[...values].join()}`);
    expect(termsOf("a=1,b in (2,3),c,d==")).toEqual([
      "label a: 1",
      "label b: 2,3",
      "has label c: true",
      "label d: ",
    ]);
    expect(termsOf("a!=1,b notin (2),!c,d>1,e<1")).toEqual([]);
  });

  test("takes at most 32 requirements", () => {
    const requirements = (count: number) => Array.from({ length: count }, (_, index) => `k${index}`).join();
    expect(parseLabelSelector(requirements(32)).terms).toHaveLength(32);
    expect(() => parseLabelSelector(requirements(33))).toThrow(
      "Cannot read label selector: it has 33 requirements, at most 32 are taken",
    );
  });

  test("says what was found where", () => {
    expect(() => parseLabelSelector("app web")).toThrow(
      'Cannot read label selector "app web": found "web" where one of "=", "==", "!=", "in", "notin", ">", "<" is expected',
    );
    expect(() => parseLabelSelector("app in (a")).toThrow(
      'Cannot read label selector "app in (a": it ends where a comma or ")" is expected',
    );
  });

  test("selects as its requirements say one by one", () => {
    const key = fc.constantFrom("a", "b", "c");
    const value = fc.constantFrom<string>("", "x", "y");
    // Kubernetes does not read commas before ")" in even number.
    const values = fc.array(value, { minLength: 1 }).filter((all) => !/(?:^|[^,])(?:,,)+$/.test(all.join()));
    const requirement = fc.oneof(
      fc
        .tuple(key, value)
        .map(([key, value]) => [`${key}=${value}`, (v?: string) => v === value, key] as const),
      fc
        .tuple(key, value)
        .map(([key, value]) => [`${key}!=${value}`, (v?: string) => v !== value, key] as const),
      fc
        .tuple(key, values)
        .map(
          ([key, values]) =>
            [
              `${key} in (${values.join()})`,
              (v?: string) => v !== undefined && values.includes(v),
              key,
            ] as const,
        ),
      fc
        .tuple(key, values)
        .map(
          ([key, values]) =>
            [
              `${key} notin (${values.join()})`,
              (v?: string) => v === undefined || !values.includes(v),
              key,
            ] as const,
        ),
      key.map((key) => [key, (v?: string) => v !== undefined, key] as const),
      key.map((key) => [`!${key}`, (v?: string) => v === undefined, key] as const),
    );
    fc.assert(
      fc.property(
        fc.array(requirement, { minLength: 1, maxLength: 4 }),
        fc.dictionary(key, value),
        (requirements, labels) => {
          const selector = parseLabelSelector(requirements.map(([text]) => text).join(","));
          const expected = requirements.every(([, holds, key]) => holds(labels[key]));
          expect(selectorMatches(selector, new Map(Object.entries(labels)))).toBe(expected);
        },
      ),
    );
  });
});
