// The listener under TLS: what it refuses, and that everything it does under plain HTTP holds there too.
import { once } from "node:events";
import { createServer } from "node:http";
import { Agent } from "node:https";
import { connect as connectTcp } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { CertificateAuthority, type IssuedCertificate } from "../../test/support/certificate-authority.ts";
import { request } from "../../test/support/http/http-client.ts";
import { rawRequest } from "../../test/support/http/raw-request.ts";
import { createLogger } from "../telemetry/logger.ts";
import { Listener, type ListenerOptions } from "./listener.ts";
import { TlsConnections } from "./tls-connections.ts";

const root = CertificateAuthority.create();
const tls = { ca: root.cert };
const serving = ({ key, cert }: IssuedCertificate) => ({ key, chain: cert, expiresMs: 0 });
const first = serving(root.issue({ ips: ["127.0.0.1"], name: "first" }));
const second = serving(root.issue({ ips: ["127.0.0.1"], name: "second" }));

const logLines: string[] = [];
const logger = createLogger({
  level: "debug",
  format: "json",
  destination: { write: (line: string) => void logLines.push(line) },
});

async function open(o: Partial<ListenerOptions> = {}): Promise<{ listener: Listener; port: number }> {
  const listener = new Listener({ logger, tls: true, ...o });
  listener.useCertificate(first);
  const reached = (text: string) => () => text;
  listener.app.get("/", reached("root"));
  listener.app.get("/route/*", reached("route"));
  const { port } = await listener.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" });
  return { listener, port };
}

let pipelined = 0;
let listener: Listener;
let port = 0;
beforeAll(async () => {
  ({ listener, port } = await open({ onPipelined: () => pipelined++ }));
});
afterAll(() => listener.close({ graceMs: 0 }));

/** A connection that is established, or the code of why it is not. */
async function handshake(o: ConnectionOptions = {}, to = port): Promise<TLSSocket | string> {
  const socket = connect({ host: "127.0.0.1", port: to, ...tls, ...o });
  onTestFinished(() => void socket.destroy());
  try {
    await once(socket, "secureConnect");
    return socket;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

async function established(o: ConnectionOptions = {}, to = port): Promise<TLSSocket> {
  const socket = await handshake(o, to);
  if (typeof socket === "string") throw new Error(socket);
  return socket;
}

const host = "Host: proxy\r\n";
const closing = `${host}Connection: close\r\n\r\n`;

test("TLS 1.2 and 1.3 are spoken, and nothing older", async () => {
  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    const socket = await established({ minVersion: version, maxVersion: version });
    expect(socket.getProtocol()).toBe(version);
  }
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
  expect(await handshake(old)).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
});

test("HTTP/1.1 is chosen where a client offers HTTP/2 as well, and HTTP/2 alone is refused", async () => {
  expect((await established({ ALPNProtocols: ["h2", "http/1.1"] })).alpnProtocol).toBe("http/1.1");
  expect((await established({})).alpnProtocol).toBe(false);
  expect(await handshake({ ALPNProtocols: ["h2"] })).toMatch(/NO_APPLICATION_PROTOCOL/);
});

test("a client cannot make the server negotiate anew", async () => {
  const socket = await established({ maxVersion: "TLSv1.2" });
  const error = await new Promise((resolve) => {
    socket.on("error", resolve);
    socket.renegotiate({}, resolve);
  });
  expect((error as NodeJS.ErrnoException).code).toBe("ERR_SSL_NO_RENEGOTIATION");
});

test.for([
  ["a request of plain HTTP", `GET / HTTP/1.1\r\n${closing}`],
  ["garbage", "\u0000\u0001\u0002garbage\r\n\r\n".repeat(20)],
  ["a hello that is none", "\u0016\u0003\u0001\u0000\u0005hello"],
] as const)("%s gets no answer, and its connection is closed", async ([, bytes]) => {
  logLines.length = 0;
  const answer = await rawRequest(bytes, { port });
  expect([answer.status, answer.rest]).toEqual([0, ""]);
  expect(logLines).toEqual([]);
});

test("a client that does not trust the certificate does no harm", async () => {
  expect(await handshake({ ca: CertificateAuthority.create().cert })).toMatch(/UNABLE_TO|SELF_SIGNED/);
  for (let i = 0; i < 20; i++) {
    const socket = connectTcp(port, "127.0.0.1");
    await once(socket, "connect");
    socket.resetAndDestroy();
  }
  expect(await request(`https://127.0.0.1:${port}`, "/", tls)).toMatchObject({ status: 200, text: "root" });
});

test("of more than 256 handshakes at a time the oldest has to go; who finishes one stays, and others get in", async () => {
  let refused = 0;
  const own = await open({ onHandshakeRefused: () => refused++ });
  try {
    const early = await established({}, own.port);
    const silent = [];
    for (let i = 0; i < 256; i++) {
      const socket = connectTcp(own.port, "127.0.0.1").on("error", () => undefined);
      onTestFinished(() => void socket.destroy());
      await once(socket, "connect");
      silent.push(socket);
    }
    expect(refused).toBe(0);
    const gone = once(silent[0]!, "close");
    expect(await request(`https://127.0.0.1:${own.port}`, "/", tls)).toMatchObject({ status: 200 });
    silent[0]!.resume();
    await gone;
    expect([refused, silent[1]!.destroyed, early.destroyed]).toEqual([1, false, false]);
    early.write(`GET / HTTP/1.1\r\n${closing}`);
    expect(String((await once(early, "data"))[0])).toMatch(/^HTTP\/1.1 200 /);
  } finally {
    await own.listener.close({ graceMs: 0 });
  }
});

/** As without TLS: the guard, its texts, and one answer only. */
test.for([
  [`GET /route/x HTTP/1.1\r\n${closing}`, 200],
  [`GET /nothing HTTP/1.1\r\n${closing}`, 404],
  [`GET /route/x HTTP/1.1\r\n${host}${host}\r\n`, 400],
  [`GET /route/%2e%2e/x HTTP/1.1\r\n${closing}`, 400],
  [`GET /route/x HTTP/1.1\r\n${host}Content-Length: 4\r\n\r\nabcd`, 400],
  [`GET /route/x HTTP/2.0\r\n${closing}`, 400],
  ["\u0000\r\n\r\n", 400],
  [`POST / HTTP/1.1\r\n${closing}`, 405],
  [`CONNECT 10.0.0.1:80 HTTP/1.1\r\n${closing}`, 405],
  [`GET /route/x HTTP/1.1\r\nX: ${"a".repeat(17_000)}\r\n${closing}`, 431],
] as const)("under TLS, %j is answered %i", async ([bytes, status]) => {
  const answer = await rawRequest(bytes, { port, tls });
  expect([answer.status, answer.answers]).toEqual([status, 1]);
});

test("under TLS, a request before the answer to the one before it is refused", async () => {
  const before = pipelined;
  const bytes = `GET / HTTP/1.1\r\n${host}\r\nGET /route/x HTTP/1.1\r\n${closing}`;
  const answer = await rawRequest(bytes, { port, tls });
  expect([answer.status, pipelined - before]).toEqual([200, 1]);
  expect(answer.rest).toMatch(/^rootHTTP\/1\.1 503 /);
});

test("under TLS, a connection serves one request after the other", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...tls });
  onTestFinished(() => agent.destroy());
  let connections = 0;
  listener.app.server.on("connection", () => connections++);
  for (let i = 0; i < 3; i++)
    expect((await request(`https://127.0.0.1:${port}`, "/", { agent })).status).toBe(200);
  expect(connections).toBe(1);
});

test("under TLS, connections beyond the limit are refused and told", async () => {
  let refused = 0;
  const other = await open({ onConnectionRefused: () => refused++ });
  other.listener.app.server.maxConnections = 1;
  const socket = await established({}, other.port);
  expect(await handshake({}, other.port)).toBe("ECONNRESET");
  expect(refused).toBe(1);
  socket.destroy();
  await other.listener.close({ graceMs: 0 });
});

test("a new certificate is for new connections; those that are there live on", async () => {
  const other = await open();
  const socket = await established({}, other.port);
  other.listener.useCertificate(second);
  const nameOf = (one: TLSSocket) => one.getPeerCertificate().subject.CN;
  expect([nameOf(socket), nameOf(await established({}, other.port))]).toEqual(["first", "second"]);
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  socket.write(`GET / HTTP/1.1\r\n${closing}`);
  await once(socket, "close");
  expect(text).toContain("root");

  expect(() => other.listener.useCertificate({ ...first, key: second.key })).toThrow(/mismatch/);
  const after = await established({ maxVersion: "TLSv1.2" }, other.port);
  expect([nameOf(after), after.getProtocol()]).toEqual(["second", "TLSv1.2"]);
  // Not only at the first certificate.
  const renegotiated = new Promise((resolve) => after.on("error", resolve).renegotiate({}, resolve));
  expect(await renegotiated).toMatchObject({ code: "ERR_SSL_NO_RENEGOTIATION" });
  await other.listener.close({ graceMs: 0 });
});

test("Listener.close() does not wait for handshakes, and waits for an answer under way", async () => {
  const other = new Listener({ logger, tls: true });
  other.useCertificate(first);
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  other.app.get("/long", async (_request, reply) => {
    reply.hijack();
    reply.raw.write("begun");
    await mayEnd;
    reply.raw.end("ended");
  });
  const address = await other.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" });
  const silent = connectTcp(address.port, "127.0.0.1");
  await once(silent, "connect");
  const idle = await established({}, address.port);
  const busy = await established({}, address.port);
  let received = "";
  busy.setEncoding("latin1").on("data", (chunk: string) => (received += chunk));
  busy.write(`GET /long HTTP/1.1\r\n${host}\r\n`);
  await once(busy, "data");
  const closed = other.close({ graceMs: 5000 });
  const ends = [silent, idle, busy].map((socket) => once(socket, "close"));
  end();
  await closed;
  await Promise.all(ends);
  expect(received.endsWith("ended\r\n0\r\n\r\n")).toBe(true);
});

test("a listener of plain HTTP has no certificate", () => {
  expect(() => new Listener({ logger }).useCertificate(first)).toThrow("plain HTTP");
  expect(
    () => new TlsConnections(createServer(), { onHandshakeRefused: undefined, onClientRefused: undefined }),
  ).toThrow(TypeError);
});
