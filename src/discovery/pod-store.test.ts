import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PodStore } from "./pod-store.ts";
import { type Pod, readPod } from "./pod.ts";

function pod(uid: string, { name = `pod-${uid}`, namespace = "team-a", ips = ["10.244.0.1"] } = {}): Pod {
  const podIPs = ips.map((ip) => ({ ip }));
  return readPod({ metadata: { uid, namespace, name }, status: { podIPs } }) as Pod;
}

const namesOf = (pods: readonly Pod[]) => pods.map(({ name }) => name);
const uidsOf = (pods: readonly Pod[]) => pods.map(({ uid }) => uid);

describe("PodStore", () => {
  test("is empty at first", () => {
    const store = new PodStore();
    expect(store.size).toBe(0);
    expect(store.find("team-a", { prefix: "", terms: [] })).toEqual([]);
    expect(store.byIp("10.244.0.1")).toEqual([]);
    expect(store.get("1")).toBeUndefined();
    expect(store.countByNamespace()).toEqual(new Map());
  });

  test("find() gives the pods of a prefix by name, then uid", () => {
    const store = new PodStore();
    const names = ["app", "app-", "app-1", "app-10", "app-2", "app.x", "apple", "ap", "b", "a"];
    store.replace(names.map((name, index) => pod(String(index), { name })));
    store.upsert(pod("u2", { name: "app-2" }));
    store.upsert(pod("other", { name: "app-1", namespace: "team-b" }));
    const check = (prefix: string, expected: string[]) =>
      expect(namesOf(store.find("team-a", { prefix: prefix, terms: [] })), prefix).toEqual(expected);
    check("app-", ["app-", "app-1", "app-10", "app-2", "app-2"]);
    check("app-1", ["app-1", "app-10"]);
    check("app-10", ["app-10"]);
    check("app-100", []);
    check("app", ["app", "app-", "app-1", "app-10", "app-2", "app-2", "app.x", "apple"]);
    check("", ["a", "ap", "app", "app-", "app-1", "app-10", "app-2", "app-2", "app.x", "apple", "b"]);
    check("c", []);
    check("0", []);
    expect(uidsOf(store.find("team-a", { prefix: "app-2", terms: [] }))).toEqual(["4", "u2"]);
    expect(store.inNamespace("team-b")).toHaveLength(1);
    expect(store.inNamespace("__proto__")).toEqual([]);
  });

  test("gives lists that later changes leave as they are", () => {
    const store = new PodStore();
    store.replace([pod("1"), pod("2")]);
    const [listed, held] = [store.inNamespace("team-a"), store.byIp("10.244.0.1")];
    store.delete("1");
    store.upsert(pod("3"));
    store.replace([]);
    expect([uidsOf(listed), uidsOf(held)]).toEqual([
      ["1", "2"],
      ["1", "2"],
    ]);
  });

  test("upsert() replaces the pod with the same uid in every index", () => {
    const store = new PodStore();
    const check = (pods: Pod[]) => {
      for (const pod of pods) store.upsert(pod);
      expectSame(store, pods.slice(-1));
    };
    check([pod("1", { ips: ["10.0.0.1"] }), pod("1", { ips: ["10.0.0.2"] })]);
    check([pod("1"), pod("1", { name: "a-1" })]);
    check([pod("1"), pod("1", { namespace: "team-b" })]);
  });

  test("replace() keeps what was there when the new list cannot be read to its end", () => {
    const store = new PodStore();
    store.replace([pod("1")]);
    function* broken() {
      yield pod("2");
      throw new Error("broken");
    }
    expect(() => store.replace(broken())).toThrow("broken");
    expect(uidsOf(store.inNamespace("team-a"))).toEqual(["1"]);
  });

  test("does what a list of pods without any index does", () => {
    const example = fc
      .record({
        uid: fc.constantFrom("1", "2", "3", "4", "5", "6"),
        name: fc.constantFrom("a-1", "a-2", "ab"),
        namespace: fc.constantFrom("team-a", "team-a", "team-b"),
        ips: fc.uniqueArray(fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1"), { maxLength: 2 }),
      })
      .map(({ uid, ...rest }) => pod(uid, rest));
    const step = fc.oneof(
      example.map((pod) => ({ kind: "upsert", pod }) as const),
      fc.constantFrom("1", "2", "3", "4", "5", "6", "7").map((uid) => ({ kind: "delete", uid }) as const),
      fc.array(example, { maxLength: 8 }).map((pods) => ({ kind: "replace", pods }) as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const store = new PodStore();
        let model: Pod[] = [];
        for (const step of steps) {
          if (step.kind === "upsert") {
            store.upsert(step.pod);
            model = [...model.filter(({ uid }) => uid !== step.pod.uid), step.pod];
          } else if (step.kind === "delete") {
            store.delete(step.uid);
            model = model.filter(({ uid }) => uid !== step.uid);
          } else {
            store.replace(step.pods);
            model = step.pods.filter(
              (pod, at) => !step.pods.slice(at + 1).some(({ uid }) => uid === pod.uid),
            );
          }
          expectSame(store, model);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("tells holders of an address in the order in which they got it", () => {
    const store = new PodStore();
    const holders = (ip = "10.0.0.1") =>
      store.holders(ip).map(({ pod, isNews }) => `${pod.uid}${isNews ? "!" : ""}`);
    const at = (uid: string, o: { ips?: string[]; startTime?: string; namespace?: string } = {}) => {
      const { ips = ["10.0.0.1"], startTime, namespace = "team-a" } = o;
      const podIPs = ips.map((ip) => ({ ip }));
      return readPod({ metadata: { uid, namespace, name: uid }, status: { podIPs, startTime } }) as Pod;
    };
    store.replace([at("b"), at("a")]);
    store.upsert(at("c"));
    expect(holders()).toEqual(["b", "a", "c!"]);
    // A change leaves a pod where it is; another address is another matter.
    store.upsert(at("b"));
    store.upsert(at("a", { ips: ["10.0.0.2"] }));
    expect(holders()).toEqual(["b", "c!"]);
    store.upsert(at("a"));
    expect(holders()).toEqual(["b", "c!", "a!"]);
    expect(holders("10.0.0.2")).toEqual([]);
    store.delete("b");
    // A list keeps the order of those that are known, and puts others where their start says.
    store.replaceNamespace("team-b", [at("x", { namespace: "team-b" })]);
    expect(holders()).toEqual(["c!", "a!", "x"]);
    const started = (uid: string, second: number) =>
      at(uid, { namespace: "team-c", startTime: `2026-01-01T00:00:0${second}Z` });
    store.replaceNamespace("team-c", [started("late", 9), started("early", 1), started("middle", 5)]);
    expect(holders()).toEqual(["c!", "a!", "x", "early", "middle", "late"]);
    store.replaceNamespace("team-a", [at("a"), at("c")]);
    expect(holders()).toEqual(["c!", "a!", "x", "early", "middle", "late"]);
  });

  test("remembers which pods were deleted, not those of a namespace that it forgets", () => {
    const store = new PodStore();
    const gone = () => ["1", "2", "3", "4"].filter((uid) => store.isGone(uid));
    store.replace([pod("1"), pod("2"), pod("3"), pod("4", { namespace: "team-b" })]);
    store.delete("1");
    store.delete("unknown");
    store.replaceNamespace("team-a", [pod("2")]);
    expect(gone()).toEqual(["1", "3"]);
    store.forget("team-a");
    expect(gone()).toEqual(["1", "3"]);
    expect([store.size, store.byIp("10.244.0.1").length, store.countIn("team-a")]).toEqual([1, 1, 0]);
    store.upsert(pod("3"));
    expect(gone()).toEqual(["1"]);
    store.replace([]);
    expect(gone()).toEqual(["1", "3", "4"]);
    store.upsert(pod("1"));
    store.forget(undefined);
    expect([store.size, store.namespaces()]).toEqual([0, []]);
    for (let index = 0; index < 10_000; index += 1) {
      store.upsert(pod(`x${index}`));
      store.delete(`x${index}`);
    }
    expect(gone()).toEqual([]);
    expect(store.isGone("x0")).toBe(true);
  });

  test("takes many changes and look-ups in a large namespace", () => {
    const store = new PodStore();
    const name = (index: number) => `app-${String(index % 100).padStart(2, "0")}-${index}`;
    store.replace(
      Array.from({ length: 20_000 }, (_, index) => pod(String(index), { name: name(index), ips: [] })),
    );
    const started = performance.now();
    for (let index = 0; index < 5000; index += 1) {
      store.delete(String(index));
      store.upsert(pod(`new-${index}`, { name: name(index) }));
      store.find("team-a", { prefix: `app-07-${index}`, terms: [] });
    }
    // About 0.1 s; sorting or scanning at every step takes minutes.
    expect(performance.now() - started).toBeLessThan(5000);
    expect(store.find("team-a", { prefix: "app-07-", terms: [] })).toHaveLength(200);
  });
});

function expectSame(store: PodStore, model: readonly Pod[]): void {
  const order = (pods: readonly Pod[]) =>
    [...pods].sort((a, b) => (`${a.name} ${a.uid}` < `${b.name} ${b.uid}` ? -1 : 1));
  expect(store.size).toBe(model.length);
  for (const uid of ["1", "2", "3", "4", "5", "6", "7"]) {
    expect(store.get(uid)).toBe(model.find((pod) => pod.uid === uid));
  }
  for (const namespace of ["team-a", "team-b"]) {
    const pods = model.filter((pod) => pod.namespace === namespace);
    for (const prefix of ["", "a", "a-", "a-1", "b", "c"]) {
      expect(store.find(namespace, { prefix: prefix, terms: [] })).toEqual(
        order(pods.filter(({ name }) => name.startsWith(prefix))),
      );
    }
    expect(store.countByNamespace().get(namespace)).toBe(pods.length || undefined);
  }
  for (const ip of ["10.0.0.1", "10.0.0.2", "fd00::1"]) {
    expect(order(store.byIp(ip))).toEqual(order(model.filter(({ ips }) => ips.includes(ip))));
  }
}
