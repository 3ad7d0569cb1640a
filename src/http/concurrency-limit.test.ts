import { expect, test } from "vitest";

import { ConcurrencyLimit } from "./concurrency-limit.ts";

test("ConcurrencyLimit.tryEnter() refuses beyond the limit and admits again after leave()", () => {
  const limit = new ConcurrencyLimit(2);
  expect([limit.tryEnter(), limit.tryEnter(), limit.tryEnter()]).toEqual([true, true, false]);
  expect(limit.active).toBe(2);
  limit.leave();
  expect(limit.tryEnter()).toBe(true);
});

test("ConcurrencyLimit.leave() without an entry throws", () => {
  expect(() => new ConcurrencyLimit(1).leave()).toThrow(
    "Cannot leave the concurrency limit: nobody is inside",
  );
});
