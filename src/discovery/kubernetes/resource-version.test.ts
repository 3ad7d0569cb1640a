import { expect, test } from "vitest";
import { compareResourceVersions } from "./resource-version.ts";

test.for([
  ["9", "10", -1],
  ["10", "9", 1],
  ["10", "10", 0],
  ["0", "1", -1],
  ["9007199254740993", "9007199254740992", 1],
  ["99999999999999999999999", "100000000000000000000000", -1],
  ["1a", "1", undefined],
  ["", "1", undefined],
  ["1", "01", undefined],
  ["-1", "1", undefined],
] as const)("%s compared with %s is %s", ([a, b, expected]) => {
  expect(compareResourceVersions(a, b)).toBe(expected);
});
