import { describe, expect, test } from "vitest";
import { formatLabel, formatMetricName, unescapeQuoted } from "./label.ts";

describe("formatLabel()", () => {
  const check = (name: string, value: string, expected: string) => {
    test(`writes ${expected}`, () => {
      expect(formatLabel({ name, value })).toBe(expected);
    });
  };

  check("a", "b", 'a="b"');
  check("_a9", "", '_a9=""');
  check("a", 'x"y\\z\n', 'a="x\\"y\\\\z\\n"');
  check("a", "\t\r\0é", 'a="\t\r\0é"');
  check("a.b", "c", '"a.b"="c"');
  check("a:b", "c", '"a:b"="c"');
  check("9a", "c", '"9a"="c"');
  check('a"\\\n', "c", '"a\\"\\\\\\n"="c"');
});

describe("formatMetricName()", () => {
  const check = (name: string, expected: string) => {
    test(`writes ${expected}`, () => {
      expect(formatMetricName(name)).toBe(expected);
    });
  };

  check("a:b_9", "a:b_9");
  check("a.b", '"a.b"');
  check('a"b', '"a\\"b"');
  check("a\n", '"a\\n"');
});

describe("unescapeQuoted()", () => {
  const check = (text: string, expected: string) => {
    test(`reads ${JSON.stringify(text)}`, () => {
      expect(unescapeQuoted(text)).toBe(expected);
    });
  };

  check("plain", "plain");
  check('\\"', '"');
  check("\\\\", "\\");
  check("\\n", "\n");
  check("\\\\n", "\\n");
  check("\\\\\\n", "\\\n");
  check("\\z\\t", "\\z\\t");
  check("\\\n", "\\\n");
  check("x\\", "x\\");
});
