import { expect, test } from "vitest";
import { type Caller, mayGet, stranger, unrestrictedCaller } from "./caller.ts";

const asked: unknown[] = [];
const teamA: Caller = {
  name: "team-a",
  seesAll: false,
  visible: (namespaces) => {
    asked.push(namespaces);
    if (namespaces === "*") return Promise.resolve([]);
    return Promise.resolve(namespaces.filter((name) => name === "a"));
  },
};

test("who is not known sees nothing, and has no name", async () => {
  expect([stranger.name, stranger.seesAll]).toEqual([undefined, false]);
  expect(await stranger.visible(["a"])).toEqual([]);
  expect(await mayGet(stranger, ["a"])).toBe(false);
  expect(await mayGet(stranger, "*")).toBe(false);
});

test("who is not restricted sees what he asks for", async () => {
  expect([unrestrictedCaller.name, unrestrictedCaller.seesAll]).toEqual([undefined, true]);
  expect(await unrestrictedCaller.visible(["a", "b"])).toEqual(["a", "b"]);
  expect(await unrestrictedCaller.visible("*")).toBe("*");
  expect(await mayGet(unrestrictedCaller, "*")).toBe(true);
});

test("mayGet() wants every namespace, and of all the whole", async () => {
  expect(await mayGet(teamA, ["a"])).toBe(true);
  expect(await mayGet(teamA, ["a", "b"])).toBe(false);
  expect(await mayGet(teamA, "*")).toBe(false);
  expect(asked).toEqual([["a"], ["a", "b"], "*"]);
  expect(await mayGet({ ...teamA, visible: () => Promise.resolve("*") }, "*")).toBe(true);
});

test("mayGet() asks nothing where everything may be seen", async () => {
  const visible = () => Promise.reject(new Error("asked"));
  expect(await mayGet({ ...unrestrictedCaller, visible }, ["a"])).toBe(true);
});
