/** The parser against the table of OpenMetrics; test/e2e/openmetrics.test.ts holds the table against Prometheus. */
import { describe, expect, test } from "vitest";
import { bodyOf, isMerged } from "./support/exposition-case.ts";
import { openMetricsCases } from "./support/openmetrics-cases.ts";
import { readSamples, repeatedSeries } from "./support/openmetrics-samples.ts";
import { findProblem, parseExposition } from "./support/parse-exposition.ts";

describe("the table of OpenMetrics", () => {
  test("has each case once, on both sides", () => {
    expect(new Set(openMetricsCases.map(({ name }) => name)).size).toBe(openMetricsCases.length);
    expect(openMetricsCases.filter(isMerged).length).toBeGreaterThan(200);
    expect(openMetricsCases.filter((one) => !isMerged(one)).length).toBeGreaterThan(200);
  });

  test("gives a reason for each difference, and only where there is one", () => {
    for (const { accepted, ours, stored, storedAsText, exemplars, strict } of openMetricsCases) {
      if (ours !== undefined) expect(ours.accepted).not.toBe(accepted);
      for (const difference of [ours, stored, storedAsText, exemplars]) {
        expect(difference?.reason).not.toBe("");
      }
      expect(strict).not.toBe("");
    }
  });
});

describe.each(openMetricsCases)("BodyParser and $name", (one) => {
  const body = bodyOf(one, 1_700_000_000_000);
  const reason = one.ours === undefined ? "as Prometheus does" : one.ours.reason;
  const format = "openmetrics";

  test(`${isMerged(one) ? "takes" : "refuses"} it: ${reason}`, () => {
    expect(findProblem(body, { format })?.message).toEqual(
      isMerged(one) ? undefined : (expect.stringMatching(/^Cannot read exposition: /) as string),
    );
  });

  test("does so for a scraper without UTF-8 names too, but for such names", () => {
    const accepted = isMerged(one) && one.utf8Names !== true;
    expect(findProblem(body, { format, utf8Names: false }) === undefined).toBe(accepted);
  });

  if (!isMerged(one)) return;
  test("takes it whole", () => {
    expect(parseExposition(body, { format }).samples).toBe(readSamples(body.toString()).length);
  });
});

describe("readSamples()", () => {
  test("reads names and labels wherever they stand, and what follows them", () => {
    const lines = '# HELP a x {}\na 1\na{b="}\\"",c="d",} 2 3 # {e="f"} 4\n{g="h","i j"} 5\n# EOF\n';
    expect(readSamples(lines)).toEqual([
      { name: "a", labels: [], rest: " 1" },
      {
        name: "a",
        labels: [
          ["b", '}\\"'],
          ["c", "d"],
        ],
        rest: ' 2 3 # {e="f"} 4',
      },
      { name: "i j", labels: [["g", "h"]], rest: " 5" },
    ]);
  });

  test("throws for what is no line", () => {
    expect(() => readSamples("a 1\n\n# EOF\n")).toThrow("Cannot read samples");
    expect(() => readSamples("# EOF\nx\n")).toThrow("Cannot read samples");
  });
});

test("repeatedSeries() finds a series whose labels stand in another order", () => {
  const samples = readSamples('a{b="1",c="2"} 1\na{c="2",b="1"} 2\na{b="1"} 3\n');
  expect(repeatedSeries(samples)).toEqual([samples[0]]);
});
