import { gzipSync } from "node:zlib";

import { describe, expect, onTestFinished, test } from "vitest";

import { watchLongTimers } from "../../test/support/scrape/long-timers.ts";
import { ok, type RawRequest, startRawPod, targetOf } from "../../test/support/scrape/raw-pod.ts";
import { type TextBody, TextParser } from "../../test/support/scrape/text-parser.ts";
import { until } from "../../test/support/scrape/until.ts";
import type { Target } from "../targets/target.ts";
import { BufferBudget, BufferBudgetError } from "./buffer-budget.ts";
import { ConnectionSlots } from "./connection-slots.ts";
import { Deadline } from "./deadline.ts";
import { PodConnections } from "./pod-connections.ts";
import { type PodOutcome, PodScraper } from "./scrape-pods.ts";

interface ScraperSetup {
  readonly maxConnections?: number;
  readonly perScrape?: number;
  readonly maxBufferedBytes?: number;
  readonly isCurrent?: (target: Target) => boolean;
}

function createScraper(o: ScraperSetup = {}) {
  const hits: string[] = [];
  const counted: string[] = [];
  const metrics = {
    limitHit: (limit: string) => hits.push(limit),
    podScraped: (outcome: string, bytes: number) => counted.push(`${outcome} ${bytes}`),
  };
  const connections = new PodConnections({ connectTimeoutMs: 1000 });
  onTestFinished(() => connections.close());
  const slots = new ConnectionSlots({ maxConnections: o.maxConnections ?? 1000, metrics });
  const budget = new BufferBudget({ maxBytes: o.maxBufferedBytes ?? 1e9, metrics });
  const scraper = new PodScraper({
    connections,
    slots,
    budget,
    maxBodyBytes: 10_000_000,
    maxConnectionsPerScrape: o.perScrape ?? 1000,
    userAgent: "test",
    metrics,
  });
  const scrape = (targets: readonly Target[], deadlineMs = 5000, signal = new AbortController().signal) =>
    scraper.scrape(targets, {
      deadline: new Deadline(deadlineMs),
      signal,
      protocol: { accept: "text/plain", zstd: false, fallback: { format: "text" } },
      createBodyParser: () => new TextParser(),
      isCurrent: o.isCurrent ?? (() => true),
    });
  return { scrape, connections, slots, budget, hits, counted };
}

function wordOf(outcome: PodOutcome<TextBody>): string {
  return outcome.up ? outcome.body.text : `[${outcome.reason}]`;
}

/** Answers with the path that was asked for, `/hang` excepted. */
function echo({ socket, head }: RawRequest): void {
  const path = head.split(" ")[1]!;
  if (!path.startsWith("/hang")) socket.write(ok(path));
}

describe("PodScraper.scrape()", () => {
  test("gives every pod's body, in the order of the targets", async () => {
    await using server = await startRawPod(echo);
    const { scrape, slots, budget, counted } = createScraper();
    const paths = Array.from({ length: 150 }, (_, i) => `/${i}`);
    const scraped = await scrape(paths.map((path) => server.target(path, path)));
    expect(scraped.outcomes.map(wordOf)).toEqual(paths);
    expect(scraped.outcomes.every(({ durationSeconds }) => durationSeconds > 0)).toBe(true);
    expect(slots.held).toBe(0);
    expect(counted.length).toBe(150);
    expect(counted[0]).toBe("up 2");
    expect(budget.heldBytes).toBe(paths.join("").length);
    scraped.release();
    expect(budget.heldBytes).toBe(0);
  });

  test("drops the body of a pod that is gone when all have answered", async () => {
    let gone = false;
    await using server = await startRawPod(({ socket, head }) => {
      // The last that answers does so when the body of the one that goes has been taken for whole.
      const path = head.split(" ")[1]!;
      const answer = () => void socket.write(ok(path));
      if (path !== "/b") return answer();
      setTimeout(() => {
        gone = true;
        answer();
      }, 50);
    });
    const { scrape, budget, counted } = createScraper({ isCurrent: ({ path }) => path !== "/gone" || !gone });
    const scraped = await scrape(["/a", "/gone", "/b"].map((path) => server.target(path, path)));
    expect(scraped.outcomes.map(wordOf)).toEqual(["/a", "[gone]", "/b"]);
    expect(counted.map((text) => text.split(" ")[0])).toEqual(["up", "gone", "up"]);
    expect(budget.heldBytes).toBe("/a/b".length);
    scraped.release();
  });

  test("does not dial a pod that is gone when its turn comes", async () => {
    let gone = false;
    await using server = await startRawPod((request) => {
      gone = true;
      echo(request);
    });
    const { scrape, slots } = createScraper({
      perScrape: 1,
      isCurrent: ({ path }) => path !== "/gone" || !gone,
    });
    const { outcomes } = await scrape(["/a", "/gone", "/b"].map((path) => server.target(path, path)));
    expect(outcomes.map(wordOf)).toEqual(["/a", "[gone]", "/b"]);
    expect(server.connections).toBe(2);
    expect(slots.held).toBe(0);
  });

  test("of no targets is over at once", async () => {
    const { scrape } = createScraper();
    expect((await scrape([])).outcomes).toEqual([]);
  });

  test("keeps good pods whole among hostile ones", async () => {
    const bomb = ok(gzipSync(Buffer.alloc(50_000_000, "a")), ["Content-Encoding: gzip"]);
    await using server = await startRawPod(({ socket, head }) => {
      const path = head.split(" ")[1]!;
      const hostile: Record<string, () => void> = {
        "/hang": () => {},
        "/drip": () => {
          const timer = setInterval(() => socket.write("a"), 5);
          socket.write("HTTP/1.1 200 OK\r\nX: ");
          socket.on("close", () => clearInterval(timer));
        },
        "/slow-body": () => {
          const timer = setInterval(() => socket.write("a 1\n"), 5);
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
          socket.on("close", () => clearInterval(timer));
        },
        "/truncated": () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\na"),
        "/reset": () => socket.resetAndDestroy(),
        "/bomb": () => socket.write(bomb),
        "/bad-gzip": () => socket.write(ok("no gzip", ["Content-Encoding: gzip"])),
        "/redirect": () => socket.write("HTTP/1.1 302 F\r\nLocation: /good\r\nContent-Length: 0\r\n\r\n"),
        "/500": () => socket.write("HTTP/1.1 500 E\r\nContent-Length: 4\r\n\r\na 1\n"),
        "/not-http": () => socket.write("a 1\n"),
        "/garbage": () => socket.write(ok("garbage")),
      };
      (hostile[path] ?? (() => socket.write(ok("good"))))();
    });
    const bad = [
      "/hang",
      "/drip",
      "/slow-body",
      "/truncated",
      "/reset",
      "/bomb",
      "/bad-gzip",
      "/redirect",
      "/500",
      "/not-http",
      "/garbage",
    ];
    const { scrape, connections } = createScraper();
    const scraped = await scrape(
      bad.flatMap((path) => [server.target(path, path), server.target(`g${path}`, "/good")]),
      1500,
    );
    expect(scraped.outcomes.map(wordOf).filter((_, i) => i % 2 === 1)).toEqual(bad.map(() => "good"));
    expect(scraped.outcomes.map(wordOf).filter((_, i) => i % 2 === 0)).toEqual([
      "[timeout]",
      "[timeout]",
      "[timeout]",
      "[truncated]",
      "[connect]",
      "[too_large]",
      "[parse]",
      "[bad_status]",
      "[bad_status]",
      "[connect]",
      "[parse]",
    ]);
    // What hung is closed, not kept.
    await until(() => connections.stats.open === connections.stats.idle);
  });

  test("is over at the deadline, and closes what still runs", async () => {
    await using server = await startRawPod(echo);
    const { scrape, connections, slots, counted } = createScraper({ perScrape: 2 });
    const startMs = performance.now();
    const { outcomes } = await scrape(
      ["/a", "/hang1", "/hang2", "/hang3"].map((path) => server.target(path, path)),
      120,
    );
    expect(performance.now() - startMs).toBeLessThan(1000);
    expect(outcomes.map(wordOf).slice(0, 3)).toEqual(["/a", "[timeout]", "[timeout]"]);
    expect(slots.held).toBe(0);
    expect(counted.length).toBe(4);
    await until(
      () => connections.stats.open === connections.stats.idle && server.open === connections.stats.idle,
    );
  });

  test("reports pods that nobody dialled", async () => {
    await using server = await startRawPod(echo);
    // Three holders that are never old enough to lose their slot before the deadline.
    const { scrape, slots } = createScraper({ maxConnections: 3 });
    const lane = slots.openLane({ limit: 3, patienceMs: 60_000 });
    for (let i = 0; i < 3; i++) lane.join({ granted: () => {}, lost: () => {} });
    const { outcomes } = await scrape([server.target("a"), server.target("b")], 50);
    expect(outcomes.map(wordOf)).toEqual(["[not_tried]", "[not_tried]"]);
    expect(outcomes[0]!.durationSeconds).toBe(0);
    expect(server.connections).toBe(0);
  });

  test("with a deadline that has passed tries nothing", async () => {
    await using server = await startRawPod(echo);
    const { scrape } = createScraper({ maxConnections: 1 });
    const { outcomes } = await scrape([server.target("a", "/hang"), server.target("b")], 0);
    expect(outcomes.map((outcome) => outcome.up)).toEqual([false, false]);
  });

  test("tries every pod though a part of them hangs on the few slots", async () => {
    await using server = await startRawPod(echo);
    const { scrape, hits } = createScraper({ perScrape: 4 });
    // The worst order: the first four take all slots.
    const paths = [
      "/hang1",
      "/hang2",
      "/hang3",
      "/hang4",
      "/1",
      "/2",
      "/hang5",
      "/3",
      "/4",
      "/5",
      "/6",
      "/7",
    ];
    const { outcomes } = await scrape(
      paths.map((path) => server.target(path, path)),
      1000,
    );
    expect(outcomes.map(wordOf)).toEqual(
      paths.map((path) => (path.startsWith("/hang") ? "[timeout]" : path)),
    );
    expect(hits).toEqual(["max_connections_per_scrape"]);
    // The first four have lost theirs to the others; the last had nobody after it.
    const lost = outcomes.filter((outcome) => !outcome.up && outcome.detail.includes("quarter"));
    expect(lost.length).toBe(4);
  });

  test("lets a small scrape through beside a large one", async () => {
    await using server = await startRawPod(({ socket }) => setTimeout(() => socket.write(ok("x")), 5));
    const { scrape } = createScraper({ maxConnections: 2 });
    const order: string[] = [];
    const large = scrape(Array.from({ length: 60 }, (_, i) => server.target(String(i)))).then(() =>
      order.push("large"),
    );
    const small = scrape([server.target("s")]).then(() => order.push("small"));
    await Promise.all([large, small]);
    expect(order).toEqual(["small", "large"]);
  });

  test("asks one pod twice at a time when two scrapes want it", async () => {
    const held: RawRequest[] = [];
    await using server = await startRawPod((request) => {
      held.push(request);
      if (held.length === 2) for (const { socket } of held) socket.write(ok("x"));
    });
    const { scrape } = createScraper();
    const both = await Promise.all([scrape([server.target()]), scrape([server.target()])]);
    expect(both.flatMap(({ outcomes }) => outcomes.map(wordOf))).toEqual(["x", "x"]);
  });
});

describe("PodScraper.scrape() and its client", () => {
  test("closes every connection when the client is gone", async () => {
    await using server = await startRawPod(echo);
    const { scrape, connections, slots, budget, counted } = createScraper({ perScrape: 2 });
    const client = new AbortController();
    const targets = ["/a", "/hang1", "/hang2", "/hang3", "/b"].map((path) => server.target(path, path));
    const scraped = scrape(targets, 5000, client.signal);
    await until(() => server.heads.length === 3);
    client.abort(new Error("client gone"));
    await expect(scraped).rejects.toThrow("client gone");
    expect(slots.held).toBe(0);
    expect(budget.heldBytes).toBe(0);
    expect(counted).toEqual([]);
    await until(
      () => connections.stats.open === connections.stats.idle && server.open === connections.stats.idle,
    );
    expect(server.heads.length).toBe(3);
  });

  test("dials nothing for a client that goes at once", async () => {
    await using server = await startRawPod(echo);
    const { scrape } = createScraper();
    const client = new AbortController();
    const scraped = scrape([server.target()], 5000, client.signal);
    client.abort(new Error("client gone"));
    await expect(scraped).rejects.toThrow("client gone");
    expect(server.connections).toBe(0);
  });

  test("dials nothing for a client that has gone already", async () => {
    await using server = await startRawPod(echo);
    const { scrape } = createScraper();
    const gone = AbortSignal.abort(new Error("client gone"));
    await expect(scrape([server.target()], 5000, gone)).rejects.toThrow("client gone");
    expect(server.connections).toBe(0);
  });
});

describe("PodScraper.scrape() and MAX_BUFFERED_BYTES", () => {
  const body = "x".repeat(10_000);
  const startBig = () => startRawPod(({ socket }) => socket.write(ok(body)));

  test("lets a scrape wait for the bodies of another, then refuses it", async () => {
    await using server = await startBig();
    const { scrape, hits } = createScraper({ maxBufferedBytes: 100_000 });
    const first = await scrape([1, 2, 3, 4, 5].map((n) => server.target(String(n))));
    // What is expected of a pod is 64 KiB before any pod is known.
    await expect(scrape([server.target()], 50)).rejects.toThrow(BufferBudgetError);
    expect(hits).toEqual(["max_buffered_bytes"]);
    const second = scrape([server.target()]);
    first.release();
    expect((await second).outcomes.map(wordOf)).toEqual([body]);
  });

  test("bounds what one scrape holds, at the cost of its own pods", async () => {
    await using server = await startBig();
    const { scrape, budget } = createScraper({ maxBufferedBytes: 35_000 });
    const { outcomes, release } = await scrape(
      Array.from({ length: 10 }, (_, n) => server.target(String(n))),
    );
    expect(outcomes.map(wordOf).filter((word) => word === body).length).toBe(3);
    expect(outcomes.map(wordOf).filter((word) => word === "[too_large]").length).toBe(7);
    expect(budget.heldBytes).toBe(30_000);
    release();
  });

  test("costs the one huge pod, not the many ordinary ones", async () => {
    await using server = await startRawPod(({ socket, head }) => {
      if (head.includes("/huge")) return socket.write(ok("y".repeat(90_000)));
      // Ordinary pods are later than the huge one.
      return setTimeout(() => socket.write(ok(body)), 30);
    });
    const { scrape } = createScraper({ maxBufferedBytes: 100_000 });
    const targets = [server.target("huge", "/huge"), ...[1, 2, 3, 4, 5].map((n) => server.target(String(n)))];
    const { outcomes } = await scrape(targets);
    expect(outcomes.map(wordOf)).toEqual(["[too_large]", body, body, body, body, body]);
  });

  test("learns how large bodies are", async () => {
    await using server = await startRawPod(echo);
    const { scrape } = createScraper({ maxBufferedBytes: 200_000 });
    const targets = Array.from({ length: 100 }, (_, n) => server.target(String(n)));
    for (let i = 0; i < 3; i++) (await scrape(targets)).release();
    // Two at a time now: at 64 KiB a pod, not even one of them would fit.
    await scrape(targets);
    await scrape(targets, 2000);
  });

  test("does not let one hanging pod keep the room of those that have answered", async () => {
    await using server = await startRawPod(echo);
    const { scrape } = createScraper({ maxBufferedBytes: 300_000 });
    const client = new AbortController();
    const paths = ["/a", "/b", "/c", "/hang"];
    const hanging = scrape(
      paths.map((path) => server.target(path, path)),
      60_000,
      client.signal,
    );
    const { outcomes } = await scrape(["/d", "/e"].map((path) => server.target(path, path)));
    expect(outcomes.map(wordOf)).toEqual(["/d", "/e"]);
    client.abort(new Error("enough"));
    await expect(hanging).rejects.toThrow("enough");
  });

  test("takes nothing back once a scrape is over, however young it is", async () => {
    const held: (() => void)[] = [];
    await using server = await startRawPod(({ socket, head }) => {
      if (head.includes("/later")) held.push(() => socket.write(ok(body)));
      else socket.write(ok(head.includes("/tiny") ? "x" : body));
    });
    const { scrape, budget } = createScraper({ maxBufferedBytes: 100_000 });
    (await scrape(Array.from({ length: 400 }, (_, n) => server.target(String(n), "/tiny")))).release();
    const old = scrape([1, 2].map((n) => server.target(`old${n}`, "/later")));
    await until(() => held.length === 2);
    const young = await scrape(Array.from({ length: 9 }, (_, n) => server.target(String(n))));
    for (const answer of held) answer();
    const words = (await old).outcomes.map(wordOf);
    expect(words.sort()).toEqual(["[too_large]", body]);
    expect(young.outcomes.map(wordOf)).toEqual(Array.from({ length: 9 }, () => body));
    expect(budget.heldBytes).toBe(100_000);
  });

  test("always lets the oldest of many scrapes through", async () => {
    await using server = await startBig();
    const { scrape, budget } = createScraper({ maxBufferedBytes: 400_000 });
    // Learns how large a body is, so that several scrapes are admitted at a time.
    (await scrape([server.target()])).release();
    const targets = Array.from({ length: 5 }, (_, n) => server.target(String(n)));
    let most = 0;
    const whole = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { outcomes, release } = await scrape(targets);
        most = Math.max(most, budget.heldBytes);
        release();
        return outcomes.every(({ up }) => up);
      }),
    );
    expect(whole[0]).toBe(true);
    expect(most).toBeLessThanOrEqual(400_000);
    expect(budget.heldBytes).toBe(0);
  });
});

describe("PodScraper.scrape(), when it is over", () => {
  test("leaves no timer behind", async () => {
    await using server = await startRawPod(echo);
    const { scrape, connections } = createScraper({ perScrape: 2, maxBufferedBytes: 1000 });
    const timers = watchLongTimers(10_000);
    const scrapes = [1, 2, 3].map(async (n) => {
      const paths = Array.from({ length: 6 }, (_, i) => `/${n}/${i}`);
      (
        await scrape(
          paths.map((path) => server.target(path, path)),
          60_000,
        )
      ).release();
    });
    await Promise.all(scrapes);
    connections.close();
    await until(() => timers.pending === 0);
    expect(timers.seen).toBeGreaterThan(3);
  });
});

describe("PodScraper.scrape() and dead pods", () => {
  test("names them at once, without a second try", async () => {
    const dead = await startRawPod(() => {});
    await dead[Symbol.asyncDispose]();
    await using server = await startRawPod(echo);
    const { scrape } = createScraper();
    const startMs = performance.now();
    const { outcomes } = await scrape([targetOf(dead), server.target("a", "/a")]);
    expect(outcomes.map(wordOf)).toEqual(["[connect]", "/a"]);
    expect(performance.now() - startMs).toBeLessThan(1000);
  });
});
