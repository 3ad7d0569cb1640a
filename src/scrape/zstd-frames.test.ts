import { constants, zstdCompressSync } from "node:zlib";

import { expect, test } from "vitest";

import { ZstdFrames } from "./zstd-frames.ts";

const frame = zstdCompressSync("a 1\n", { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const skippable = Buffer.of(0x5f, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2);

test("ZstdFrames finds where frames end, in a chunk and across chunks", () => {
  const whole = new ZstdFrames();
  const bytes = Buffer.concat([frame, skippable, frame]);
  expect(whole.next(bytes, 0)).toBe(frame.length);
  expect(whole.next(bytes, frame.length)).toBe(frame.length + skippable.length);
  expect(whole.next(bytes, frame.length + skippable.length)).toBe(bytes.length);
  expect([whole.count, whole.complete]).toEqual([3, true]);

  const cut = new ZstdFrames();
  expect(cut.next(frame.subarray(0, 7), 0)).toBe(7);
  expect(cut.next(bytes.subarray(7), 0)).toBe(frame.length - 7);
});

test("ZstdFrames is complete at the end of a frame, and only there", () => {
  const frames = new ZstdFrames();
  expect(frames.complete).toBe(false);
  for (const bytes of [frame, skippable]) {
    const complete = [...bytes].map((byte) => {
      frames.next(Buffer.of(byte), 0);
      return frames.complete;
    });
    expect(complete).toEqual([...bytes].map((_, index) => index === bytes.length - 1));
  }
});

test("ZstdFrames refuses what is no frame at its first wrong byte", () => {
  const at = (bytes: readonly number[]) => {
    const frames = new ZstdFrames();
    return bytes.findIndex((byte) => frames.next(Buffer.of(byte), 0) === undefined);
  };
  expect(at([0x1f, 0x8b])).toBe(0);
  expect(at([0x28, 0xb5, 0x2f, 0xfc])).toBe(3);
  expect(at([0x28, 0x2a])).toBe(1);
  expect(at([0x60])).toBe(0);
  expect(at([0x50, 0x2a, 0x4d, 0x19])).toBe(3);
  expect(at([0x28, 0xb5, 0x2f, 0xfd, 0x08])).toBe(4);
  expect(at([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 7, 0, 0])).toBe(8);
  expect(at([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0])).toBe(-1);
});
