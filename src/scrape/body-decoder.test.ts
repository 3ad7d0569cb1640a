import { constants, createZstdCompress, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";

import { describe, expect, test } from "vitest";

import { BodyDecoder } from "./body-decoder.ts";

type Coding = "gzip" | "zstd";

/** What a body sent in these chunks comes to: its text, or the reason why there is none. */
function decode(coding: Coding, chunks: readonly Buffer[]): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const body = new BodyDecoder(coding, {
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

function withByte(bytes: Buffer, index: number): Buffer {
  const changed = Buffer.from(bytes);
  const at = index < 0 ? bytes.length + index : index;
  changed[at] = changed[at]! ^ 1;
  return changed;
}

/** Registers a test that gives the bytes to a decoder whole, byte by byte, and cut in two everywhere. */
const checker = (coding: Coding) => (name: string, bytes: Buffer, expected: string) => {
  test(`${name} gives ${JSON.stringify(expected)}, cut anywhere`, async () => {
    const cuts = [[bytes], [...bytes].map((byte) => Buffer.of(byte))];
    for (let i = 0; i <= bytes.length; i++) cuts.push([bytes.subarray(0, i), bytes.subarray(i)]);
    for (const chunks of cuts) expect(await decode(coding, chunks)).toBe(expected);
  });
};

describe("BodyDecoder, gzip", () => {
  const check = checker("gzip");
  const a = gzipSync("a 1\n");
  const b = gzipSync("b 2\n");

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
  check("zstd instead of gzip", zstdCompressSync("a 1\n"), "[parse]");
});

describe("BodyDecoder, zstd", () => {
  const check = checker("zstd");
  const a = zstdCompressSync("a 1\n");
  const b = zstdCompressSync("b 2\n", { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  const skippable = Buffer.concat([Buffer.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0), Buffer.from("xyz")]);
  const emptySkippable = Buffer.of(0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0);

  check("one frame", a, "a 1\n");
  check("two frames", Buffer.concat([a, b]), "a 1\nb 2\n");
  check("an empty frame between two", Buffer.concat([a, zstdCompressSync(""), b]), "a 1\nb 2\n");
  check("skippable frames", Buffer.concat([skippable, a, emptySkippable, b, skippable]), "a 1\nb 2\n");
  check("nothing but a skippable frame", skippable, "");
  check("a frame within a frame", zstdCompressSync(a), a.toString("latin1"));
  check("nothing", Buffer.alloc(0), "[truncated]");
  check("a magic number cut off", a.subarray(0, 3), "[truncated]");
  check("a header cut off", a.subarray(0, 5), "[truncated]");
  check("data cut off", a.subarray(0, -1), "[truncated]");
  check("a checksum cut off", b.subarray(0, -1), "[truncated]");
  check("a second frame cut off", Buffer.concat([a, b.subarray(0, 7)]), "[truncated]");
  check("a second magic number cut off", Buffer.concat([a, b.subarray(0, 1)]), "[truncated]");
  check("a skippable frame cut off", Buffer.concat([a, skippable.subarray(0, -1)]), "[truncated]");
  check("a wrong checksum", withByte(b, -1), "[parse]");
  check("a second frame with a wrong checksum", Buffer.concat([a, withByte(b, -1)]), "[parse]");
  check("garbage after it", Buffer.concat([a, Buffer.from("garbage")]), "[parse]");
  check("one byte after it", Buffer.concat([a, Buffer.from("g")]), "[parse]");
  check("zero bytes after it", Buffer.concat([a, Buffer.alloc(3)]), "[parse]");
  check("zero bytes and a frame after it", Buffer.concat([a, Buffer.alloc(3), b]), "[parse]");
  check("plain text", Buffer.from("a 1\n"), "[parse]");
  check("gzip instead of zstd", gzipSync("a 1\n"), "[parse]");

  // What the encoder does not make: content of unknown size, blocks of every type, all lengths of the header.
  const magic = [0x28, 0xb5, 0x2f, 0xfd];
  const raw = (text: string, last = 1) => [(text.length << 3) | last, 0, 0, ...Buffer.from(text)];
  check("a raw block", Buffer.from([...magic, 0, 0, ...raw("a 1\n")]), "a 1\n");
  check(
    "several blocks",
    Buffer.from([...magic, 0, 0, ...raw("a ", 0), ...raw("1\n", 0), ...raw("")]),
    "a 1\n",
  );
  check("a repeated byte", Buffer.from([...magic, 0, 0, (5 << 3) | 2, 0, 0, 0x61, ...raw("\n")]), "aaaaa\n");
  check("a size of one byte", Buffer.from([...magic, 0x20, 4, ...raw("a 1\n")]), "a 1\n");
  check("a size of four bytes", Buffer.from([...magic, 0xa0, 4, 0, 0, 0, ...raw("a 1\n")]), "a 1\n");
  const eight = [4, 0, 0, 0, 0, 0, 0, 0];
  check(
    "a window and a size of eight bytes",
    Buffer.from([...magic, 0xc0, 0, ...eight, ...raw("a 1\n")]),
    "a 1\n",
  );
  check("a dictionary number of zero", Buffer.from([...magic, 3, 0, 0, 0, 0, 0, ...raw("a 1\n")]), "a 1\n");
  check("a dictionary", Buffer.from([...magic, 1, 0, 7, ...raw("a 1\n")]), "[parse]");
  check("a reserved bit", Buffer.from([...magic, 8, 0, ...raw("a 1\n")]), "[parse]");
  check("a reserved type of block", Buffer.from([...magic, 0, 0, 7, 0, 0]), "[parse]");
  check("a wrong size", Buffer.from([...magic, 0x20, 5, ...raw("a 1\n")]), "[parse]");

  /** All that is said of a stream, in whole sentences. */
  const failureOf = (bytes: Buffer) =>
    new Promise((resolve) => {
      const ignore = () => {};
      const body = new BodyDecoder("zstd", { data: ignore, end: ignore, failed: resolve, drained: ignore });
      body.write(bytes);
      body.end();
    });

  test("a window of 8 MiB is taken, a larger one is not, and the words say so", async () => {
    const withWindow = async (windowLog: number) => {
      const encoder = createZstdCompress({ params: { [constants.ZSTD_c_windowLog]: windowLog } });
      encoder.write("a 1\n");
      encoder.flush();
      encoder.end("b 2\n");
      return Buffer.concat((await encoder.toArray()) as Buffer[]);
    };
    expect(await decode("zstd", [await withWindow(23)])).toBe("a 1\nb 2\n");
    const tooLarge = { reason: "parse", detail: "the zstd stream needs a window of more than 8 MiB" };
    expect(await failureOf(await withWindow(24))).toEqual(tooLarge);
    // In a single segment the window is the content.
    const content = Buffer.alloc(16 * 1024 * 1024, "a 1\n");
    const single = zstdCompressSync(content, { params: { [constants.ZSTD_c_windowLog]: 24 } });
    expect(await failureOf(single)).toEqual(tooLarge);
  });

  test("a stream cut short is noticed without the decoder, which does not notice in older versions of Node", () => {
    const failures: string[] = [];
    const ignore = () => {};
    const failed = ({ reason }: { reason: string }) => failures.push(reason);
    const body = new BodyDecoder("zstd", { data: ignore, end: ignore, failed, drained: ignore });
    body.write(a.subarray(0, -1));
    body.end();
    expect(failures).toEqual(["truncated"]);
  });

  test("1000 frames are taken, more are not", async () => {
    const frames = (count: number) => Buffer.concat(Array.from({ length: count }, () => a));
    expect(await decode("zstd", [frames(1000)])).toBe("a 1\n".repeat(1000));
    expect(await decode("zstd", [frames(1001)])).toBe("[parse]");
    expect(await decode("zstd", [frames(500), frames(500), frames(1)])).toBe("[parse]");
  });

  test("a body of several megabytes comes whole, in chunks of any size", async () => {
    const text = Array.from({ length: 200_000 }, (_, i) => `metric_${(i * 7919) % 200_000} ${i}\n`).join("");
    const bytes = Buffer.concat([zstdCompressSync(text), zstdCompressSync(text)]);
    for (const size of [1000, 65_536, bytes.length]) {
      const count = Math.ceil(bytes.length / size);
      const chunks = Array.from({ length: count }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
      expect(await decode("zstd", chunks)).toBe(text + text);
    }
  });
});

describe.each([
  ["gzip", gzipSync("a 1\n"), (bytes: Uint8Array) => gzipSync(bytes, { level: 0 })],
  ["zstd", zstdCompressSync("a 1\n"), (bytes: Uint8Array) => zstdCompressSync(bytes)],
] as const)("BodyDecoder, %s", (coding, a, encode) => {
  test("asks the writer to wait, and calls it back", async () => {
    let drained = () => {};
    const isDrained = new Promise<void>((resolve) => (drained = resolve));
    const body = new BodyDecoder(coding, { data: () => {}, end: () => {}, failed: () => {}, drained });
    // Incompressible, so that much goes in.
    const bytes = encode(crypto.getRandomValues(new Uint8Array(65_536)));
    let accepted = body.write(bytes);
    for (let i = 0; i < 100 && accepted; i++) accepted = body.write(bytes);
    expect(accepted).toBe(false);
    await isDrained;
    body.destroy();
  });

  test("says nothing after destroy()", async () => {
    const calls: string[] = [];
    const body = new BodyDecoder(coding, {
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
      const other = new BodyDecoder(coding, {
        data: () => {},
        end: resolve,
        failed: () => {},
        drained: () => {},
      });
      other.write(a);
      other.end();
    });
    await later;
    expect(calls).toEqual([]);
  });
});
