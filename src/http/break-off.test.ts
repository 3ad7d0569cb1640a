import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterEach, expect, test } from "vitest";

import { breakOff } from "./break-off.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** What a client sees that sends one request to a server which begins an answer and breaks it off. */
async function breakOffFor(version: string): Promise<{ received: string; error: string | undefined }> {
  const { promise: mayBreak, resolve: breakNow } = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    response.write("begun 1\n");
    void mayBreak.then(() => breakOff(response));
  });
  cleanups.push(() => server.close().closeAllConnections());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  let received = "";
  let error: string | undefined;
  client.on("error", (cause: NodeJS.ErrnoException) => (error = cause.code));
  client.setEncoding("latin1").on("data", (text: string) => {
    received += text;
    if (received.includes("begun")) breakNow();
  });
  client.write(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
  await new Promise((resolve) => client.once("close", resolve));
  return { received, error };
}

test("breakOff() leaves an HTTP/1.1 client without the last chunk", async () => {
  const { received } = await breakOffFor("1.1");
  expect(received).toContain("begun 1\n");
  expect(received.endsWith("0\r\n\r\n")).toBe(false);
});

test("breakOff() resets the connection of an HTTP/1.0 client", async () => {
  expect((await breakOffFor("1.0")).error).toBe("ECONNRESET");
});
