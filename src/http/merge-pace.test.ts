import { expect, test } from "vitest";
import { MergePace } from "./merge-pace.ts";

const megabyte = 1_000_000;

test("MergePace keeps time in proportion to the bytes, at most half of what there is", () => {
  const pace = new MergePace();
  expect(pace.reserveMs(0, 10_000)).toBe(0);
  expect(pace.reserveMs(100 * megabyte, 10_000)).toBe(1000);
  expect(pace.reserveMs(10_000 * megabyte, 10_000)).toBe(5000);
});

test("MergePace learns from large answers", () => {
  const pace = new MergePace();
  for (let time = 0; time < 30; time++) pace.record(400 * megabyte, 1000);
  expect(pace.reserveMs(400 * megabyte, 10_000)).toBeCloseTo(1000, -1);
});

test("MergePace does not learn from small answers, nor more from slow readers than its floor", () => {
  const pace = new MergePace();
  for (let time = 0; time < 30; time++) pace.record(1000, 1000);
  expect(pace.reserveMs(100 * megabyte, 10_000)).toBe(1000);
  for (let time = 0; time < 60; time++) pace.record(10 * megabyte, 60_000);
  expect(pace.reserveMs(25 * megabyte, 10_000)).toBeCloseTo(1000, -1);
});
