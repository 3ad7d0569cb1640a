/**
 * The slow parser of OpenMetrics refuses what Prometheus refuses; and what the slow merger makes of random bodies is valid
 * and stays the same when merged again. Else the engine would be held against an oracle that is wrong itself.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findStructureProblem } from "./support/exposition-structure.ts";
import { shorthandOptions } from "./support/merge-shorthand.ts";
import {
  damagedOpenMetricsBody,
  openMetricsSoup,
  validOpenMetricsBody,
} from "./support/openmetrics-arbitraries.ts";
import { mergeReference } from "./support/reference-merger.ts";
import { parseReference } from "./support/reference-parser.ts";

describe("parseReference() of OpenMetrics", () => {
  test("takes a body of no bytes, as Prometheus does", () => {
    expect(parseReference("", "openmetrics").samples).toEqual([]);
  });

  for (const body of [
    "\n",
    "# EOF\n\n",
    "a 1\n",
    "\n# EOF",
    "# x\n# EOF",
    "a  1\n# EOF",
    " a 1\n# EOF",
    "a 1 \n# EOF",
    "a 1 # EOF",
    "# EOF\n# EOF",
    "# TYPE a untyped\n# EOF",
    "# HELP a\n# EOF",
    "# UNIT a s\n# EOF",
    "# UNIT a_s s \n# EOF",
    'a{b="\n"} 1\n# EOF',
    'a{b="1" c="2"} 1\n# EOF',
    "a{,} 1\n# EOF",
    'a{b="",,} 1\n# EOF',
    'a{b="",b=""} 1\n# EOF',
    'a{""=""} 1\n# EOF',
    '{""} 1\n# EOF',
    '{"a","b"} 1\n# EOF',
    'a{"b"} 1\n# EOF',
    '{b=""} 1\n# EOF',
    "{a} 1\n# EOF",
    'a{__name__="a"} 1\n# EOF',
    "a 0x1\n# EOF",
    "a 1 NaN\n# EOF",
    "a 1 1 1\n# EOF",
    "a 1 # {}\n# EOF",
    "a 1 # {} 1 Inf\n# EOF",
    'a 1 # {"b"} 1\n# EOF',
    'a 1 # {b="\0"} 1\n# EOF',
    "a 1\r\n# EOF",
    "# TYPE a gauge\0\n# EOF",
  ])
    test(`refuses ${JSON.stringify(body)}`, () => {
      expect(() => parseReference(body, "openmetrics")).toThrow("Cannot parse");
    });

  test("reads every part of a sample", () => {
    const [sample] = parseReference('{b="\\n","a\\\\"} 1 2 # {c=" # {"} 3 4\n# EOF', "openmetrics").samples;
    expect(sample).toMatchObject({
      name: "a\\",
      labels: [{ name: "b", value: "\n" }],
      value: "1",
      timestamp: "2",
      exemplar: '{c=" # {"} 3 4',
    });
  });
});

describe.each([
  ["damaged bodies", damagedOpenMetricsBody],
  ["words of the format without order", openMetricsSoup],
])("parseReference() of %s", (_, bodies) => {
  test("refuses each with a reason, or takes it so that it can be merged and read again", () => {
    const parse = (body: string) => {
      try {
        return parseReference(body, "openmetrics");
      } catch (error) {
        expect(String(error)).toContain("Cannot parse");
        return undefined;
      }
    };
    let taken = 0;
    fc.assert(
      fc.property(bodies, (bytes) => {
        const body = bytes.toString();
        const parsed = parse(body);
        if (parsed === undefined) return;
        taken++;
        const sources = [{ body, format: "openmetrics" as const, labels: [] }];
        const merged = mergeReference(sources, { ...shorthandOptions, format: "openmetrics" });
        expect(parseReference(merged, "openmetrics").samples.length).toBe(parsed.samples.length);
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(20);
  });
});

describe.each(["openmetrics", "text"] as const)("mergeReference() of random bodies to %s", (format) => {
  const bodies = fc.array(validOpenMetricsBody, { maxLength: 3 });
  const mergeOnce = (list: readonly string[]) =>
    mergeReference(
      list.map((body) => ({ body, format: "openmetrics", labels: [{ name: "podname", value: "p" }] })),
      { ...shorthandOptions, format },
    );

  test("is a valid exposition", () => {
    fc.assert(
      fc.property(bodies, (list) => {
        expect(findStructureProblem(mergeOnce(list), format)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  test("is the same when merged again", () => {
    fc.assert(
      fc.property(bodies, (list) => {
        // Without samples `x_total_total` is taken for a counter of text, and `x_total` then again.
        fc.pre(!list.some((body) => /^# TYPE "?x_total_total"? counter$/m.test(body)));
        const once = mergeOnce(list);
        const source = { body: once, format, labels: [] };
        expect(mergeReference([source], { ...shorthandOptions, format, reservedLabels: [] })).toBe(once);
      }),
      { numRuns: 300 },
    );
  });
});
