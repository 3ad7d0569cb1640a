import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";

import { destroyStalledClient, writeAnswer } from "./answer-writer.ts";
import { ClientGoneError } from "./client-presence.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** A server whose only answer is written by `handler`; resolves with its port. */
async function serve(handler: (response: ServerResponse) => unknown): Promise<number> {
  const server = createServer((_request, response) => void handler(response));
  cleanups.push(() => server.close().closeAllConnections());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function request(port: number): Promise<IncomingMessage> {
  const [response] = (await once(get({ port, host: "127.0.0.1", agent: false }), "response")) as [
    IncomingMessage,
  ];
  return response;
}

const decode = { identity: (body: Buffer) => body, gzip: gunzipSync, zstd: zstdDecompressSync };

function* blocksOf(count: number, size = 256 * 1024): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield Buffer.alloc(size, 97 + (i % 26));
}

for (const coding of ["identity", "gzip", "zstd"] as const) {
  test(`writeAnswer() sends every block whole and ends the answer (${coding})`, async () => {
    let written: Promise<void> | undefined;
    const port = await serve((response) => (written = writeAnswer(response, blocksOf(40), { coding })));
    const body = await buffer(await request(port));
    expect(Buffer.compare(decode[coding](body), Buffer.concat([...blocksOf(40)]))).toBe(0);
    await expect(written).resolves.toBeUndefined();
  });

  test(`writeAnswer() destroys the connection when the generator throws (${coding})`, async () => {
    let written: Promise<void> | undefined;
    function* failing(): Generator<Buffer> {
      yield* blocksOf(4);
      throw new Error("broken");
    }
    const port = await serve((response) => {
      written = writeAnswer(response, failing(), { coding });
      written.catch(() => undefined);
      response.flushHeaders();
    });
    const response = await request(port);
    await expect(buffer(response)).rejects.toThrow("aborted");
    expect(response.complete).toBe(false);
    await expect(written).rejects.toThrow("broken");
  });

  test(`writeAnswer() takes no more blocks than a client reads, and stops when it leaves (${coding})`, async () => {
    let taken = 0;
    let ended = false;
    let written: Promise<void> | undefined;
    function* endless(): Generator<Buffer> {
      try {
        for (;;) {
          taken++;
          // Bytes that nothing can shrink, so that its output fills the socket as well.
          yield Buffer.from(Array.from({ length: 4096 }, () => Math.random() * 256));
        }
      } finally {
        ended = true;
      }
    }
    const port = await serve((response) => {
      written = writeAnswer(response, endless(), { coding });
      written.catch(() => undefined);
    });
    const socket = connect(port, "127.0.0.1").pause();
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await expect.poll(() => taken).toBeGreaterThan(0);
    for (let before = 0; before !== taken;) {
      before = taken;
      await delay(300);
    }
    expect(taken * 4096).toBeLessThan(64 * 1024 * 1024);
    expect(ended).toBe(false);
    socket.destroy();
    await expect(written).rejects.toThrow("the client closed the connection");
    expect(ended).toBe(true);
  });
}

test("writeAnswer() lets other work run while a fast client takes a long answer", async () => {
  let turns = 0;
  let turnsAtEnd = 0;
  function* slowToMake(): Generator<Buffer> {
    for (let i = 0; i < 40; i++) {
      const end = performance.now() + 5;
      while (performance.now() < end);
      yield Buffer.from("x");
    }
    turnsAtEnd = turns;
  }
  const port = await serve((response) => void writeAnswer(response, slowToMake(), { coding: "identity" }));
  const count = () => {
    turns++;
    if (turnsAtEnd === 0) setImmediate(count);
  };
  const response = request(port);
  setImmediate(count);
  await buffer(await response);
  turns = Math.max(turns, turnsAtEnd);
  expect(turnsAtEnd).toBeGreaterThan(5);
});

test("writeAnswer() rejects for a client that left before the first byte", async () => {
  const { promise: left, resolve: hasLeft } = Promise.withResolvers<ServerResponse>();
  const port = await serve((response) => response.once("close", () => hasLeft(response)));
  const socket = connect(port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n", () => socket.destroy());
  await expect(writeAnswer(await left, blocksOf(1), { coding: "identity" })).rejects.toThrow(
    "the client closed the connection",
  );
});

test("destroyStalledClient() destroys a connection that takes nothing", async () => {
  let stalls = 0;
  const { promise: outcome, resolve } = Promise.withResolvers<unknown>();
  const port = await serve((response) => {
    destroyStalledClient(response, { stallMs: 200, onStall: () => stalls++ });
    writeAnswer(response, blocksOf(400), { coding: "identity" }).then(resolve, resolve);
  });
  const socket = connect(port, "127.0.0.1").pause();
  cleanups.push(() => socket.destroy());
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(await outcome).toBeInstanceOf(ClientGoneError);
  expect(stalls).toBe(1);
});

test("destroyStalledClient() leaves alone an answer that waits for its source", async () => {
  let stalls = 0;
  const port = await serve((response) => {
    destroyStalledClient(response, { stallMs: 50, onStall: () => stalls++ });
    response.write("a");
    setTimeout(() => response.end("b"), 300);
  });
  expect((await buffer(await request(port))).toString()).toBe("ab");
  expect(stalls).toBe(0);
});
