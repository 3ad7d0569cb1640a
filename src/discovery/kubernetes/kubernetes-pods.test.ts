// Which namespaces are watched, since when and for how long.
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { forbidden, statusAnswer } from "../../../test/support/kubernetes/api-status.ts";
import { FakeKubernetesApi } from "../../../test/support/kubernetes/fake-api.ts";
import { smallPod } from "../../../test/support/kubernetes/pod-objects.ts";
import { createPodsOfApi, type PodsOfApiOptions } from "../../../test/support/kubernetes/pods-of-api.ts";
import { until } from "../../../test/support/scrape/until.ts";
import { FixedToken } from "./bearer-token.ts";

let api: FakeKubernetesApi;
const stops: (() => Promise<void>)[] = [];
beforeEach(async () => {
  api = new FakeKubernetesApi({ revision: 100 });
  await api.start();
});
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await api.stop();
});

const add = (namespace: string, name: string) =>
  api.createPod(smallPod({ namespace, name, ip: "10.0.0.1", uid: `${namespace}-${name}` }));

async function start(o: Partial<PodsOfApiOptions> = {}) {
  const clock = { ms: 0 };
  const pods = createPodsOfApi({ url: api.url, now: () => clock.ms, ...o });
  stops.push(() => pods.source.stop());
  await pods.source.start();
  const hold = (namespace: string | undefined) =>
    pods.source.hold(namespace, { timeoutMs: 5000, signal: new AbortController().signal });
  return { ...pods, clock, hold };
}

const listed = () => api.requests.filter(({ verb }) => verb === "list").map(({ namespace }) => namespace);
const watched = () => api.watches.requests.map(({ namespace }) => namespace).sort();

describe("with WATCH_NAMESPACES", () => {
  test("* is one list and one watch for the cluster", async () => {
    add("a", "one");
    add("b", "two");
    const { scrape } = await start({ namespaces: "*" });
    expect([await scrape("a"), await scrape("b"), await scrape("c")]).toEqual([["one"], ["two"], []]);
    await until(() => watched().length === 1);
    expect([listed(), watched()]).toEqual([[""], [""]]);
  });

  test("each of the list is watched from the start, and no other", async () => {
    add("c", "one");
    const { hold, scrape, store } = await start({ namespaces: ["a", "b"] });
    await until(() => watched().length === 2);
    expect(watched()).toEqual(["a", "b"]);
    await expect(hold("c")).rejects.toThrow('namespace "c" is not watched (WATCH_NAMESPACES)');
    expect([await scrape("a"), store.size]).toEqual([[], 0]);
  });

  test("is ready when all of them are listed, and says what it waits for until then", async () => {
    const fault = api.fail(forbidden({ user: "u", verb: "list", namespace: "b" }), {
      verb: "list",
      namespace: "b",
    });
    const { source, hold } = await start({ namespaces: ["a", "b"] });
    await until(() => fault.hits >= 2);
    expect(source.status.notReady).toBe(
      'the pods of namespace "b" are not known yet: the proxy\'s account may not list them',
    );
    // One namespace that fails costs the others nothing.
    (await hold("a")).release();
    await expect(hold(undefined)).rejects.toThrow('the pods of namespace "b" are not known yet');
    fault.remove();
    await until(() => source.status.notReady === undefined);
    (await hold(undefined)).release();
  });

  test("never forgets them", async () => {
    const { clock, source } = await start({ namespaces: ["a"] });
    await until(() => watched().length === 1);
    clock.ms = 24 * 3_600_000;
    source.forgetIdle();
    expect(watched()).toEqual(["a"]);
  });
});

describe("without WATCH_NAMESPACES", () => {
  const onDemand = { namespaces: [] };

  test("asks nothing before a namespace is used, and is ready", async () => {
    const { source, hold } = await start(onDemand);
    (await hold(undefined)).release();
    expect([source.status, api.requests]).toEqual([
      { notReady: undefined, ageMs: undefined, lastContactMs: undefined },
      [],
    ]);
  });

  test("scrapes that come together share the first list, and later ones need none", async () => {
    add("a", "one");
    const { scrape } = await start(onDemand);
    const together = await Promise.all(Array.from({ length: 10 }, () => scrape("a")));
    expect(together).toEqual(Array.from({ length: 10 }, () => ["one"]));
    await until(() => watched().length === 1);
    await scrape("a");
    expect(listed()).toEqual(["a"]);
  });

  test("a namespace is forgotten, pods and all, 15 minutes after its last use", async () => {
    add("a", "one");
    add("b", "two");
    const { scrape, clock, source, store } = await start(onDemand);
    await scrape("a");
    clock.ms = 10 * 60_000;
    await scrape("b");
    await until(() => watched().length === 2);
    clock.ms = 15 * 60_000 - 1;
    source.forgetIdle();
    expect(store.size).toBe(2);
    clock.ms = 15 * 60_000;
    source.forgetIdle();
    expect([store.inNamespace("a"), store.size]).toEqual([[], 1]);
    await until(() => watched().length === 1);
    expect(watched()).toEqual(["b"]);
    expect(await scrape("a")).toEqual(["one"]);
  });

  test("but not while a scrape runs", async () => {
    add("a", "one");
    const { hold, clock, source, store } = await start(onDemand);
    const lease = await hold("a");
    clock.ms = 3_600_000;
    source.forgetIdle();
    expect(store.size).toBe(1);
    lease.release();
    source.forgetIdle();
    expect(store.size).toBe(0);
  });

  test("a scrape that could not be served holds its namespace no longer", async () => {
    api.fail(statusAnswer({ code: 500, reason: "InternalError", message: "no" }));
    const { hold, clock, source } = await start(onDemand);
    await expect(hold("a")).rejects.toThrow("are not known yet");
    clock.ms = 3_600_000;
    source.forgetIdle();
    const asked = api.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(api.requests.length).toBeLessThanOrEqual(asked + 1);
  });

  test("the 101st drives out one without pods, else the least recently used", async () => {
    for (let i = 0; i < 100; i++) if (i !== 50) add(`ns-${i}`, "one");
    const { scrape, store, counts } = await start(onDemand);
    for (let i = 0; i < 100; i++) await scrape(`ns-${i}`);
    expect([store.size, counts.limits]).toEqual([99, []]);
    add("x", "one");
    await scrape("x");
    // ns-50, which has no pods, went.
    expect([store.size, store.inNamespace("ns-0").length]).toEqual([100, 1]);
    await scrape("ns-0");
    add("y", "one");
    await scrape("y");
    expect([store.size, store.inNamespace("ns-0").length, store.inNamespace("ns-1").length]).toEqual([
      100, 1, 0,
    ]);
    expect(counts.limits).toEqual(["watched_namespaces", "watched_namespaces"]);
    await until(() => api.watches.size === 100);
  });

  test("one whose first list is on its way is not taken for one without pods", async () => {
    for (let i = 0; i < 99; i++) add(`ns-${i}`, "one");
    const { scrape, store, source } = await start(onDemand);
    for (let i = 0; i < 99; i++) await scrape(`ns-${i}`);
    const slow = api.inject({ kind: "delay", delayMs: 300 }, { verb: "list", namespace: "slow" });
    add("slow", "one");
    const gone = new AbortController();
    const waiting = source.hold("slow", { timeoutMs: 5000, signal: gone.signal });
    await until(() => slow.hits === 1);
    gone.abort(new Error("the caller left"));
    await expect(waiting).rejects.toThrow("the caller left");
    await scrape("x");
    await until(() => store.inNamespace("slow").length === 1);
    expect(store.inNamespace("ns-0")).toEqual([]);
  });

  test("when all 100 are being scraped, the 101st is refused", async () => {
    const { hold } = await start(onDemand);
    const leases = await Promise.all(Array.from({ length: 100 }, (_, i) => hold(`ns-${i}`)));
    await expect(hold("x")).rejects.toThrow("100 other namespaces are being scraped");
    leases[7]!.release();
    (await hold("x")).release();
  });

  test("of namespaces that are asked for the first time, 200 a minute are taken", async () => {
    const { hold, clock, counts } = await start(onDemand);
    for (let i = 0; i < 200; i++) (await hold(`ns-${i}`)).release();
    await expect(hold("x")).rejects.toThrow(
      "200 namespaces have been asked for the first time within a minute",
    );
    (await hold("ns-199")).release();
    expect(counts.limits.length).toBeGreaterThan(100);
    clock.ms = 60_000;
    (await hold("x")).release();
  });

  test("many namespaces at once are listed a few at a time", async () => {
    let most = 0;
    const delayed = api.inject({ kind: "delay", delayMs: 20 }, { verb: "list" });
    const { scrape } = await start(onDemand);
    const all = Promise.all(Array.from({ length: 40 }, (_, i) => scrape(`ns-${i}`)));
    let before = 0;
    while (before < 40) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      most = Math.max(most, delayed.hits - before);
      before = delayed.hits;
    }
    await all;
    // Two rounds can fall into one look.
    expect(most).toBeLessThanOrEqual(24);
    expect(delayed.hits).toBe(40);
  });

  test("while the next attempt waits, a scrape is refused at once and asks nothing", async () => {
    api.fail(statusAnswer({ code: 500, reason: "InternalError", message: "no" }));
    const { hold } = await start({ ...onDemand, timing: { backoff: { next: () => 10_000 } } });
    for (let i = 0; i < 3; i++) {
      await expect(hold("a")).rejects.toThrow(
        'Cannot scrape: the pods of namespace "a" are not known yet: the API server refuses to list them',
      );
    }
    expect(api.requests).toHaveLength(1);
  });

  test("a list that takes longer than the scrape may is not waited for", async () => {
    api.inject({ kind: "silence" });
    const { source } = await start(onDemand);
    const signal = new AbortController().signal;
    await expect(source.hold("a", { timeoutMs: 50, signal })).rejects.toThrow(/are not known yet$/);
  });

  test("a caller that leaves ends its own wait alone", async () => {
    const slow = api.inject({ kind: "delay", delayMs: 200 });
    add("a", "one");
    const { source, scrape, store } = await start(onDemand);
    const gone = new AbortController();
    const left = source.hold("a", { timeoutMs: 5000, signal: gone.signal });
    const stayed = scrape("a");
    await until(() => slow.hits === 1);
    gone.abort(new Error("the caller left"));
    await expect(left).rejects.toThrow("the caller left");
    // At once: the list has not come yet.
    expect(store.size).toBe(0);
    expect(await stayed).toEqual(["one"]);
  });
});

test("a server that repeats the token in its answer does not bring it into the log", async () => {
  const { log } = await start({ namespaces: ["a"] });
  await until(() => watched().length === 1);
  api.fail(statusAnswer({ code: 401, message: "denied: Bearer token, I say: token" }), { verb: "list" });
  api.watches.sendError({ code: 410, reason: "Expired", message: "old, and your token was token" });
  await until(() => log.length === 2);
  expect(JSON.stringify(log[0])).not.toContain("old");
  expect(log[1]!.fields["serverMessage"]).toBe("old, and your [redacted] was [redacted]");
});

test("nor where the log cuts what the server said", async () => {
  const long = "t0ken".repeat(300);
  const { log } = await start({ namespaces: ["a"], token: new FixedToken(long) });
  await until(() => watched().length === 1);
  api.fail(statusAnswer({ code: 500, message: "no" }), { verb: "list" });
  api.watches.sendError({
    code: 410,
    reason: "Expired",
    message: `${"x".repeat(450)} ${long} ${"y".repeat(400)}`,
  });
  await until(() => log.length === 2);
  const said = String(log[1]!.fields["serverMessage"]);
  expect([said.length, said.includes("t0ken"), said.includes("[redacted]")]).toEqual([500, false, true]);
});

test("an outage is one line at its begin and one at its end, however many namespaces it concerns", async () => {
  const { log, source } = await start({ namespaces: ["a", "b", "c"] });
  await until(() => watched().length === 3);
  const fault = api.fail(statusAnswer({ code: 500, reason: "InternalError", message: "no" }));
  api.watches.close();
  await until(() => fault.hits > 10);
  expect(log.map(({ text }) => text)).toEqual([
    "Cannot keep up with the pods: the last known ones stay in use",
    "What the API server said",
  ]);
  expect(log[0]!.fields).toMatchObject({
    problem: "refused",
    reason: "the API server answered 500",
  });
  fault.remove();
  await until(() => log.length === 3);
  expect(log[2]!.text).toBe("The pods are up to date again");
  expect(source.status.notReady).toBeUndefined();
});
