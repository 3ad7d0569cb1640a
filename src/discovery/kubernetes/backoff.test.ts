import { expect, test } from "vitest";
import { Backoff } from "./backoff.ts";

function delays(random: number, waits: readonly number[]) {
  let nowMs = 0;
  const backoff = new Backoff({ now: () => nowMs, random: () => random });
  return waits.map((workMs) => {
    nowMs += workMs;
    const delayMs = backoff.next();
    nowMs += delayMs;
    return delayMs;
  });
}

test("waits 0.8 s, twice as long after each failure, 30 s at most", () => {
  expect(delays(0, [0, 0, 0, 0, 0, 0, 0, 0])).toEqual([
    800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000,
  ]);
});

test("waits up to twice as long by chance", () => {
  expect(delays(1, [0, 0])).toEqual([1600, 3200]);
  expect(delays(0.5, [0])).toEqual([1200]);
});

test("begins anew after two minutes without a failure", () => {
  expect(delays(0, [0, 120_000, 120_001])).toEqual([800, 1600, 800]);
});

test("waits as long as it is told at most", () => {
  const backoff = new Backoff({ largestMs: 300_000, now: () => 0, random: () => 0 });
  const delays = Array.from({ length: 12 }, () => backoff.next());
  expect(delays.slice(-4)).toEqual([204_800, 300_000, 300_000, 300_000]);
});
