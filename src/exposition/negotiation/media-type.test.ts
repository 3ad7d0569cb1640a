import { describe, expect, test } from "vitest";
import { parseMediaType, splitList } from "./media-type.ts";

describe("parseMediaType()", () => {
  const check = (text: string, expected: string | undefined) => {
    test(JSON.stringify(text), () => {
      const found = parseMediaType(text);
      const parameters = [...(found?.parameters ?? [])].map(([name, value]) => ` ${name}=${value}`);
      expect(found && found.type + parameters.join("")).toBe(expected);
    });
  };

  check("text/plain", "text/plain");
  check(" Text/PLAIN ", "text/plain");
  check("text/plain;", "text/plain");
  check("text/plain ; ", "text/plain");
  check("text/plain; version=0.0.4; charset=utf-8", "text/plain version=0.0.4 charset=utf-8");
  check("text/plain;VERSION=0.0.4", "text/plain version=0.0.4");
  check("text/plain ; version = 0.0.4 ;", "text/plain version=0.0.4");
  check('text/plain; version="1.0.0"', "text/plain version=1.0.0");
  check('text/plain; a="x\\"; y"; b=""', 'text/plain a=x"; y b=');
  check("*/*;q=0.1", "*/* q=0.1");
  // As Go's mime.ParseMediaType.
  check("text/plain; charset=UTF-8; charset=utf-8", undefined);
  check("text/plain; charset", undefined);
  check("text/plain; charset=", undefined);
  check("text/plain;;", undefined);
  check("text/plain version=0.0.4", undefined);
  check('text/plain; a="x', undefined);
  check("text", undefined);
  check("text/", undefined);
  check("/plain", undefined);
  check("text/plain/x", undefined);
  check("", undefined);
  check("text/plain, text/plain", undefined);

  test("takes no more than linear time", () => {
    expect(parseMediaType(`text/plain${" ".repeat(15_000)}x`)).toBeUndefined();
    expect(parseMediaType(`text/plain${"; ".repeat(7000)}`)).toBeUndefined();
    expect(parseMediaType(`text/plain;a="${"\\".repeat(15_000)}`)).toBeUndefined();
  });
});

describe("splitList()", () => {
  const check = (text: string, ...items: string[]) => {
    test(JSON.stringify(text), () => {
      expect(splitList(text)).toEqual(items);
    });
  };

  check("");
  check("a", "a");
  check("a,b, c", "a", "b", " c");
  check(",a,,", "a");
  check('a;x="1,2",b', 'a;x="1,2"', "b");
  check('a;x="1\\",2",b', 'a;x="1\\",2"', "b");
  check('a;x="1,2', 'a;x="1,2');
});
