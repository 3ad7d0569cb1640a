/** The parser against the table of what Prometheus does; test/e2e/exposition.test.ts holds the table against Prometheus. */
import { describe, expect, test } from "vitest";
import { bodyOf, isMerged } from "./support/exposition-case.ts";
import { expositionCases } from "./support/exposition-cases.ts";
import { findProblem, parseExposition } from "./support/parse-exposition.ts";

describe("the table", () => {
  test("has each case once, on both sides", () => {
    expect(new Set(expositionCases.map(({ name }) => name)).size).toBe(expositionCases.length);
    expect(expositionCases.filter(isMerged).length).toBeGreaterThan(50);
    expect(expositionCases.filter((one) => !isMerged(one)).length).toBeGreaterThan(50);
  });

  test("gives a reason for each difference, and only where there is one", () => {
    for (const { accepted, ours, stored } of expositionCases) {
      if (ours !== undefined) expect(ours.accepted).not.toBe(accepted);
      for (const difference of [ours, stored]) expect(difference?.reason).not.toBe("");
    }
  });
});

describe.each(expositionCases)("BodyParser and $name", (one) => {
  const body = bodyOf(one, 1_700_000_000_000);
  const reason = one.ours === undefined ? "as Prometheus does" : one.ours.reason;

  test(`${isMerged(one) ? "takes" : "refuses"} it: ${reason}`, () => {
    expect(findProblem(body)?.message).toEqual(
      isMerged(one) ? undefined : (expect.stringMatching(/^Cannot read exposition: /) as string),
    );
  });

  test("does so for a scraper without UTF-8 names too, but for such names", () => {
    const accepted = isMerged(one) && one.utf8Names !== true;
    expect(findProblem(body, { utf8Names: false }) === undefined).toBe(accepted);
  });

  if (!isMerged(one)) return;
  test("takes it whole", () => {
    const { samples } = parseExposition(body);
    expect(parseExposition(Buffer.concat([body, Buffer.from("\nlast_one 1\n")])).samples).toBe(samples + 1);
  });
});
