import { beforeEach, expect, test } from "vitest";
import { PodStore } from "../pod-store.ts";
import { type Pod, readPod } from "../pod.ts";
import { clusterScope, namespaceScope } from "./pod-scope.ts";
import { ScopeCache } from "./scope-cache.ts";
import type { WatchEvent } from "./watch-events.ts";

let store: PodStore;
let cache: ScopeCache;
beforeEach(() => {
  store = new PodStore();
  cache = new ScopeCache(namespaceScope("team-a"), { store, readPod });
  cache.replace({ pods: [pod("1", "a")], resourceVersion: "10" });
});

const object = (uid: string, name: string, namespace = "team-a") => ({
  metadata: { uid, name, namespace },
  status: { podIP: "10.0.0.1" },
});
const pod = (...args: Parameters<typeof object>) => readPod(object(...args)) as Pod;
const event = (
  type: "ADDED" | "MODIFIED" | "DELETED",
  resourceVersion: string,
  ...args: Parameters<typeof object>
): WatchEvent => ({
  type,
  resourceVersion,
  object: object(...args),
});
const uids = (namespace = "team-a") => store.inNamespace(namespace).map(({ uid }) => uid);

test("lists and events change the pods, and move the version on", () => {
  cache.apply(event("ADDED", "11", "2", "b"));
  expect([uids(), cache.resourceVersion]).toEqual([["1", "2"], "11"]);
  cache.apply(event("DELETED", "12", "1", "a"));
  expect([uids(), cache.resourceVersion]).toEqual([["2"], "12"]);
  cache.replace({ pods: [pod("3", "c")], resourceVersion: "20" });
  expect([uids(), cache.resourceVersion]).toEqual([["3"], "20"]);
});

test("a name that comes back with a new uid replaces the pod, also when its deletion was never seen", () => {
  cache.apply(event("ADDED", "11", "9", "a"));
  expect([uids(), store.byIp("10.0.0.1").map(({ uid }) => uid)]).toEqual([["9"], ["9"]]);
  // The deletion of the old one comes late.
  cache.apply(event("DELETED", "12", "1", "a"));
  expect(uids()).toEqual(["9"]);
});

test("bookmarks move the version on, and never back", () => {
  cache.apply({ type: "BOOKMARK", resourceVersion: "15" });
  expect(cache.resourceVersion).toBe("15");
  // Nor does an older one pass for a sign of life.
  expect(() => cache.apply({ type: "BOOKMARK", resourceVersion: "12" })).toThrow(
    expect.objectContaining({ problem: "regressed" }),
  );
  expect(cache.resourceVersion).toBe("15");
});

test("an event that came already changes nothing", () => {
  cache.apply(event("ADDED", "11", "2", "b"));
  cache.apply(event("DELETED", "11", "2", "b"));
  expect(uids()).toEqual(["1", "2"]);
});

test("an older event is refused: a deleted pod cannot come back", () => {
  cache.apply(event("DELETED", "12", "1", "a"));
  expect(() => cache.apply(event("ADDED", "11", "1", "a"))).toThrow(
    expect.objectContaining({ problem: "regressed" }),
  );
  expect([uids(), cache.resourceVersion]).toEqual([[], "12"]);
});

test("versions without an order are taken as they come", () => {
  cache.replace({ pods: [], resourceVersion: "z" });
  cache.apply(event("ADDED", "b", "1", "a"));
  cache.apply(event("DELETED", "a", "1", "a"));
  expect([uids(), cache.resourceVersion]).toEqual([[], "a"]);
});

test("objects that are no pods of the scope are refused, and leave everything as it is", () => {
  for (const wrong of [{}, null, object("", "b"), object("2", "b", "team-b")]) {
    expect(() => cache.apply({ type: "ADDED", resourceVersion: "11", object: wrong })).toThrow(
      expect.objectContaining({ problem: "malformed" }),
    );
  }
  expect([uids(), uids("team-b"), cache.resourceVersion]).toEqual([["1"], [], "10"]);
});

test("clear() takes out the pods of its own namespace alone", () => {
  const other = new ScopeCache(namespaceScope("team-b"), { store, readPod });
  other.replace({ pods: [pod("5", "a", "team-b")], resourceVersion: "1" });
  cache.clear();
  expect([uids(), uids("team-b"), cache.resourceVersion, store.size]).toEqual([[], ["5"], undefined, 1]);
});

test("the scope of the cluster takes pods of every namespace", () => {
  const all = new ScopeCache(clusterScope, { store, readPod });
  all.replace({ pods: [pod("5", "a", "team-b"), pod("6", "a", "team-c")], resourceVersion: "1" });
  all.apply(event("ADDED", "2", "7", "x", "team-d"));
  expect([uids(), uids("team-b"), uids("team-d")]).toEqual([[], ["5"], ["7"]]);
  all.clear();
  expect(store.size).toBe(0);
});
