import { expect, test } from "vitest";
import { AccessPolicy } from "./access-policy.ts";
import type { Namespaces } from "./namespace.ts";
import { allowedNamespaces, NamespaceScope } from "./namespace-scope.ts";

function scope(known: Namespaces, whitelist: readonly string[] = []): NamespaceScope {
  return new NamespaceScope({ known, whitelist, policy: policyOf(known, whitelist) });
}

function policyOf(known: Namespaces, whitelist: readonly string[]): AccessPolicy {
  return new AccessPolicy({
    cidrWhitelist: ["10.0.0.0/8"],
    metricsPathWhitelist: ["/"],
    metricsPathMatch: "full",
    namespaceWhitelist: whitelist,
    watchNamespaces: known,
    portWhitelist: [],
    kubesdRequirePod: false,
  });
}

test("a request that names no namespace means those that are configured", () => {
  expect(scope(["a", "b"]).all()).toEqual(["a", "b"]);
  expect(scope("*").all()).toBe("*");
  expect(scope("*", ["a"]).all()).toEqual(["a"]);
  expect(scope([], ["a"]).all()).toEqual(["a"]);
  expect(scope(["a", "b"], ["b", "c"]).all()).toEqual(["b"]);
  expect(() => scope([]).all()).toThrow(
    'Cannot tell which namespaces: the parameter "namespace" is missing, and WATCH_NAMESPACES and NAMESPACE_WHITELIST leave none',
  );
});

test("one request does not make up many namespaces that nobody configured", () => {
  const names = (count: number) => Array.from({ length: count }, (_, index) => `n${index}`);
  expect(scope([]).resolve(names(10))).toEqual({ namespaces: names(10) });
  expect(() => scope([]).resolve(names(11))).toThrow(
    "Cannot select 11 namespaces: at most 10 are taken up at once, unless WATCH_NAMESPACES or NAMESPACE_WHITELIST names them",
  );
  expect(scope([], names(50)).resolve(names(50))).toEqual({ namespaces: names(50) });
  expect(scope(names(50)).resolve(names(50))).toEqual({ namespaces: names(50) });
  expect(scope("*").resolve(names(50))).toEqual({ namespaces: names(50) });
  expect(scope([], names(100)).all()).toEqual(names(100));
  expect(scope("*", names(101)).all()).toEqual(names(101));
  expect(() => scope([], names(101)).all()).toThrow(
    "Cannot list the 101 namespaces of NAMESPACE_WHITELIST: at most 100 are watched that WATCH_NAMESPACES does not name",
  );
});

test("* means every namespace that may be scraped, where all are watched", () => {
  expect(scope("*").resolve("*")).toEqual({ namespaces: "*" });
  expect(scope("*", ["a"]).resolve("*")).toEqual({ namespaces: ["a"] });
  const refusal = { refused: "namespace", text: 'Cannot select namespace "*": WATCH_NAMESPACES is not "*"' };
  expect(scope(["a"]).resolve("*")).toEqual(refusal);
  expect(scope([]).resolve("*")).toEqual(refusal);
  expect(scope([], ["a"]).resolve("*")).toEqual(refusal);
});

test("each namespace asked for must be allowed", () => {
  expect(scope([]).resolve(["a", "b"])).toEqual({ namespaces: ["a", "b"] });
  expect(scope(["a"]).resolve(["a", "b"])).toMatchObject({
    refused: "namespace",
    text: expect.stringContaining('"b"') as string,
  });
  expect(scope("*", ["a"]).resolve(["b"])).toMatchObject({ refused: "namespace" });
});

test("allowedNamespaces() are those that have pods and may be scraped", () => {
  const pods = { namespaces: () => ["a", "b", "c"] };
  expect(allowedNamespaces("*", { pods, policy: policyOf("*", []) })).toEqual(["a", "b", "c"]);
  expect(allowedNamespaces("*", { pods, policy: policyOf("*", ["c", "d"]) })).toEqual(["c"]);
  expect(allowedNamespaces(["x"], { pods, policy: policyOf("*", []) })).toEqual(["x"]);
});
