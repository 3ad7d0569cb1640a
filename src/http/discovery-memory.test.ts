import { describe, expect, test } from "vitest";

import { BufferBudget, BufferBudgetError } from "../scrape/buffer-budget.ts";
import { Deadline } from "../scrape/deadline.ts";
import { DiscoveryMemory } from "./discovery-memory.ts";

function setUp({ maxBytes = 100_000, maxResponseBytes = 1e9 } = {}) {
  const hits: string[] = [];
  const metrics = { limitHit: (limit: string) => void hits.push(limit) };
  const budget = new BufferBudget({ maxBytes, metrics });
  const memory = new DiscoveryMemory({ budget, maxResponseBytes, metrics });
  const times = (ms = 10_000) => ({ deadline: new Deadline(ms), signal: new AbortController().signal });
  return { hits, budget, times, admit: (targets: number, ms?: number) => memory.admit(targets, times(ms)) };
}

describe("DiscoveryMemory", () => {
  test("counts what an answer takes until it is sent", async () => {
    const { budget, admit } = setUp();
    const lease = await admit(4);
    lease.take(30_000);
    lease.take(10_000);
    expect(budget.heldBytes).toBe(40_000);
    lease.keep();
    expect(budget.heldBytes).toBe(40_000);
    lease.release();
    expect(budget.heldBytes).toBe(0);
  });

  test("claims what is beyond the estimate, so that others wait", async () => {
    const { admit } = setUp();
    const lease = await admit(4);
    lease.take(95_000);
    await expect(admit(4, 20)).rejects.toThrow(BufferBudgetError);
    lease.release();
    (await admit(4, 20)).release();
  });

  test("learns how much a target takes", async () => {
    const { admit } = setUp();
    const first = await admit(1000);
    first.take(9_000);
    first.keep();
    first.release();
    // 9 bytes a target now, no longer 2,500.
    const leases = [await admit(1000, 20), await admit(1000, 20)];
    for (const lease of leases) lease.release();
    const one = await admit(1);
    one.take(90_000);
    one.keep();
    one.release();
    // One large target among a thousand makes no large list.
    (await admit(1000, 20)).release();
  });

  test("ends an answer that is being made when the budget is exceeded, not one that is being sent", async () => {
    const { budget, times, admit } = setUp();
    const sending = await admit(4);
    sending.take(60_000);
    sending.keep();
    const making = await admit(1);
    making.take(20_000);
    const merge = await budget.admit({ expectedBytes: 1000, ...times() });
    merge.change({ heldBytes: 30_000, claimedBytes: 30_000 });
    expect(() => making.take(1)).toThrow(BufferBudgetError);
    expect(() => making.keep()).toThrow(BufferBudgetError);
    expect(budget.heldBytes).toBe(90_000);
    making.release();
    for (const lease of [sending, merge]) lease.release();
    expect(budget.heldBytes).toBe(0);
  });

  test("ends an answer that is too much by itself", async () => {
    const { admit, budget } = setUp();
    const lease = await admit(4);
    expect(() => lease.take(100_001)).toThrow(BufferBudgetError);
    lease.release();
    expect(budget.heldBytes).toBe(0);
  });

  test("refuses an answer beyond MAX_RESPONSE_SIZE", async () => {
    const { admit, hits } = setUp({ maxResponseBytes: 10 });
    const lease = await admit(1);
    lease.take(10);
    expect(() => lease.take(1)).toThrow(
      "Cannot answer: the list of targets has more than 10 bytes (MAX_RESPONSE_SIZE)",
    );
    expect(hits).toEqual(["max_response_size"]);
  });
});
