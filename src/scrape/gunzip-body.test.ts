import { deflateSync, gzipSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { GunzipBody } from "./gunzip-body.ts";

/** What a body sent in these chunks comes to: its text, or the reason why there is none. */
function gunzip(chunks: readonly Buffer[]): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const body = new GunzipBody({
      data: (chunk) => (text += chunk.toString("latin1")),
      end: () => resolve(text),
      failed: ({ reason }) => resolve(`[${reason}]`),
      drained: () => {},
    });
    let next = 0;
    const write = () => {
      const chunk = chunks[next++];
      if (chunk === undefined) return body.end();
      body.write(chunk);
      setImmediate(write);
    };
    write();
  });
}

const a = gzipSync("a 1\n");
const b = gzipSync("b 2\n");

function withByte(bytes: Buffer, index: number): Buffer {
  const changed = Buffer.from(bytes);
  const at = index < 0 ? bytes.length + index : index;
  changed[at] = changed[at]! ^ 1;
  return changed;
}

describe("GunzipBody", () => {
  const check = (name: string, bytes: Buffer, expected: string) => {
    test(`${name} gives ${JSON.stringify(expected)}, cut anywhere`, async () => {
      const cuts = [[bytes]];
      for (let i = 0; i <= bytes.length; i++) cuts.push([bytes.subarray(0, i), bytes.subarray(i)]);
      for (const chunks of cuts) expect(await gunzip(chunks)).toBe(expected);
    });
  };

  check("one member", a, "a 1\n");
  check("two members", Buffer.concat([a, b]), "a 1\nb 2\n");
  check("an empty member between two", Buffer.concat([a, gzipSync(""), b]), "a 1\nb 2\n");
  check("a member within a member", gzipSync(a), a.toString("latin1"));
  check("nothing", Buffer.alloc(0), "[truncated]");
  check("a header cut off", a.subarray(0, 5), "[truncated]");
  check("data cut off", a.subarray(0, 13), "[truncated]");
  check("a trailer cut off", a.subarray(0, -1), "[truncated]");
  check("a second member cut off", Buffer.concat([a, b.subarray(0, -4)]), "[truncated]");
  check("a wrong checksum", withByte(a, -6), "[parse]");
  check("a wrong length", withByte(a, -2), "[parse]");
  check("garbage after it", Buffer.concat([a, Buffer.from("garbage")]), "[parse]");
  check("zero bytes after it", Buffer.concat([a, Buffer.alloc(3)]), "[parse]");
  check("zero bytes and a member after it", Buffer.concat([a, Buffer.alloc(3), b]), "[parse]");
  check("plain text", Buffer.from("a 1\n"), "[parse]");
  check("zlib instead of gzip", deflateSync("a 1\n"), "[parse]");

  test("asks the writer to wait, and calls it back", async () => {
    let drained = () => {};
    const isDrained = new Promise<void>((resolve) => (drained = resolve));
    const body = new GunzipBody({ data: () => {}, end: () => {}, failed: () => {}, drained });
    // Incompressible, so that much goes in.
    const bytes = gzipSync(crypto.getRandomValues(new Uint8Array(65_536)), { level: 0 });
    let accepted = body.write(bytes);
    for (let i = 0; i < 100 && accepted; i++) accepted = body.write(bytes);
    expect(accepted).toBe(false);
    await isDrained;
    body.destroy();
  });

  test("says nothing after destroy()", async () => {
    const calls: string[] = [];
    const body = new GunzipBody({
      data: () => calls.push("data"),
      end: () => calls.push("end"),
      failed: () => calls.push("failed"),
      drained: () => calls.push("drained"),
    });
    body.write(a);
    body.end();
    body.destroy();
    // A second one that was begun later is done: so would the first be.
    const later = new Promise<void>((resolve) => {
      const other = new GunzipBody({ data: () => {}, end: resolve, failed: () => {}, drained: () => {} });
      other.write(a);
      other.end();
    });
    await later;
    expect(calls).toEqual([]);
  });
});
