import { once } from "node:events";
import { Agent } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";

import { request } from "../../test/support/http/http-client.ts";
import { rawRequest } from "../../test/support/http/raw-request.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Listener } from "./listener.ts";

const logLines: string[] = [];
const logger = createLogger({
  level: "debug",
  format: "json",
  destination: { write: (line: string) => void logLines.push(line) },
});
let pipelined = 0;
const listener = new Listener({ logger, onPipelined: () => pipelined++ });
const { app } = listener;
const reached: string[] = [];
app.get("/route/*", (request) => {
  reached.push(`${request.raw.url}`);
  return `${request.checkedTarget.path.text} ${request.checkedTarget.rawQuery}`;
});
app.get("/", () => "root");
app.get("/throws", () => {
  throw new TypeError("SECRET detail");
});
const { promise: released, resolve: release } = Promise.withResolvers<void>();
app.get("/slow", async (_request, reply) => {
  reply.hijack();
  reply.raw.write("begun ");
  await released;
  reply.raw.end("done");
});
let port = 0;

beforeAll(async () => {
  ({ port } = await listener.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" }));
});
afterAll(() => listener.close({ graceMs: 0 }));

const host = "Host: proxy\r\n";
const closing = `${host}Connection: close\r\n\r\n`;

/** Sends the bytes; expects the status, a closed connection, one answer and that no route ran (unless 200). */
const check = (name: string, bytes: string, status: number) =>
  test(`listener answers ${status} to ${name}`, async () => {
    reached.length = 0;
    const answer = await rawRequest(bytes, { port });
    expect(answer.status).toBe(status);
    expect(answer.answers).toBe(1);
    if (status === 200) return;
    expect(reached).toEqual([]);
    expect(answer.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.rest).toMatch(/^Cannot [\x20-\x7e]+[^.]\n$/);
  });

check("an ordinary GET", `GET /route/x?a=%20b HTTP/1.1\r\n${closing}`, 200);
check("HTTP/1.0 without Host", "GET /route/x HTTP/1.0\r\n\r\n", 200);
check("Content-Length: 0", `GET /route/x HTTP/1.1\r\nContent-Length: 0\r\n${closing}`, 200);
check("an empty Host", "GET /route/x HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", 200);
check("an IPv6 Host", "GET /route/x HTTP/1.1\r\nHost: [::1]:5050\r\nConnection: close\r\n\r\n", 200);
check("an upgrade, which is ignored", `GET /route/x HTTP/1.1\r\nUpgrade: h2c\r\n${closing}`, 200);

check("HTTP/0.9", "GET /route/x\r\n\r\n", 400);
check("a request line of HTTP/2", `GET /route/x HTTP/2.0\r\n${closing}`, 400);
check("an unknown version", `GET /route/x HTTP/9.9\r\n${closing}`, 400);
check("no Host", "GET /route/x HTTP/1.1\r\n\r\n", 400);
check("two Hosts", `GET /route/x HTTP/1.1\r\n${host}${host}\r\n`, 400);
check("two Hosts in other cases", `GET /route/x HTTP/1.1\r\nHOST: a\r\nhost: b\r\n\r\n`, 400);
check("two Hosts under HTTP/1.0", `GET /route/x HTTP/1.0\r\n${host}${host}\r\n`, 400);
check("a Host with a slash", "GET /route/x HTTP/1.1\r\nHost: a/b\r\n\r\n", 400);
check("a Host with userinfo", "GET /route/x HTTP/1.1\r\nHost: a@b\r\n\r\n", 400);
check("a body", `GET /route/x HTTP/1.1\r\n${host}Content-Length: 4\r\n\r\nabcd`, 400);
check(
  "a request hidden in a body",
  `GET /route/x HTTP/1.1\r\n${host}Content-Length: 38\r\n\r\nGET /route/y HTTP/1.1\r\nHost: proxy\r\n\r\n`,
  400,
);
check("a body that is announced only", `POST /route/x HTTP/1.1\r\n${host}Content-Length: 9\r\n\r\n`, 400);
check("a chunked body", `GET /route/x HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400);
check("an unknown transfer coding", `GET /route/x HTTP/1.1\r\n${host}Transfer-Encoding: gzip\r\n\r\n`, 400);
check("Expect: 100-continue", `GET /route/x HTTP/1.1\r\n${host}Expect: 100-continue\r\n\r\n`, 400);
check("another Expect", `GET /route/x HTTP/1.1\r\n${host}Expect: 200-ok\r\n\r\n`, 400);
check("an absolute target", `GET http://10.0.0.1/route/x HTTP/1.1\r\n${closing}`, 400);
check("an absolute target of this host", `GET http://proxy/route/x HTTP/1.1\r\n${closing}`, 400);
check("an asterisk", `GET * HTTP/1.1\r\n${closing}`, 400);
check("a target without a slash", `GET route/x HTTP/1.1\r\n${closing}`, 400);
check("a fragment", `GET /route/x#y HTTP/1.1\r\n${closing}`, 400);
check("an escape in the path", `GET /%72oute/x HTTP/1.1\r\n${closing}`, 400);
check("an escape that is none", `GET /route/%zz HTTP/1.1\r\n${closing}`, 400);
check("a path that only decodes to dots", `GET /route/%2e%2e/x HTTP/1.1\r\n${closing}`, 400);
check("dots in the path", `GET /x/../route/x HTTP/1.1\r\n${closing}`, 400);
check("two slashes", `GET //route/x HTTP/1.1\r\n${closing}`, 400);
check("a semicolon in the path", `GET /route/x;y HTTP/1.1\r\n${closing}`, 400);
check("bytes beyond ASCII", `GET /route/\u00ff HTTP/1.1\r\n${closing}`, 400);
check("line feeds alone", "GET /route/x HTTP/1.1\nHost: proxy\n\n", 400);
check("a TLS hello", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003", 400);
check("an unknown method", `GETX /route/x HTTP/1.1\r\n${closing}`, 400);

for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PURGE", "QUERY"]) {
  check(method, `${method} /route/x HTTP/1.1\r\n${closing}`, 405);
}
check("CONNECT", `CONNECT 10.0.0.1:80 HTTP/1.1\r\n${closing}`, 405);

check("another case of the route", `GET /ROUTE/x HTTP/1.1\r\n${closing}`, 404);
check("a longer route name", `GET /routex/x HTTP/1.1\r\n${closing}`, 404);
check("an unknown path", `GET /.git/config HTTP/1.1\r\n${closing}`, 404);
check("a throwing handler", `GET /throws HTTP/1.1\r\n${closing}`, 500);
check("a long head", `GET /route/x HTTP/1.1\r\nX: ${"a".repeat(17_000)}\r\n${closing}`, 431);
check("a long query", `GET /route/x?${"a".repeat(17_000)} HTTP/1.1\r\n${closing}`, 431);

test("listener names the methods that it answers", async () => {
  const answer = await rawRequest(`POST / HTTP/1.1\r\n${closing}`, { port });
  expect(answer.headers.get("allow")).toBe("GET, HEAD");
});

test("listener answers HEAD without a body", async () => {
  const answer = await rawRequest(`HEAD / HTTP/1.1\r\n${closing}`, { port });
  expect([answer.status, answer.rest]).toEqual([200, ""]);
});

test("listener hands the raw target to its routes", async () => {
  const answer = await rawRequest(`GET /route/a@b?c=%2F&d HTTP/1.1\r\n${closing}`, { port });
  expect(answer.rest).toBe("/route/a@b c=%2F&d");
});

test("listener closes a connection whose framing is ambiguous, and answers nothing behind it", async () => {
  const hidden = `GET /route/hidden HTTP/1.1\r\n${host}\r\n`;
  reached.length = 0;
  const answer = await rawRequest(
    `GET /route/x HTTP/1.1\r\n${host}Content-Length: ${hidden.length}\r\n\r\n${hidden}${hidden}`,
    { port },
  );
  expect([answer.status, answer.answers, answer.headers.get("connection")]).toEqual([400, 1, "close"]);
  expect(reached).toEqual([]);
});

test("listener keeps a connection whose request was merely refused", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let connections = 0;
  app.server.on("connection", () => connections++);
  const answers = [];
  for (const target of ["/nothing", "/", "/"]) {
    answers.push((await request(`http://127.0.0.1:${port}`, target, { agent })).status);
  }
  agent.destroy();
  expect([answers, connections]).toEqual([[404, 200, 200], 1]);
});

test("listener refuses a request that comes before the answer to the one before it, and closes", async () => {
  const before = pipelined;
  const answer = await rawRequest(`GET / HTTP/1.1\r\n${host}\r\nGET /route/x HTTP/1.1\r\n${closing}`, {
    port,
  });
  expect([answer.status, pipelined - before]).toEqual([200, 1]);
  expect(answer.rest).toMatch(/^rootHTTP\/1\.1 503 [^]*Cannot answer/);
});

test("listener does not let refusals pile up on a connection", async () => {
  reached.length = 0;
  const before = pipelined;
  const answer = await rawRequest(`GET /route/x HTTP/1.1\r\n${host}\r\n`.repeat(500), { port });
  expect(answer.answers).toBeLessThan(20);
  expect([reached.length, pipelined - before]).toEqual([1, 1]);
});

test("listener writes nothing into an answer under way when garbage follows its request", async () => {
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (received += chunk));
  socket.write(`GET /slow HTTP/1.1\r\n${host}\r\n`);
  await once(socket, "data");
  socket.write("\u0000garbage\r\n\r\n");
  await once(socket, "close");
  release();
  expect(received).toContain("begun");
  expect(received.match(/HTTP\/1\.1 /g)).toHaveLength(1);
});

test("listener logs what a handler threw and tells the caller nothing of it", async () => {
  logLines.length = 0;
  const answer = await rawRequest(`GET /throws HTTP/1.1\r\n${closing}`, { port });
  expect(answer.rest).not.toContain("SECRET");
  expect(logLines.join("")).toContain("SECRET detail");
});

test("listener has limits for slow and idle clients", () => {
  const { headersTimeout, requestTimeout, keepAliveTimeout, maxConnections, maxHeadersCount } = app.server;
  expect({ headersTimeout, requestTimeout, keepAliveTimeout, maxConnections, maxHeadersCount }).toEqual({
    maxHeadersCount: 0,
    headersTimeout: 10_000,
    requestTimeout: 15_000,
    keepAliveTimeout: 75_000,
    maxConnections: 8192,
  });
});

test("Listener.close() cuts off an answer that takes longer than the grace", async () => {
  const other = new Listener({ logger });
  other.app.get("/forever", (_request, reply) => {
    reply.hijack();
    reply.raw.write("begun");
  });
  const { port } = await other.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" });
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET /forever HTTP/1.1\r\n${host}\r\n`);
  await once(socket, "data");
  const closed = once(socket, "close");
  await other.close({ graceMs: 50 });
  await closed;
});

test("Listener.close() waits for an answer under way, and lets its connection end with it", async () => {
  const other = new Listener({ logger });
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  other.app.get("/long", async (_request, reply) => {
    reply.hijack();
    reply.raw.write("begun");
    await mayEnd;
    reply.raw.end("ended");
  });
  const { port } = await other.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" });
  const socket = connect(port, "127.0.0.1");
  let received = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (received += chunk));
  socket.write(`GET /long HTTP/1.1\r\n${host}\r\n`);
  await once(socket, "data");
  const closed = other.close({ graceMs: 5000 });
  end();
  await closed;
  if (!socket.closed) await once(socket, "close");
  expect(received.endsWith("ended\r\n0\r\n\r\n")).toBe(true);
});

test("Listener tells of connections beyond its limit, and of heads that are too long", async () => {
  const events: string[] = [];
  const other = new Listener({
    logger,
    onConnectionRefused: () => events.push("refused"),
    onHeadTooLong: () => events.push("long"),
  });
  const { port } = await other.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" });
  await rawRequest(`GET / HTTP/1.1\r\nX: ${"a".repeat(17_000)}\r\n${closing}`, { port });
  other.app.server.maxConnections = 1;
  const first = connect(port, "127.0.0.1");
  await once(first, "connect");
  await once(
    connect(port, "127.0.0.1").on("error", () => undefined),
    "close",
  );
  first.destroy();
  await other.close({ graceMs: 0 });
  expect(events).toEqual(["long", "refused"]);
});

test("Listener.listen() names the variable of a port that it cannot have", async () => {
  const other = new Listener({ logger });
  await expect(other.listen({ address: "127.0.0.1", port, variable: "TEST_PORT" })).rejects.toThrow(
    `Cannot listen on port ${port} (TEST_PORT): the address is in use`,
  );
  await expect(other.listen({ address: "192.0.2.1", port: 0, variable: "TEST_PORT" })).rejects.toThrow(
    "LISTEN_ADDRESS is not an address of this machine",
  );
  await other.close({ graceMs: 0 });
});

test("Listener listens on all addresses when none is given", async () => {
  const other = new Listener({ logger });
  other.app.get("/", () => "root");
  const { port } = await other.listen({ address: undefined, port: 0, variable: "TEST_PORT" });
  for (const address of ["127.0.0.1", "127.1.2.3"]) {
    const answer = await rawRequest(`GET / HTTP/1.1\r\n${closing}`, { port, host: address });
    expect(answer.status).toBe(200);
  }
  await other.close({ graceMs: 0 });
});

test("when nearly all connections are taken, those that ask nothing have to go, and nobody is kept out", async () => {
  const small = new Listener({ logger });
  small.app.get("/", () => "root");
  small.app.server.maxConnections = 10;
  const { port } = await small.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" });
  try {
    const idle = [];
    for (let i = 0; i < 12; i++) {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      socket.write(`GET / HTTP/1.1\r\n${host}\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(String(answer), `connection ${i}`).toMatch(/^HTTP\/1.1 200 /);
      idle.push(socket);
    }
    if (!idle[0]!.destroyed) await once(idle[0]!.resume(), "close");
    expect(idle.at(-1)!.destroyed).toBe(false);
    for (const socket of idle) socket.destroy();
  } finally {
    await small.close({ graceMs: 0 });
  }
});

test("when nearly all connections are taken, those that have sent no request have to go, the oldest first", async () => {
  const small = new Listener({ logger });
  small.app.get("/", () => "root");
  small.app.get("/slow", async (_request, reply) => {
    reply.hijack();
    reply.raw.write("begun ");
  });
  small.app.server.maxConnections = 10;
  const { port } = await small.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" });
  try {
    const busy = connect(port, "127.0.0.1").on("error", () => undefined);
    busy.write(`GET /slow HTTP/1.1\r\n${host}\r\n`);
    await once(busy, "data");
    const silent = [];
    for (let i = 0; i < 20; i++) {
      const socket = connect(port, "127.0.0.1").on("error", () => undefined);
      await once(socket, "connect");
      if (i % 2 === 0) socket.write("GET / HTTP/1.1\r\nX: ");
      silent.push(socket.resume());
      const answer = await rawRequest(`GET / HTTP/1.1\r\n${closing}`, { port });
      expect(answer.status, `after ${i + 1} silent ones`).toBe(200);
    }
    const stay = silent.findIndex(({ destroyed }) => !destroyed);
    expect(silent.slice(stay).filter(({ destroyed }) => destroyed)).toEqual([]);
    // Of 9 places, one is taken by who asked and has no answer yet.
    expect(silent.length - stay).toBeGreaterThanOrEqual(6);
    expect(busy.destroyed).toBe(false);
    for (const socket of [busy, ...silent]) socket.destroy();
  } finally {
    await small.close({ graceMs: 0 });
  }
});
