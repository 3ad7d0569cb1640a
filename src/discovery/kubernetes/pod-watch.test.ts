// The watch of pods against a scripted API server over real connections: every fault ends in the server's own state.
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  forbidden,
  htmlAnswer,
  jsonAnswer,
  redirectTo,
  statusAnswer,
  tooLargeResourceVersion,
  tooManyRequests,
} from "../../../test/support/kubernetes/api-status.ts";
import { startCanary } from "../../../test/support/kubernetes/canary.ts";
import { FakeKubernetesApi } from "../../../test/support/kubernetes/fake-api.ts";
import { smallPod } from "../../../test/support/kubernetes/pod-objects.ts";
import { createPodsOfApi, type PodsOfApiOptions } from "../../../test/support/kubernetes/pods-of-api.ts";
import { until } from "../../../test/support/scrape/until.ts";
import { PodStore } from "../pod-store.ts";
import { readPod } from "../pod.ts";
import { ApiError } from "./api-error.ts";
import { clusterScope } from "./pod-scope.ts";
import { PodWatch } from "./pod-watch.ts";

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

const add = (name: string, namespace = "a") => api.createPod(smallPod({ namespace, name, ip: "10.0.0.1" }));

async function start(o: Partial<PodsOfApiOptions> = {}) {
  const pods = createPodsOfApi({ url: api.url, ...o });
  stops.push(() => pods.source.stop());
  await pods.source.start();
  const names = () => pods.store.inNamespace("a").map(({ name }) => name);
  return {
    ...pods,
    names,
    /** Waits until the store has what the server has. */
    same: () =>
      until(
        () => JSON.stringify(uidsOf(pods.store.inNamespace("a"))) === JSON.stringify(uidsOf(podsOf("a"))),
      ),
  };
}

const uidsOf = (list: readonly { uid: string }[]) => list.map(({ uid }) => uid).sort();
const podsOf = (namespace: string) =>
  api
    .pods()
    .filter(({ metadata }) => metadata.namespace === namespace)
    .map(({ metadata }) => metadata);

/** Started, listed, and a watch is open. */
async function watching(o: Partial<PodsOfApiOptions> = {}) {
  add("one");
  const pods = await start(o);
  await until(() => pods.source.status.ageMs === 0);
  return pods;
}

describe("in ordinary operation", () => {
  test("lists page by page, then watches from there, and asks nothing per scrape", async () => {
    for (let i = 0; i < 1200; i++) add(`pod-${i}`);
    const { scrape, counts } = await start();
    expect(await scrape("a")).toHaveLength(1200);
    await until(() => api.watches.size === 1);
    for (let i = 0; i < 5; i++) await scrape("a");
    expect(counts.lists).toBe(3);
    expect(api.requests.map(({ verb }) => verb)).toEqual(["list", "list", "list", "watch"]);
    expect(api.requests.map(({ query }) => query.get("limit"))).toEqual(["500", "500", "500", null]);
    const watch = api.requests.at(-1)!.query;
    expect(watch.get("resourceVersion")).toBe(String(api.revision));
    expect(watch.get("allowWatchBookmarks")).toBe("true");
    expect(Number(watch.get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
    expect(Number(watch.get("timeoutSeconds"))).toBeLessThanOrEqual(600);
  });

  test("shows pods that come, change and go", async () => {
    const { store, names } = await watching();
    add("two");
    await until(() => names().length === 2);
    api.updatePod({ ...api.pod("a", "two")!, status: { phase: "Running", podIP: "10.0.0.9" } });
    await until(() => store.byIp("10.0.0.9").length === 1);
    api.deletePod("a", "one");
    await until(() => names().length === 1);
    expect(names()).toEqual(["two"]);
  });

  test("goes on where a watch ended, without a list: after clean ends, cuts and half events", async () => {
    const { same, counts } = await watching();
    for (const end of [
      () => api.watches.close(),
      () => api.watches.cut(),
      () => api.watches.cut({ midLine: true }),
      () => api.watches.destroy(),
    ]) {
      await Promise.resolve(end());
      add(`while-away-${api.revision}`);
      await same();
      await until(() => api.watches.size === 1);
    }
    expect(counts.lists).toBe(1);
    expect(counts.restarts).toEqual(["closed", "unreachable", "unreachable", "unreachable"]);
  });

  test("a bookmark moves it on: what was compacted before it is not missed", async () => {
    const { counts, same } = await watching();
    api.advance(50);
    api.bookmark();

    add("two");
    await same();
    api.advance(1000);
    api.bookmark();
    // On the same connection and behind it: once this is there, the bookmark has been read.
    add("three");
    await same();
    api.compact();
    api.watches.close();
    add("four");
    await same();
    expect(counts.lists).toBe(1);
  });

  test("a watch that the server closes at once is not opened again before a second is over", async () => {
    const pods = await watching({ timing: { shortestWatchMs: 1000 } });
    const before = api.count("watch");
    api.watches.close();
    await until(() => pods.counts.restarts.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(api.count("watch")).toBe(before);
    await until(() => api.count("watch") === before + 1, 3000);
  });
});

describe("needs a new list, and makes one", () => {
  const cases: Record<string, (o: Awaited<ReturnType<typeof watching>>) => Promise<void> | void> = {
    "when history is gone (410 as an event)": () => {
      api.watches.close();
      add("missed");
      api.compact();
    },
    "when history is gone (410 as a status)": () => {
      api.expiredWatch = "status";
      api.watches.close();
      add("missed");
      api.compact();
    },
    "when an ERROR event says so": () =>
      api.watches.sendError({ code: 410, reason: "Expired", message: "too old resource version" }),
    "when the server is behind": () => {
      api.fail(tooLargeResourceVersion(200, 100), { verb: "watch", times: 1 });
      api.watches.close();
    },
    "when a line is no JSON": () => api.watches.send("{\n"),
    "when an event has an unknown type": () => api.watches.sendEvent("RENAMED", api.pods()[0]),
    "when an object is no pod": () =>
      api.watches.sendEvent("ADDED", { metadata: { resourceVersion: "999" } }),
    "when an event is older than what is known": () => {
      add("two");
      api.deletePod("a", "one");
      api.watches.replay(api.lastEvents(3).slice(0, 1));
    },
    "when the server refuses the watch for its own sake": () => {
      api.fail(statusAnswer({ code: 400, reason: "BadRequest", message: "invalid" }), {
        verb: "watch",
        times: 1,
      });
      api.watches.close();
    },
  };
  for (const [name, disturb] of Object.entries(cases)) {
    test(name, async () => {
      const pods = await watching();
      const before = pods.counts.lists;
      await disturb(pods);
      await until(() => pods.counts.lists === before + 1);
      await pods.same();
      add("later");
      await pods.same();
      expect(pods.counts.lists).toBe(before + 1);
    });
  }

  test("a server that was restored from a backup is silent about it: it is listed after ten silent watches", async () => {
    const pods = await watching({ timing: { idleMs: 50 } });
    const backup = api.revision;
    for (let i = 0; i < 50; i++) add(`later-${i}`);
    await pods.same();
    api.restore(backup);
    add("after");
    await pods.same();
    expect(pods.names()).toEqual(["after", "one"]);
    expect(pods.counts.restarts.filter((reason) => reason === "idle")).toHaveLength(10);
    expect(pods.counts.lists).toBe(2);
  });

  test("a list that is needed does not wait for as long as an outage before it made attempts wait", async () => {
    const { counts, same } = await watching({
      timing: { backoff: { next: () => 300 }, relistBackoff: { next: () => 1 } },
    });
    await api.stop();
    await until(() => counts.restarts.length >= 2);
    add("missed");
    api.compact();
    await api.start();
    await until(() => counts.restarts.includes("expired"));
    await until(() => counts.lists === 2, 200);
    await same();
  });

  test("a line that does not end is cut off, and counted", async () => {
    const { counts } = await watching();
    api.watches.sendEndlessLine();
    await until(() => counts.lists === 2, 10_000);
    expect([counts.restarts, counts.limits]).toEqual([["malformed"], ["api_event_size"]]);
  });

  test("a list whose pages expire begins again, so that it is of one moment", async () => {
    for (let i = 0; i < 1200; i++) add(`pod-${i}`);
    const page = api.inject({ kind: "delay", delayMs: 50 }, { verb: "list" });
    const { scrape } = await start();
    await until(() => page.hits === 2);
    api.expireContinueTokens();
    api.deletePod("a", "pod-0");
    add("new");
    const names = await scrape("a");
    expect([names.length, names.includes("new"), names.includes("pod-0")]).toEqual([1200, true, false]);
  });
});

describe("waits and keeps what it knows", () => {
  const answers = {
    "500": statusAnswer({ code: 500, reason: "InternalError", message: "no" }),
    "429": tooManyRequests(0),
    "403": forbidden({ user: "u", verb: "list", namespace: "" }),
    HTML: htmlAnswer(200),
    null: { status: 200, headers: { "content-type": "application/json" }, body: "null" },
    "items: [null]": jsonAnswer({ kind: "PodList", metadata: { resourceVersion: "5" }, items: [null] }),
    "no list": jsonAnswer({ kind: "Status", metadata: {} }),
  };
  for (const [name, answer] of Object.entries(answers)) {
    test(`when a list is answered with ${name}`, async () => {
      const { names, counts, scrape, same } = await watching();
      const fault = api.fail(answer, { verb: "list" });
      add("missed");
      api.compact();
      api.watches.sendError({ code: 410, reason: "Expired", message: "old" });
      await until(() => fault.hits >= 3);
      // Nobody saw a moment without pods.
      expect((await scrape("a")).includes("one")).toBe(true);
      expect(names().includes("one")).toBe(true);
      fault.remove();
      await same();
      expect(counts.limits).toEqual([]);
    });
  }

  test("when a list breaks off, or never ends", async () => {
    const { scrape, same, counts } = await watching();
    const endless = api.inject(
      { kind: "endless", head: '{"kind":"PodList","items":[', unit: `"${"x".repeat(1_000_000)}",` },
      { verb: "list", times: 1 },
    );
    const truncated = api.inject({ kind: "truncate", ratio: 0.5, end: "cut" }, { verb: "list", times: 1 });
    const short = api.inject({ kind: "truncate", ratio: 0.5, end: "clean" }, { verb: "list", times: 1 });
    api.watches.sendError({ code: 410, reason: "Expired", message: "old" });
    await until(() => endless.hits + truncated.hits + short.hits === 3, 20_000);
    expect(await scrape("a")).toEqual(["one"]);
    add("two");
    await same();
    expect(counts.limits).toEqual(["api_response_size"]);
  }, 30_000);

  test("as long as the server asks for", async () => {
    const delays: number[] = [];
    const pods = await watching({ timing: { backoff: { next: () => (delays.push(1), 10) } } });
    const fault = api.fail(tooManyRequests(1), { verb: "watch" });
    const beganMs = performance.now();
    api.watches.close();
    await until(() => fault.hits === 2, 5000);
    expect(performance.now() - beganMs).toBeGreaterThan(990);
    fault.remove();
    await until(() => api.watches.size === 1, 5000);
    expect(pods.counts.lists).toBe(1);
    expect(delays).toHaveLength(2);
  });

  test("when the server is killed and comes back: no list, and its age is told meanwhile", async () => {
    const { source, scrape, same, counts } = await watching();
    expect(source.status.ageMs).toBe(0);
    await api.stop();
    await until(() => (source.status.ageMs ?? 0) > 50);
    expect(await scrape("a")).toEqual(["one"]);
    add("while-down");
    await api.start();
    await same();
    await until(() => source.status.ageMs === 0);
    expect(counts.lists).toBe(1);
  });

  test("when the server falls silent: it notices, and connects anew from where it was", async () => {
    const { source, same, counts } = await watching({ timing: { idleMs: 200 } });
    api.freeze();
    add("frozen");
    await until(() => counts.restarts.includes("idle"), 3000);
    expect(source.status.ageMs).toBeGreaterThan(190);
    api.thaw();
    await same();
    expect(counts.lists).toBe(1);
  });

  test("bytes keep the watchdog quiet", async () => {
    const { counts } = await watching({ timing: { idleMs: 300 } });
    for (let i = 0; i < 8; i++) {
      api.bookmark();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(counts.restarts).toEqual([]);
  });

  test("but not for longer than MAX_POD_LIST_AGE", async () => {
    const { scrape, source } = await watching({ maxAgeMs: 150 });
    await api.stop();
    await until(() => (source.status.ageMs ?? 0) > 150);
    await expect(scrape("a")).rejects.toThrow(
      /^Cannot scrape: the pods were last known \d+ s ago, longer than MAX_POD_LIST_AGE: the API server cannot be reached$/,
    );
    await api.start();
    await until(() => source.status.ageMs === 0);
    expect(await scrape("a")).toEqual(["one"]);
  });

  test("a list that gets only half way confirms nothing: the age goes on", async () => {
    let pages = 0;
    const firstPage = { kind: "PodList", metadata: { resourceVersion: "1", continue: "next" }, items: [] };
    const client = {
      getJson: ({ query }: { query: Readonly<Record<string, string>> }) => {
        if (++pages === 1) return Promise.resolve({ ...firstPage, metadata: { resourceVersion: "1" } });
        if (query["continue"] === undefined) return Promise.resolve(firstPage);
        return Promise.reject(new ApiError("unreachable", "the answer of the API server broke off"));
      },
      openStream: () => Promise.reject(new ApiError("expired", "too old")),
    };
    const watch = new PodWatch({
      readPod,
      scope: clusterScope,
      client,
      store: new PodStore(),
      metrics: { listRequested: () => undefined, limitHit: () => undefined, watchRestarted: () => undefined },
      report: { failed: () => undefined, recovered: () => undefined, watchForbidden: () => undefined },
      maxAgeMs: 60_000,
      timing: { backoff: { next: () => 5 }, relistBackoff: { next: () => 5 } },
    });
    stops.push(() => watch.stop());
    watch.start();
    await until(() => pages >= 3);
    const ageMs = watch.ageMs!;
    await until(() => pages >= 9);
    expect(watch.ageMs).toBeGreaterThan(ageMs + 10);
  });

  test("watches that are opened and say nothing confirm nothing: the age goes on, and in the end the pods are listed", async () => {
    const { source, counts, same } = await watching({ timing: { shortestWatchMs: 20 } });
    const empty = api.fail({ status: 200, headers: {}, body: "" }, { verb: "watch" });
    add("unseen");
    api.watches.close();
    await until(() => empty.hits >= 5);
    expect(source.status.ageMs).toBeGreaterThan(60);
    await until(() => counts.lists === 2, 5000);
    await same();
  });

  test("connections that are cut every now and then do not make attempts wait ever longer", async () => {
    let waits = 0;
    const { counts, same } = await watching({
      timing: { shortestWatchMs: 20, backoff: { next: () => (waits++, 60_000) } },
    });
    for (let i = 1; i <= 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 40));
      api.watches.destroy();
      await until(() => counts.restarts.length === i);
      await until(() => api.watches.size === 1);
    }
    add("two");
    await same();
    expect([waits, counts.lists]).toEqual([0, 1]);
  });

  test("follows no redirect", async () => {
    await using canary = await startCanary();
    const redirect = api.fail(redirectTo(canary.url));
    const { scrape } = await start();
    await until(() => redirect.hits >= 2);
    await expect(scrape("a")).rejects.toThrow("the API server refuses to list them");
    expect(canary.authorizations).toEqual([]);
  });
});

describe("where the account may list, but not watch", () => {
  const deny = () => api.deny({ verb: "watch", status: 403 });
  const forbiddenBackoff = { next: () => 5 };

  test("lists for the scrapes of the next seconds together, and says so once", async () => {
    add("one");
    deny();
    const { scrape, counts, log, source } = await start({ timing: { listedAgeMs: 200, forbiddenBackoff } });
    expect(await scrape("a")).toEqual(["one"]);
    await until(() => log.length === 1);
    await Promise.all(Array.from({ length: 10 }, () => scrape("a")));
    expect(counts.lists).toBe(1);
    add("two");
    await until(() => (source.status.ageMs ?? 0) > 200);
    expect(await Promise.all(Array.from({ length: 10 }, () => scrape("a")))).toEqual(
      Array.from({ length: 10 }, () => ["one", "two"]),
    );
    expect(counts.lists).toBe(2);
    expect(log.map(({ text }) => text)).toEqual([expect.stringMatching(/may list pods, but not watch/)]);
  });

  test("serves what it knows while lists fail, and asks at most once in that time", async () => {
    add("one");
    deny();
    const { scrape, counts, log } = await start({ timing: { listedAgeMs: 200, forbiddenBackoff } });
    await scrape("a");
    await until(() => log.length === 1);
    const fault = api.fail(statusAnswer({ code: 500, reason: "InternalError", message: "no" }), {
      verb: "list",
    });
    await new Promise((resolve) => setTimeout(resolve, 250));
    const slow = api.inject({ kind: "delay", delayMs: 50 }, { verb: "list" });
    const together = await Promise.all(Array.from({ length: 5 }, () => scrape("a")));
    expect(together).toEqual(Array.from({ length: 5 }, () => ["one"]));
    for (let i = 0; i < 5; i++) expect(await scrape("a")).toEqual(["one"]);
    expect([counts.lists, fault.hits]).toEqual([2, 1]);
    slow.remove();
    fault.remove();
  });

  test("one list at a time serves scrapes and a watch that needs one", async () => {
    add("one");
    const denial = deny();
    const { scrape, counts, same } = await start({
      timing: { listedAgeMs: 0, forbiddenBackoff: { next: () => 100 } },
    });
    await scrape("a");
    await until(() => counts.restarts.length > 0);
    api.inject({ kind: "delay", delayMs: 400 }, { verb: "list" });
    const listing = scrape("a");
    denial.remove();
    api.advance();
    api.compact();
    await until(() => counts.restarts.includes("expired"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(counts.lists).toBe(2);
    await listing;
    add("two");
    await same();
    expect(counts.lists).toBe(2);
  });

  test("a list that a watch overtook does not undo what the watch told", async () => {
    for (let i = 0; i < 600; i++) add(`pod-${i}`);
    const denial = deny();
    const { scrape, counts, names, source } = await start({ timing: { listedAgeMs: 0, forbiddenBackoff } });
    await scrape("a");
    await until(() => counts.restarts.length > 0);
    const second = api.inject({ kind: "delay", delayMs: 300 }, { verb: "list" });
    const listing = scrape("a");
    // The first page was the state before; the second waits.
    await until(() => second.hits === 2);
    denial.remove();
    await until(() => source.status.ageMs === 0);
    api.deletePod("a", "pod-0");
    add("new");
    await until(() => names().includes("new"));
    await listing;
    await until(() => counts.lists === 4);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect([names().length, names().includes("pod-0"), names().includes("new")]).toEqual([600, false, true]);
  });

  test("a list that is older than what a watch has told since is thrown away, also when that watch has ended", async () => {
    for (let i = 0; i < 600; i++) add(`pod-${i}`);
    const denial = deny();
    const { scrape, counts, names } = await start({ timing: { listedAgeMs: 0, forbiddenBackoff } });
    await scrape("a");
    await until(() => counts.restarts.length > 0);
    const second = api.inject({ kind: "delay", delayMs: 400 }, { verb: "list" });
    void scrape("a");
    await until(() => second.hits === 2);
    denial.remove();
    await until(() => api.watches.size === 1);
    api.deletePod("a", "pod-0");
    add("new");
    await until(() => names().includes("new"));
    // No watch is open when the list comes to its end, and the next one goes on from where the last one was.
    const silence = api.inject({ kind: "silence" }, { verb: "watch" });
    await api.watches.cut();
    await until(() => counts.lists === 4);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect([names().length, names().includes("pod-0"), names().includes("new")]).toEqual([600, false, true]);
    silence.remove();
  });

  test("a server that was restored from a backup is believed, though its lists are older than the last one", async () => {
    add("one");
    deny();
    const { scrape } = await start({ timing: { listedAgeMs: 0, forbiddenBackoff } });
    const backup = api.revision;
    for (let i = 0; i < 20; i++) add(`later-${i}`);
    expect(await scrape("a")).toContain("later-0");
    await until(() => api.count("watch") > 0);
    await scrape("a");
    api.restore(backup);
    add("after");
    await until(() => api.revision > backup);
    let names: string[] = [];
    for (let i = 0; i < 100 && !names.includes("after"); i++) {
      names = await scrape("a");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(names).toEqual(["after", "one"]);
  });

  test("does not ask again before the server's Retry-After is over", async () => {
    add("one");
    deny();
    const { scrape, counts } = await start({ timing: { listedAgeMs: 0, forbiddenBackoff } });
    await scrape("a");
    await until(() => counts.restarts.length > 0);
    const busy = api.fail(tooManyRequests(30), { verb: "list" });
    for (let i = 0; i < 10; i++) expect(await scrape("a")).toEqual(["one"]);
    expect(busy.hits).toBe(1);
  });

  test("a server that refuses for a moment is no news", async () => {
    const { log, counts, same } = await watching({ timing: { forbiddenBackoff } });
    const refusal = api.fail(forbidden({ user: "u", verb: "watch", namespace: "" }), {
      verb: "watch",
      times: 2,
    });
    api.watches.close();
    add("two");
    await same();
    expect([refusal.hits, counts.lists, log]).toEqual([2, 1, []]);
  });

  test("watches as soon as it may", async () => {
    add("one");
    const denial = deny();
    const { same, scrape } = await start({ timing: { forbiddenBackoff: { next: () => 50 } } });
    await scrape("a");
    denial.remove();
    await until(() => api.watches.size === 1);
    add("two");
    await same();
  });
});
