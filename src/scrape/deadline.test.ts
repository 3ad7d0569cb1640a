import { describe, expect, test } from "vitest";

import { createDeadline, Deadline } from "./deadline.ts";

const options = { scrapeTimeoutMs: 10_000, scrapeTimeoutOffsetMs: 500, maxScrapeTimeoutMs: 120_000 };

describe("createDeadline()", () => {
  const check = (header: string | undefined, totalMs: number, capped = false) => {
    test(`${JSON.stringify(header)} gives ${totalMs} ms`, () => {
      const deadline = createDeadline(header, options);
      expect(deadline.totalMs).toBeCloseTo(totalMs, 6);
      expect(deadline.capped).toBe(capped);
    });
  };

  // Prometheus' own spellings.
  check("10", 9500);
  check("9.500000", 9000);
  check("60", 59_500);
  // A short timeout keeps half of itself.
  check("1", 500);
  check("0.8", 400);
  check("0.001", 0.5);
  // The cap holds for what is left after the offset.
  check("120.5", 120_000);
  check("121", 120_000, true);
  check("999999999", 120_000, true);
  // Everything else is no timeout.
  for (const header of [
    undefined,
    "",
    " 10",
    "10 ",
    "+10",
    "-1",
    "0",
    "0.0",
    "1e3",
    "0x10",
    "Infinity",
    "NaN",
    "10s",
  ]) {
    check(header, 10_000);
  }
  for (const header of ["10, 10", "10,5", ".5", "5.", "1_000", "9999999999", "١٠"]) check(header, 10_000);

  test("caps SCRAPE_TIMEOUT as well", () => {
    expect(createDeadline(undefined, { ...options, maxScrapeTimeoutMs: 5000 }).totalMs).toBe(5000);
  });
});

describe("Deadline", () => {
  test("counts down to zero and no further", () => {
    let nowMs = 1000;
    const deadline = new Deadline(250, { now: () => nowMs });
    expect(deadline.remainingMs()).toBe(250);
    expect(deadline.remainingSecondsText()).toBe("0.250");
    nowMs = 1249.5;
    expect(deadline.remainingMs()).toBe(0.5);
    nowMs = 9000;
    expect(deadline.remainingMs()).toBe(0);
    expect(deadline.remainingSecondsText()).toBe("0.000");
  });

  test("is not moved by the wall clock", () => {
    const deadline = new Deadline(60_000);
    const realNow = Date.now;
    Date.now = () => realNow() + 3_600_000;
    try {
      expect(deadline.remainingMs()).toBeGreaterThan(50_000);
    } finally {
      Date.now = realNow;
    }
  });
});
