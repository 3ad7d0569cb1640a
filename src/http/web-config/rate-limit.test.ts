import { expect, test } from "vitest";

import { TokenBucket } from "./rate-limit.ts";

test("a bucket gives its burst at once, then one token each interval, and never holds more than the burst", () => {
  let nowMs = 1000;
  const bucket = new TokenBucket({ now: () => nowMs });
  const takeAll = () => {
    let taken = 0;
    while (taken < 10 && bucket.take()) taken++;
    return taken;
  };
  expect(takeAll()).toBe(10);
  bucket.use({ intervalMs: 100, burst: 3 });
  expect(takeAll()).toBe(3);
  nowMs += 99;
  expect(takeAll()).toBe(0);
  nowMs += 1;
  expect(takeAll()).toBe(1);
  nowMs += 250;
  expect(takeAll()).toBe(2);
  nowMs += 1e6;
  expect(takeAll()).toBe(3);
  // The same limit again fills nothing, another one does.
  bucket.use({ intervalMs: 100, burst: 3 });
  expect(takeAll()).toBe(0);
  bucket.use({ intervalMs: 100, burst: 4 });
  expect(takeAll()).toBe(4);
  bucket.use(undefined);
  expect(takeAll()).toBe(10);
});
