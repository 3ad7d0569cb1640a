import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, test } from "vitest";

import { ClientGoneError, clientGoneSignal } from "./client-presence.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function serve(handler: (response: ServerResponse, url: string) => void): Promise<number> {
  const server = createServer((request, response) => handler(response, request.url ?? ""));
  cleanups.push(() => server.close().closeAllConnections());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

test("clientGoneSignal() aborts every request of a connection that closes, pipelined ones too", async () => {
  const signals: AbortSignal[] = [];
  const { promise: bothArrived, resolve } = Promise.withResolvers<void>();
  const port = await serve((response) => {
    if (signals.push(clientGoneSignal(response)) === 2) resolve();
  });
  const socket = connect(port, "127.0.0.1");
  socket.write(get("/a") + get("/b"));
  await bothArrived;
  socket.destroy();
  for (const signal of signals) {
    if (!signal.aborted) await once(signal, "abort");
    expect(signal.reason).toBeInstanceOf(ClientGoneError);
  }
});

test("clientGoneSignal() stays quiet after a finished answer", async () => {
  const signals: AbortSignal[] = [];
  const port = await serve((response) => {
    signals.push(clientGoneSignal(response));
    response.end("x");
  });
  const socket = connect(port, "127.0.0.1");
  socket.write(get("/a"));
  await once(socket, "data");
  socket.destroy();
  await once(socket, "close");
  await new Promise(setImmediate);
  expect(signals.map((signal) => signal.aborted)).toEqual([false]);
});
