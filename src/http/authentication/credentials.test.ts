import { expect, test } from "vitest";

import { readCredentials } from "./credentials.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const read = (...values: string[]) =>
  readCredentials(["Host", "authorization", ...values.flatMap((value) => ["AUTHORIZATION", value])]);

test.for([
  [["Bearer abc.d-e_f~+/=="], { scheme: "bearer", token: "abc.d-e_f~+/==" }],
  [["bEARER   abc"], { scheme: "bearer", token: "abc" }],
  [[`Basic ${base64("ann:a:b")}`], { scheme: "basic", user: "ann", password: "a:b" }],
  [[`basic ${base64(":")}`], { scheme: "basic", user: "", password: "" }],
  [[`Basic ${base64("é:ü")}`], { scheme: "basic", user: "é", password: "ü" }],
  [[], { scheme: "none" }],
  // Nobody knows which of the two a proxy on the way has checked.
  [["Bearer a", "Bearer a"], { scheme: "malformed" }],
  [["Bearer"], { scheme: "malformed" }],
  [["Bearer a b"], { scheme: "malformed" }],
  [["Bearer \u00e9"], { scheme: "malformed" }],
  [["abc"], { scheme: "malformed" }],
  [["Digest a=b"], { scheme: "malformed" }],
  [[""], { scheme: "malformed" }],
  [["Basic a:b"], { scheme: "malformed" }],
  [[`Basic ${base64("no colon")}`], { scheme: "malformed" }],
  [[`Basic ${base64("a:b\0")}`], { scheme: "malformed" }],
  [["Basic /zo="], { scheme: "malformed" }],
] as const)("readCredentials(%j) is %j", ([values, expected]) => {
  expect(read(...values)).toEqual(expected);
});

test("readCredentials() takes names of headers alone for names", () => {
  expect(readCredentials(["x", "authorization", "y", "Bearer a"])).toEqual({ scheme: "none" });
});
