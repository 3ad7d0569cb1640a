import { expect, test } from "vitest";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { isInShard, parseShard } from "./shard.ts";

test("parseShard() takes i/n", () => {
  expect(parseShard("0/1")).toEqual({ index: 0, count: 1 });
  expect(parseShard("9/10")).toEqual({ index: 9, count: 10 });
  for (const text of [
    "",
    "1",
    "1/1",
    "2/1",
    "0/0",
    "-1/2",
    "00/2",
    "0/02",
    "0/2/3",
    "0 /2",
    "0/10001",
    "a/b",
    "1.0/2",
  ]) {
    expect(() => parseShard(text), text).toThrow(MalformedRequestError);
  }
});

test("isInShard() puts each pod into exactly one shard, and about as many into each", () => {
  const counts = [0, 0, 0];
  for (let index = 0; index < 3000; index += 1) {
    const uid = `uid-${index}`;
    const found = counts.map((_, shard) => isInShard(uid, { index: shard, count: 3 }));
    expect(found.filter(Boolean)).toHaveLength(1);
    counts[found.indexOf(true)]! += 1;
  }
  for (const count of counts) expect(count).toBeGreaterThan(900);
});

test("isInShard() is the lower half of the MD5 sum, as in Prometheus' hashmod", () => {
  // The sums of md5sum; test/e2e/service-discovery.test.ts compares with a running Prometheus.
  const lowerHalves = { a: 0x31c399e269772661n, b: 0x3ad71c777531578fn, c: 0x95649038408b5f33n };
  for (const [uid, hash] of Object.entries(lowerHalves)) {
    for (const count of [1, 2, 3, 7, 10_000]) {
      const expected = Number(hash % BigInt(count));
      expect(isInShard(uid, { index: expected, count })).toBe(true);
    }
  }
});
