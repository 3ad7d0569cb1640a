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
    'Cannot tell which namespaces: the parameter "namespace" is missing, and neither WATCH_NAMESPACES nor NAMESPACE_WHITELIST names any',
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
