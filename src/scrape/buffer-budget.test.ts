import { setImmediate } from "node:timers/promises";

import { describe, expect, test } from "vitest";

import { BufferBudget, BufferBudgetError, type BufferLease } from "./buffer-budget.ts";
import { Deadline } from "./deadline.ts";

function createBudget(maxBytes: number): { budget: BufferBudget; hits: string[] } {
  const hits: string[] = [];
  return { budget: new BufferBudget({ maxBytes, metrics: { limitHit: (limit) => hits.push(limit) } }), hits };
}

function admit(
  budget: BufferBudget,
  expectedBytes: number,
  o: { deadlineMs?: number; signal?: AbortSignal } = {},
) {
  const { deadlineMs = 5000, signal = new AbortController().signal } = o;
  return budget.admit({ expectedBytes, deadline: new Deadline(deadlineMs), signal });
}

/** A scrape's bodies: grows them and gives up the largest, as a scrape does. */
class Bodies {
  readonly held = new Map<string, number>();
  readonly #lease: BufferLease;

  constructor(lease: BufferLease) {
    this.#lease = lease;
    lease.shed = () => {
      const [name, bytes] = [...this.held].sort((a, b) => b[1] - a[1])[0] ?? [];
      if (name === undefined) return false;
      this.held.delete(name);
      lease.change({ heldBytes: -bytes!, claimedBytes: -bytes! });
      return true;
    };
  }

  grow(name: string, bytes: number): void {
    this.held.set(name, (this.held.get(name) ?? 0) + bytes);
    this.#lease.change({ heldBytes: bytes, claimedBytes: bytes });
  }
}

describe("BufferBudget.admit()", () => {
  test("admits at once what fits, and lets the next wait for room", async () => {
    const { budget, hits } = createBudget(100);
    const first = await admit(budget, 60);
    await admit(budget, 40);
    const third = admit(budget, 50);
    expect(hits).toEqual(["max_buffered_bytes"]);
    first.release();
    await third;
    expect(hits.length).toBe(1);
  });

  test("counts what is held, also when it is less than was expected", async () => {
    const { budget } = createBudget(100);
    const first = await admit(budget, 90);
    const second = admit(budget, 50);
    // The first scrape turns out to be small.
    first.change({ heldBytes: 20, claimedBytes: -70 });
    await second;
    expect(budget.heldBytes).toBe(20);
  });

  test("admits one that is larger than everything, alone", async () => {
    const { budget } = createBudget(100);
    const huge = await admit(budget, 1000);
    const next = admit(budget, 1000);
    huge.release();
    await next;
  });

  test("keeps the order of arrival: nobody overtakes a large one", async () => {
    const { budget } = createBudget(100);
    const order: string[] = [];
    const first = await admit(budget, 80);
    const large = admit(budget, 90).then((lease) => {
      order.push("large");
      return lease;
    });
    const small = admit(budget, 10).then(() => order.push("small"));
    // There is room for the small one now.
    first.change({ heldBytes: 0, claimedBytes: -5 });
    await setImmediate();
    expect(order).toEqual([]);
    first.release();
    (await large).release();
    await small;
    expect(order).toEqual(["large", "small"]);
  });

  test("refuses at the deadline, and lets the one behind come forward", async () => {
    const { budget } = createBudget(100);
    await admit(budget, 80);
    const large = admit(budget, 90, { deadlineMs: 20 });
    const small = admit(budget, 10);
    await expect(large).rejects.toThrow(BufferBudgetError);
    await small;
  });

  test("forgets one whose client is gone", async () => {
    const { budget } = createBudget(100);
    await admit(budget, 80);
    const client = new AbortController();
    const large = admit(budget, 90, { signal: client.signal });
    const small = admit(budget, 10);
    client.abort(new Error("gone"));
    await expect(large).rejects.toThrow("gone");
    await small;
    await expect(admit(budget, 1, { signal: client.signal })).rejects.toThrow("gone");
  });

  test("takes back everything, once", async () => {
    const { budget } = createBudget(100);
    const lease = await admit(budget, 50);
    lease.change({ heldBytes: 70, claimedBytes: 20 });
    expect(budget.heldBytes).toBe(70);
    lease.release();
    lease.release();
    lease.change({ heldBytes: 5, claimedBytes: 5 });
    expect(budget.heldBytes).toBe(0);
    await admit(budget, 100);
  });
});

describe("BufferBudget, when bodies outgrow it", () => {
  test("takes from the youngest, largest first, until the rest fits", async () => {
    const { budget, hits } = createBudget(100);
    const old = new Bodies(await admit(budget, 1));
    const young = new Bodies(await admit(budget, 1));
    young.grow("small", 10);
    young.grow("large", 30);
    old.grow("a", 55);
    expect([...young.held.keys()]).toEqual(["small", "large"]);
    old.grow("b", 10);
    expect([...young.held.keys()]).toEqual(["small"]);
    old.grow("b", 30);
    expect([...young.held.keys()]).toEqual([]);
    expect([...old.held.keys()]).toEqual(["a", "b"]);
    expect(budget.heldBytes).toBe(95);
    expect(hits).toEqual(["max_buffered_bytes", "max_buffered_bytes"]);
  });

  test("takes from the one that grows when that is the youngest", async () => {
    const { budget } = createBudget(100);
    const old = new Bodies(await admit(budget, 1));
    const young = new Bodies(await admit(budget, 1));
    old.grow("a", 90);
    young.grow("b", 20);
    expect([...young.held.keys()]).toEqual([]);
    expect([...old.held.keys()]).toEqual(["a"]);
  });

  test("takes from the oldest only when it is alone", async () => {
    const { budget } = createBudget(100);
    const only = new Bodies(await admit(budget, 1));
    only.grow("a", 60);
    only.grow("b", 70);
    expect([...only.held.keys()]).toEqual(["a"]);
  });

  test("takes nothing from an answer that is being written", async () => {
    const { budget } = createBudget(100);
    const runningLease = await admit(budget, 1);
    const running = new Bodies(runningLease);
    const writtenLease = await admit(budget, 1);
    const written = new Bodies(writtenLease);
    written.grow("a", 90);
    writtenLease.shed = () => false;
    running.grow("b", 20);
    expect([...written.held.keys()]).toEqual(["a"]);
    expect([...running.held.keys()]).toEqual([]);
  });

  test("never holds more than the limit after a step, whatever happens", async () => {
    const { budget } = createBudget(1000);
    const scrapes: { lease: BufferLease; bodies: Bodies }[] = [];
    let seed = 1;
    const random = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
    for (let i = 0; i < 20; i++) {
      const lease = await admit(budget, 40);
      scrapes.push({ lease, bodies: new Bodies(lease) });
    }
    for (let i = 0; i < 5000; i++) {
      scrapes[random(20)]!.bodies.grow(String(random(5)), random(100));
      expect(budget.heldBytes).toBeLessThanOrEqual(1000);
      const held = scrapes.map(({ bodies }) =>
        [...bodies.held.values()].reduce((sum, bytes) => sum + bytes, 0),
      );
      expect(held.reduce((sum, bytes) => sum + bytes, 0)).toBe(budget.heldBytes);
    }
    for (const { lease } of scrapes) lease.release();
    expect(budget.heldBytes).toBe(0);
  });
});
