import type { Socket } from "node:net";

import { describe, expect, test } from "vitest";

import type { PodError } from "./pod-failure.ts";
import { ResponseFilter } from "./response-filter.ts";

const final = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/** Reads `chunks` through a filter, one read each, as undici would; a destroyed socket shows as its failure. */
function readThrough(chunks: readonly string[], o: { expecting?: boolean } = {}): string {
  const queue = chunks.map((chunk) => Buffer.from(chunk, "latin1"));
  let destroyedWith = "";
  const socket = {
    read: () => queue.shift() ?? null,
    bytesRead: 0,
    destroy: (error: PodError) => (destroyedWith = `[${error.failure.reason}]`),
  };
  const filter = new ResponseFilter(socket as unknown as Socket);
  if (o.expecting !== false) filter.expectResponse({ maxWireBytes: Infinity });
  let read = "";
  for (let i = 0; i < chunks.length; i++) read += socket.read()?.toString("latin1") ?? "";
  return read + destroyedWith;
}

describe("ResponseFilter", () => {
  const check = (name: string, sent: string, expected: string) => {
    test(`${name}, in one piece and cut anywhere`, () => {
      expect(readThrough([sent])).toBe(expected);
      for (let cut = 1; cut < Math.min(sent.length, 200); cut++) {
        expect(readThrough([sent.slice(0, cut), sent.slice(cut)])).toBe(expected);
      }
    });
  };

  check("passes an ordinary response", final, final);
  check("skips 100 Continue", `HTTP/1.1 100 Continue\r\n\r\n${final}`, final);
  check("skips a status without reason", `HTTP/1.1 100\r\n\r\n${final}`, final);
  check("skips 103 with headers", `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${final}`, final);
  check("skips five in a row", `${"HTTP/1.1 102 P\r\n\r\n".repeat(5)}${final}`, final);
  check("ends at the sixth", `${"HTTP/1.1 102 P\r\n\r\n".repeat(6)}${final}`, "[connect]");
  // These are left to undici, which refuses them.
  for (const sent of [
    "HTTP/1.1 101 Up\r\n\r\n",
    "HTTP/1.1 1000 X\r\n\r\n",
    "HTTP/1.1 10x\r\n\r\n",
    "HTTP/2 100 C\r\n\r\n",
  ]) {
    check("passes what is not interim", sent, sent);
  }
  check(
    "passes a body that looks like one",
    `${final}HTTP/1.1 100 C\r\n\r\n`,
    `${final}HTTP/1.1 100 C\r\n\r\n`,
  );

  test("holds no more than 16 KiB", () => {
    const long = `HTTP/1.1 103 E\r\nX: ${"a".repeat(17_000)}`;
    expect(readThrough([long.slice(0, 9000)])).toBe("");
    expect(readThrough([long.slice(0, 9000), long.slice(9000)])).toBe(long);
  });

  test("touches nothing before a response is expected", () => {
    expect(readThrough(["HTTP/1.1 100 C\r\n\r\n"], { expecting: false })).toBe("HTTP/1.1 100 C\r\n\r\n");
  });
});
