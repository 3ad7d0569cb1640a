import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { ConnectionSlots, type SlotLane, type SlotUser } from "./connection-slots.ts";

const forEver = 60_000;

/** A user that writes down what happens to it, and leaves when its slot is taken. */
function join(lane: SlotLane, name: string, log: string[]): SlotUser {
  const user: SlotUser = {
    granted: () => log.push(name),
    lost: () => {
      log.push(`-${name}`);
      lane.leave(user);
    },
  };
  lane.join(user);
  return user;
}

function createSlots(maxConnections: number): { slots: ConnectionSlots; hits: string[] } {
  const hits: string[] = [];
  return {
    slots: new ConnectionSlots({ maxConnections, metrics: { limitHit: (limit) => hits.push(limit) } }),
    hits,
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** Lets everything happen that needs turns of the event loop, but no time to speak of. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await pass(1);
}

describe("ConnectionSlots", () => {
  test("grants up to the common limit, and no slot twice", async () => {
    const { slots, hits } = createSlots(3);
    const log: string[] = [];
    const lane = slots.openLane({ limit: 10, patienceMs: forEver });
    const users = ["a", "b", "c", "d", "e"].map((name) => join(lane, name, log));
    await settle();
    expect(log).toEqual(["a", "b", "c"]);
    lane.leave(users[1]!);
    lane.leave(users[1]!);
    await settle();
    expect(log).toEqual(["a", "b", "c", "d"]);
    expect(slots.held).toBe(3);
    expect(hits).toEqual(["max_connections"]);
  });

  test("grants up to the limit of each scrape", async () => {
    const { slots, hits } = createSlots(100);
    const log: string[] = [];
    const first = slots.openLane({ limit: 2, patienceMs: forEver });
    const second = slots.openLane({ limit: 2, patienceMs: forEver });
    for (const name of ["a", "b", "c"]) join(first, name, log);
    join(second, "x", log);
    await settle();
    expect(log.sort()).toEqual(["a", "b", "x"]);
    expect(hits).toEqual(["max_connections_per_scrape"]);
  });

  test("lets scrapes take turns", async () => {
    const { slots } = createSlots(1);
    const log: string[] = [];
    const users = new Map<string, () => void>();
    for (const name of ["a", "b"]) {
      const lane = slots.openLane({ limit: 10, patienceMs: forEver });
      for (const n of [1, 2, 3]) {
        const user = join(lane, name + n, log);
        users.set(name + n, () => lane.leave(user));
      }
    }
    for (let i = 0; i < 6; i++) {
      await settle();
      users.get(log.at(-1)!)!();
    }
    expect(log).toEqual(["a1", "b1", "a2", "b2", "a3", "b3"]);
  });

  test("gives no slot to one that has left the line", async () => {
    const { slots } = createSlots(1);
    const log: string[] = [];
    const lane = slots.openLane({ limit: 10, patienceMs: forEver });
    const holder = join(lane, "a", log);
    const gone = join(lane, "b", log);
    join(lane, "c", log);
    lane.leave(gone);
    await settle();
    expect(log).toEqual(["a"]);
    expect(slots.held).toBe(1);
    lane.leave(holder);
    await settle();
    expect(log).toEqual(["a", "c"]);
  });

  test("forgets a scrape when its last user has left", async () => {
    const { slots } = createSlots(1);
    const lanes = [1, 2].map(() => slots.openLane({ limit: 1, patienceMs: forEver }));
    const users = lanes.map((lane) => join(lane, "x", []));
    await settle();
    expect(slots.lanes).toBe(2);
    lanes[0]!.leave(users[0]!);
    await settle();
    expect(slots.lanes).toBe(1);
    lanes[1]!.leave(users[1]!);
    expect(slots.lanes).toBe(0);
  });

  test("never calls back from inside a call", () => {
    const { slots } = createSlots(1);
    const log: string[] = [];
    const lane = slots.openLane({ limit: 10, patienceMs: forEver });
    const user = join(lane, "a", log);
    join(lane, "b", log);
    lane.leave(user);
    expect(log).toEqual([]);
  });

  test("grants many in more than one turn of the event loop", async () => {
    const { slots } = createSlots(1000);
    const log: string[] = [];
    const lane = slots.openLane({ limit: 1000, patienceMs: forEver });
    for (let i = 0; i < 300; i++) join(lane, String(i), log);
    await Promise.resolve();
    await Promise.resolve();
    expect(log.length).toBe(64);
    await settle();
    expect(log.length).toBe(300);
  });
});

describe("ConnectionSlots, when a slot is held for long", () => {
  test("takes it, oldest first, for those that wait within the same scrape", async () => {
    const { slots } = createSlots(100);
    const log: string[] = [];
    const lane = slots.openLane({ limit: 2, patienceMs: 50 });
    for (const name of ["a", "b", "c"]) join(lane, name, log);
    await pass(49);
    expect(log).toEqual(["a", "b"]);
    await pass(2);
    expect(log).toEqual(["a", "b", "-a", "c"]);
  });

  test("takes it from nobody before the time", async () => {
    const { slots } = createSlots(2);
    const log: string[] = [];
    const lane = slots.openLane({ limit: 9, patienceMs: 30 });
    join(lane, "a", log);
    await pass(20);
    for (const name of ["b", "c", "d"]) join(lane, name, log);
    await pass(11);
    expect(log).toEqual(["a", "b", "-a", "c"]);
    await pass(20);
    expect(log).toEqual(["a", "b", "-a", "c", "-b", "d"]);
  });

  test("takes one from each of several holders when several scrapes wait", async () => {
    const { slots } = createSlots(2);
    const log: string[] = [];
    const holders = slots.openLane({ limit: 2, patienceMs: 30 });
    for (const name of ["a", "b"]) join(holders, name, log);
    await pass(10);
    for (const name of ["x", "y"]) join(slots.openLane({ limit: 1, patienceMs: forEver }), name, log);
    await pass(20);
    expect(log).toEqual(["a", "b", "-a", "-b", "x", "y"]);
  });

  test("takes as many as wait, and no more", async () => {
    const { slots } = createSlots(3);
    const log: string[] = [];
    const holders = slots.openLane({ limit: 3, patienceMs: 30 });
    for (const name of ["a", "b", "c"]) join(holders, name, log);
    await pass(60);
    // Nobody waits: nobody loses.
    expect(log).toEqual(["a", "b", "c"]);
    const other = slots.openLane({ limit: 1, patienceMs: forEver });
    join(other, "x", log);
    await pass(60);
    expect(log).toEqual(["a", "b", "c", "-a", "x"]);
    expect(slots.held).toBe(3);
  });

  test("leaves other scrapes alone when a scrape is at its own limit", async () => {
    const { slots } = createSlots(100);
    const log: string[] = [];
    join(slots.openLane({ limit: 1, patienceMs: 1 }), "innocent", log);
    const lane = slots.openLane({ limit: 1, patienceMs: 20 });
    for (const name of ["a", "b"]) join(lane, name, log);
    await pass(50);
    expect(log).toEqual(["innocent", "a", "-a", "b"]);
  });

  test("takes nothing while slots are only about to be granted", async () => {
    const { slots, hits } = createSlots(1000);
    const log: string[] = [];
    join(slots.openLane({ limit: 1, patienceMs: 1 }), "innocent", log);
    await pass(10);
    const lane = slots.openLane({ limit: 1000, patienceMs: 1 });
    for (let i = 0; i < 300; i++) join(lane, "x", log);
    await pass(50);
    expect(log.length).toBe(301);
    expect(log).not.toContain("-innocent");
    expect(hits).toEqual([]);
  });
});
