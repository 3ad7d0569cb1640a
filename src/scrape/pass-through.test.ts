import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout } from "node:timers/promises";
import { gzipSync } from "node:zlib";

import { describe, expect, onTestFinished, test } from "vitest";

import { watchLongTimers } from "../../test/support/scrape/long-timers.ts";
import { ok, startRawPod } from "../../test/support/scrape/raw-pod.ts";
import { until } from "../../test/support/scrape/until.ts";
import type { Target } from "../targets/target.ts";
import { ConnectionSlots } from "./connection-slots.ts";
import { Deadline } from "./deadline.ts";
import { PassThrough, type PassThroughAnswer, PassThroughError } from "./pass-through.ts";
import { PodConnections } from "./pod-connections.ts";

interface PassThroughSetup {
  readonly maxConnections?: number;
  readonly maxResponseBytes?: number;
  readonly isCurrent?: () => boolean;
}

function createPassThrough(o: PassThroughSetup = {}) {
  const hits: string[] = [];
  const counted: string[] = [];
  const metrics = {
    limitHit: (limit: string) => hits.push(limit),
    podScraped: (outcome: string, bytes: number) => counted.push(`${outcome} ${bytes}`),
  };
  const connections = new PodConnections({ connectTimeoutMs: 1000 });
  onTestFinished(() => connections.close());
  const slots = new ConnectionSlots({ maxConnections: o.maxConnections ?? 100, metrics });
  const maxResponseBytes = o.maxResponseBytes ?? 100_000_000;
  const passThrough = new PassThrough({
    connections,
    slots,
    maxResponseBytes,
    userAgent: "proxy/1",
    metrics,
  });
  const open = (target: Target, deadlineMs = 5000, signal = new AbortController().signal) =>
    passThrough.open(target, {
      accept: "application/openmetrics-text",
      acceptEncoding: "br, gzip",
      deadline: new Deadline(deadlineMs),
      isCurrent: o.isCurrent ?? (() => true),
      signal,
    });
  return { open, connections, slots, hits, counted };
}

/** Status, headers and body; or why there is none. */
async function wordsOf(answer: PassThroughAnswer): Promise<string> {
  if (answer.failed) return `[${answer.reason}]`;
  const { status, headers, body } = answer;
  const read = await buffer(body).then(
    (bytes) => bytes.toString("latin1"),
    (error: unknown) => (error instanceof PassThroughError ? `[${error.failure.reason}]` : "[broken]"),
  );
  return [status, ...Object.entries(headers).map(([name, value]) => `${name}=${value}`), read].join(" ");
}

describe("PassThrough.open()", () => {
  const check = (
    name: string,
    sent: string | Buffer,
    expected: string,
    o: { maxResponseBytes?: number } = {},
  ) => {
    test(name, async () => {
      await using server = await startRawPod(({ socket }) =>
        socket.end(typeof sent === "string" ? Buffer.from(sent, "latin1") : sent),
      );
      const { open, slots, counted } = createPassThrough(o);
      expect(await wordsOf(await open(server.target()))).toBe(expected);
      expect(slots.held).toBe(0);
      expect(counted.length).toBe(1);
    });
  };
  const head = "HTTP/1.1 200 OK\r\n";

  check("passes a body with its headers", ok("a 1\n"), "200 content-type=text/plain content-length=4 a 1\n");
  check("passes an error status", "HTTP/1.1 503 S\r\nContent-Length: 2\r\n\r\nno", "503 content-length=2 no");
  check(
    "passes no other header",
    `${head}Set-Cookie: a\r\nServer: b\r\nWWW-Authenticate: c\r\nContent-Length: 0\r\n\r\n`,
    "200 content-length=0 ",
  );
  const zipped = gzipSync("a 1\n");
  check(
    "passes gzip as it is",
    ok(zipped, ["Content-Encoding: gzip"]),
    `200 content-type=text/plain content-encoding=gzip content-length=${zipped.length} ${zipped.toString("latin1")}`,
  );
  check("passes any bytes", `${head}\r\n\x00\xff\r\n\r\n`, "200 \x00\xff\r\n\r\n");
  check(
    "leaves out a content type that it could not send",
    `${head}Content-Type: \xe9\r\nContent-Length: 0\r\n\r\n`,
    "200 content-length=0 ",
  );
  check(
    "refuses a coding that it could not name",
    `${head}Content-Encoding: \xe9\r\n\r\nx`,
    "[content_type]",
  );
  for (const status of [300, 301, 302, 303, 304, 307, 308]) {
    check(
      `does not pass the redirect ${status} on`,
      `HTTP/1.1 ${status} R\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n`,
      "[bad_status]",
    );
  }
  check("refuses what is not HTTP", "a 1\n", "[connect]");
  const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;
  check("breaks a body off that is cut short", `${chunked}1\r\na\r\n1\r\nb\r\n`, "200 [truncated]");
  check("refuses a body that is cut short in its first chunk", `${chunked}1\r\na\r\n`, "[truncated]");
  check("refuses a body that is shorter than announced", `${head}Content-Length: 9\r\n\r\na`, "[truncated]");
  check("refuses an announced length over the limit", `${head}Content-Length: 11\r\n\r\n`, "[too_large]", {
    maxResponseBytes: 10,
  });
  check("refuses a body whose first chunk outgrows the limit", `${head}\r\n01234567890`, "[too_large]", {
    maxResponseBytes: 10,
  });
  const three = ["01234", "56789", "0"].map((part) => `${part.length}\r\n${part}\r\n`).join("");
  check("breaks a body off that outgrows the limit", `${chunked}${three}`, "200 [too_large]", {
    maxResponseBytes: 10,
  });
  check("passes a body of just the limit", `${head}\r\n0123456789`, "200 0123456789", {
    maxResponseBytes: 10,
  });

  test("asks with the caller's Accept headers and nothing else of the caller", async () => {
    await using server = await startRawPod(({ socket }) => socket.write(ok("x")));
    const { open } = createPassThrough();
    await wordsOf(await open(server.target(), 3000));
    const lines = server.heads[0]!.toLowerCase().split("\r\n");
    expect(lines).toContain("accept: application/openmetrics-text");
    expect(lines).toContain("accept-encoding: br, gzip");
    expect(lines).toContain("user-agent: proxy/1");
    expect(lines.find((line) => line.startsWith("x-prometheus"))).toMatch(/: (3\.000|2\.9\d\d)$/);
    expect(lines.length).toBe(9);
  });

  test("reports a body that breaks before anybody reads it", async () => {
    await using server = await startRawPod(({ socket }) => socket.end(`${chunked}${three}`));
    const { open } = createPassThrough();
    const answer = await open(server.target());
    if (answer.failed) throw new Error("the head has come");
    await until(() => answer.body.destroyed);
    await expect(buffer(answer.body)).rejects.toThrow();
  });

  test("is over at the deadline, before the head and inside the body", async () => {
    await using server = await startRawPod(({ socket, head: asked }) => {
      if (asked.includes("/first")) socket.write(`${head}\r\na`);
      if (asked.includes("/body")) socket.write(`${chunked}${three}`);
    });
    const { open, connections } = createPassThrough();
    expect(await wordsOf(await open(server.target("a", "/head"), 50))).toBe("[timeout]");
    expect(await wordsOf(await open(server.target("a", "/first"), 50))).toBe("[timeout]");
    expect(await wordsOf(await open(server.target("a", "/body"), 50))).toBe("200 [timeout]");
    await until(() => connections.stats.open === 0 && server.open === 0);
  });

  test("does not let a reader that has stopped outlive the deadline", async () => {
    await using server = await startRawPod(({ socket }) => socket.write(ok("x".repeat(5_000_000))));
    const { open, connections, slots } = createPassThrough();
    const answer = await open(server.target(), 100);
    await until(() => connections.stats.open === 0 && slots.held === 0);
    await expect(wordsOf(answer)).resolves.toMatch(/\[(timeout|broken)\]$/);
  });

  test("leaves no timer behind", async () => {
    await using server = await startRawPod(({ socket }) => socket.write(ok("x")));
    const { open, connections } = createPassThrough({ maxConnections: 1 });
    const timers = watchLongTimers(10_000);
    await Promise.all([1, 2, 3].map(async () => wordsOf(await open(server.target(), 60_000))));
    connections.close();
    await until(() => timers.pending === 0);
    expect(timers.seen).toBeGreaterThan(3);
  });

  test("waits for a slot, and reports when there is none in time", async () => {
    await using server = await startRawPod(({ socket, head: asked }) => {
      if (asked.includes("/ok")) socket.write(ok("x"));
    });
    const { open, hits } = createPassThrough({ maxConnections: 1 });
    const holder = open(server.target("a", "/hang"), 60_000);
    const late = open(server.target("b", "/ok"), 50);
    expect(await wordsOf(await late)).toBe("[not_tried]");
    expect(hits).toEqual(["max_connections"]);
    expect(server.connections).toBe(1);
    void holder;
  });

  test("loses a slot that it has held for a quarter of its deadline to one that waits", async () => {
    await using server = await startRawPod(({ socket, head: asked }) => {
      if (asked.includes("/ok")) socket.write(ok("x"));
    });
    const { open } = createPassThrough({ maxConnections: 1 });
    const hanging = open(server.target("a", "/hang"), 400);
    const waiting = open(server.target("b", "/ok"), 4000);
    expect(await wordsOf(await hanging)).toBe("[timeout]");
    expect(await wordsOf(await waiting)).toContain("x");
  });
});

describe("PassThrough.open() and a pod that loses its address", () => {
  const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const chunk = (text: string) => `${text.length}\r\n${text}\r\n`;

  /** The pod sends the first part; then it loses its address; then the second part comes. */
  const check = (
    name: string,
    parts: readonly [string, string],
    expected: string,
    passed = "",
    before = passed,
  ) => {
    test(name, async () => {
      let current = true;
      let asked = 0;
      let seen = "";
      const sockets: Socket[] = [];
      await using server = await startRawPod(({ socket }) => {
        sockets.push(socket);
        socket.write(parts[0]);
      });
      const { open, slots, connections, counted } = createPassThrough({
        isCurrent: () => ++asked > 0 && current,
      });
      const opened = open(server.target());
      if (before !== "") {
        const answer = await opened;
        if (!answer.failed) answer.body.on("data", (data: Buffer) => (seen += data.toString("latin1")));
      }
      // It is asked before the dial and at the head.
      await until(() => sockets.length === 1 && asked === (parts[0] === "" ? 1 : 2) && seen === before);
      current = false;
      sockets[0]!.write(parts[1]);
      expect(await wordsOf(await opened)).toBe(expected);
      // A broken stream drops what its reader has not taken yet.
      expect(passed.startsWith(seen)).toBe(true);
      expect(slots.held).toBe(0);
      expect(counted.map((words) => words.split(" ")[0])).toEqual(["gone"]);
      await until(() => connections.stats.open === 0 && server.open === 0);
    });
  };

  check("before the head refuses the answer", ["", `${head}${chunk("b 1\n")}0\r\n\r\n`], "[gone]");
  check("inside its first chunk refuses the answer", [`${head}4\r\n`, "a 1\n\r\n0\r\n\r\n"], "[gone]");
  check(
    "after all bytes of a body in one chunk refuses the answer",
    [`${head}${chunk("a 1\n")}`, "0\r\n\r\n"],
    "[gone]",
  );
  check(
    "between two chunks passes neither the next one nor an end",
    [`${head}${chunk("a 1\n")}${chunk("a 2\n")}`, `${chunk("b 3\n")}0\r\n\r\n`],
    "200 [gone]",
    "a 1\na 2\n",
    "a 1\n",
  );
  check(
    "before the end keeps the last chunk",
    [`${head}${chunk("a 1\n")}${chunk("a 2\n")}`, "0\r\n\r\n"],
    "200 [gone]",
    "a 1\n",
  );
  check(
    "before the last byte of an announced length keeps it",
    ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1", "\n"],
    "200 content-length=4 [gone]",
  );
  check("before the head of an empty answer refuses it", ["", ok("").toString("latin1")], "[gone]");

  test("before the dial dials nothing, also when it waited for a slot", async () => {
    await using server = await startRawPod(({ socket, head: asked }) => {
      if (asked.includes("/ok")) socket.write(ok("x"));
    });
    let current = true;
    const { open, counted } = createPassThrough({ maxConnections: 1, isCurrent: () => current });
    const client = new AbortController();
    const holder = open(server.target("c", "/hang"), 60_000, client.signal);
    const waiting = open(server.target("a", "/ok"), 60_000);
    await until(() => server.heads.length === 1);
    current = false;
    client.abort(new Error("caller gone"));
    await expect(holder).rejects.toThrow("caller gone");
    expect(await wordsOf(await waiting)).toBe("[gone]");
    expect(server.connections).toBe(1);
    expect(counted).toEqual(["gone 0"]);
  });

  test("asks at the head and at the end, not for each chunk", async () => {
    await using server = await startRawPod(({ socket }) =>
      socket.write(`${head}${chunk("a").repeat(1000)}0\r\n\r\n`),
    );
    let asked = 0;
    const { open } = createPassThrough({ isCurrent: () => ++asked > 0 });
    expect(await wordsOf(await open(server.target()))).toBe(`200 ${"a".repeat(1000)}`);
    expect(asked).toBe(3);
  });
});

describe("PassThrough.open() and backpressure", () => {
  test("holds the pod back while nobody reads, and loses nothing", async () => {
    const line = "0123456789abcde\n".repeat(4096);
    let sent = 0;
    await using server = await startRawPod(({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const flood = () => {
        while (sent < 1000) {
          sent++;
          if (!socket.write(line)) return;
        }
        socket.off("drain", flood).end();
      };
      socket.on("drain", flood);
      flood();
    });
    // Just above the body: what undici reads again after a pause must not count twice.
    const { open } = createPassThrough({ maxResponseBytes: 1000 * line.length });
    const answer = await open(server.target());
    if (answer.failed) throw new Error("the head has come");
    // The pod stops as soon as the buffers of both kernels are full.
    let before = -1;
    while (before !== sent) {
      before = sent;
      await setTimeout(100);
    }
    expect(sent).toBeLessThan(400);
    expect(answer.body.readableLength).toBeLessThan(400_000);
    const body = await buffer(answer.body);
    expect(body.length).toBe(1000 * line.length);
    expect(body.equals(Buffer.alloc(body.length, line))).toBe(true);
  });
});

describe("PassThrough.open() and its caller", () => {
  const twoChunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n";

  test("closes the connection when the caller destroys the body", async () => {
    await using server = await startRawPod(({ socket }) => socket.write(twoChunks));
    const { open, slots, counted } = createPassThrough();
    const answer = await open(server.target());
    if (answer.failed) throw new Error("the head has come");
    answer.body.destroy();
    await until(() => server.open === 0);
    expect(slots.held).toBe(0);
    expect(counted).toEqual([]);
  });

  for (const [name, sent] of [
    ["before the head", ""],
    ["inside the body", twoChunks],
  ] as const) {
    test(`closes the connection when the caller is gone ${name}`, async () => {
      await using server = await startRawPod(({ socket }) => socket.write(sent));
      const { open, slots } = createPassThrough();
      const client = new AbortController();
      const answer = open(server.target(), 5000, client.signal).then(wordsOf);
      await until(() => server.heads.length === 1);
      if (sent !== "") await setTimeout(20);
      client.abort(new Error("caller gone"));
      if (sent === "") await expect(answer).rejects.toThrow("caller gone");
      else expect(await answer).toBe("200 [broken]");
      await until(() => server.open === 0);
      expect(slots.held).toBe(0);
    });
  }

  test("dials nothing for a caller that has gone already", async () => {
    await using server = await startRawPod(() => {});
    const { open } = createPassThrough();
    const gone = AbortSignal.abort(new Error("caller gone"));
    await expect(open(server.target(), 5000, gone)).rejects.toThrow("caller gone");
    expect(server.connections).toBe(0);
  });
});
