import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterEach, expect, test } from "vitest";

import { ClientGoneError } from "./client-presence.ts";
import { pump } from "./pump.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Serves one response; resolves with its port and the outcome of `handler`. */
async function serve(handler: (response: ServerResponse) => Promise<void>) {
  const { promise: outcome, resolve } = Promise.withResolvers<unknown>();
  const server = createServer((_request, response) => {
    handler(response).then(() => resolve("done"), resolve);
  });
  cleanups.push(() => server.close().closeAllConnections());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, outcome };
}

async function request(port: number): Promise<IncomingMessage> {
  const [response] = (await once(get({ port, host: "127.0.0.1", agent: false }), "response")) as [
    IncomingMessage,
  ];
  return response;
}

test("pump() moves the whole body", async () => {
  const chunks = Array.from({ length: 200 }, (_, i) => Buffer.alloc(65_536, i));
  const { port, outcome } = await serve((response) =>
    pump(Readable.from(chunks, { objectMode: false }), response),
  );
  expect(Buffer.compare(await buffer(await request(port)), Buffer.concat(chunks))).toBe(0);
  expect(await outcome).toBe("done");
});

test("pump() moves an empty body", async () => {
  const { port, outcome } = await serve((response) => pump(Readable.from([]), response));
  expect((await buffer(await request(port))).length).toBe(0);
  expect(await outcome).toBe("done");
});

test("pump() destroys the connection when the body breaks", async () => {
  const body = new PassThrough();
  const { port, outcome } = await serve((response) => pump(body, response));
  body.write("begun");
  const response = await request(port);
  body.destroy(new Error("broken"));
  await expect(buffer(response)).rejects.toThrow("aborted");
  expect(await outcome).toEqual(new Error("broken"));
});

test("pump() destroys the connection when the body was broken before", async () => {
  const body = new PassThrough();
  body.on("error", () => undefined);
  const closed = new Promise((resolve) => body.once("close", resolve));
  body.destroy(new Error("broken"));
  await closed;
  const { port, outcome } = await serve((response) => {
    response.flushHeaders();
    return pump(body, response);
  });
  await expect(request(port).then((response) => buffer(response))).rejects.toThrow(/aborted|hang up/);
  expect(await outcome).toEqual(new Error("broken"));
});

test("pump() destroys the body when the client leaves", async () => {
  const body = new PassThrough();
  const { port, outcome } = await serve((response) => pump(body, response));
  body.write("begun");
  const response = await request(port);
  response.destroy();
  expect(await outcome).toBeInstanceOf(ClientGoneError);
  expect(body.destroyed).toBe(true);
});

test("pump() takes no more of the body than the client reads", async () => {
  let taken = 0;
  const body = new Readable({
    read() {
      taken += 65_536;
      this.push(Buffer.alloc(65_536));
    },
  });
  const { port, outcome } = await serve((response) => pump(body, response));
  const client = connect(port, "127.0.0.1").pause();
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await expect.poll(() => taken).toBeGreaterThan(0);
  // It stands still once the buffers of the sockets are full.
  for (let before = 0; before !== taken;) {
    before = taken;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  expect(taken).toBeLessThan(64 * 1024 * 1024);
  client.destroy();
  expect(await outcome).toBeInstanceOf(ClientGoneError);
});
