import { expect, test } from "vitest";
import { parsePodUid } from "./pod-uid.ts";

test("parsePodUid() takes 1 to 128 letters, digits, dots and dashes, or nothing", () => {
  for (const uid of ["5d1fa0c4-7b3e-4c55-9d7c-000000000001", "a", "A.9-", "f".repeat(128)]) {
    expect(parsePodUid(uid)).toBe(uid);
  }
  expect(parsePodUid(undefined)).toBe(undefined);
  for (const text of ["", "f".repeat(129), "a b", "a/b", "a_b", "é", "a\n"]) {
    expect(() => parsePodUid(text)).toThrow(/^Cannot read pod uid ".*": it has to be 1 to 128/);
  }
});
