import * as fc from "fast-check";
import { expect, test } from "vitest";
import { quote } from "./quote.ts";

test("quote() writes text as one bounded line of visible ASCII", () => {
  const check = (text: string, expected: string) => expect(quote(text)).toBe(expected);
  check("", '""');
  check("app-1", '"app-1"');
  check('a"b\\c', '"a\\"b\\\\c"');
  check("a\r\nb\u0000", '"a\\u000d\\u000ab\\u0000"');
  check("é\u2028\u{1f600}", '"\\u00e9\\u2028\\ud83d\\ude00"');
  check("a".repeat(80), `"${"a".repeat(80)}"`);
  check("a".repeat(81), `"${"a".repeat(80)}..."`);
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      expect(quote(text)).toMatch(/^"[\x20-\x7e]*"$/);
      expect(quote(text).length).toBeLessThanOrEqual(6 * 80 + 5);
    }),
  );
});
