import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NamespacePods, type PodProperty, type PodQuery } from "./namespace-pods.ts";
import { type Pod, readPod } from "./pod.ts";

function pod(
  uid: string,
  { name = `pod-${uid}`, labels = {} }: { name?: string; labels?: object } = {},
): Pod {
  return readPod({ metadata: { uid, namespace: "team-a", name, labels } }) as Pod;
}

/** Counts how many pods were looked at. */
function labelProperty(key: string): PodProperty & { looks: number } {
  return {
    id: `label ${key}`,
    looks: 0,
    valuesOf({ labels }) {
      this.looks++;
      const value = labels.get(key);
      return value === undefined ? [] : [value];
    },
  };
}

const uidsOf = (pods: readonly Pod[]) => pods.map(({ uid }) => uid);

describe("NamespacePods", () => {
  test("finds what a look at every pod finds, whatever happens in between", () => {
    const names = ["a-1", "a-2", "a-3", "ab", "b"];
    const anyPod = fc
      .record({
        index: fc.nat({ max: names.length - 1 }),
        labels: fc.dictionary(fc.constantFrom("x", "y", "z"), fc.constantFrom("1", "2"), { maxKeys: 3 }),
      })
      .map(({ index, labels }) => pod(String(index), { name: names[index]!, labels }));
    const term = fc.record({
      property: fc.constantFrom("x", "y", "z").map((key) => labelProperty(key)),
      values: fc
        .uniqueArray(fc.constantFrom("1", "2", "3"), { maxLength: 3 })
        .map((values) => new Set(values)),
    });
    const query: fc.Arbitrary<PodQuery> = fc.record({
      prefix: fc.constantFrom("", "a", "a-", "a-1", "c"),
      terms: fc.array(term, { maxLength: 3 }),
    });
    const step = fc.oneof(
      anyPod.map((pod) => ({ kind: "set", pod }) as const),
      fc.nat({ max: names.length - 1 }).map((index) => ({ kind: "delete", uid: String(index) }) as const),
      query.map((query) => ({ kind: "find", query }) as const),
    );
    // Many pods that never match: so the index is used.
    const crowd = Array.from({ length: 100 }, (_, index) => pod(`c${index}`, { name: `a-crowd-${index}` }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
        const pods = new NamespacePods(crowd);
        const model = new Map<string, Pod>();
        for (const step of steps) {
          if (step.kind === "set") {
            pods.set(step.pod, model.get(step.pod.uid));
            model.set(step.pod.uid, step.pod);
          } else if (step.kind === "delete") {
            const known = model.get(step.uid);
            if (known === undefined) continue;
            pods.delete(known);
            model.delete(step.uid);
          } else {
            const { prefix, terms } = step.query;
            const expected = [...model.values(), ...crowd]
              .filter(({ name }) => name.startsWith(prefix))
              .filter((pod) =>
                terms.every(({ property, values }) =>
                  property.valuesOf(pod).some((value) => values.has(value)),
                ),
              )
              .sort((a, b) => (a.name < b.name ? -1 : 1));
            expect(uidsOf(pods.find(step.query))).toEqual(uidsOf(expected));
          }
        }
        expect(pods.size).toBe(model.size + crowd.length);
      }),
      { numRuns: 500 },
    );
  });

  test("forgets the value that a pod had before, and the pod that is gone", () => {
    const crowd = Array.from({ length: 100 }, (_, index) => pod(`c${index}`, { labels: { x: "0" } }));
    const [before, other] = [pod("1", { labels: { x: "1" } }), pod("2", { labels: { x: "1" } })];
    const pods = new NamespacePods([...crowd, before, other]);
    const property = labelProperty("x");
    const find = (value: string) =>
      uidsOf(pods.find({ prefix: "", terms: [{ property, values: new Set([value]) }] }));
    expect(find("1")).toEqual(["1", "2"]);
    pods.set(pod("1", { labels: { x: "2" } }), before);
    expect([find("1"), find("2")]).toEqual([["2"], ["1"]]);
    pods.delete(other);
    expect(find("1")).toEqual([]);
    pods.set(pod("1"), pod("1", { labels: { x: "2" } }));
    expect(find("2")).toEqual([]);
  });

  test("makes one index at a time, however many terms there are", () => {
    const pods = new NamespacePods(Array.from({ length: 1000 }, (_, index) => pod(String(index))));
    const properties = Array.from({ length: 20 }, (_, index) => labelProperty(`key-${index}`));
    const terms = properties.map((property) => ({ property, values: new Set(["x"]) }));
    pods.find({ prefix: "", terms });
    expect(properties.reduce((sum, { looks }) => sum + looks, 0)).toBe(1000);
  });

  test("looks at no other pods than those that match, once it has been asked for such before", () => {
    const labels = (index: number) => ({ app: index % 500 === 0 ? "rare" : "common", n: String(index) });
    const pods = new NamespacePods(
      Array.from({ length: 5000 }, (_, index) => pod(String(index), { labels: labels(index) })),
    );
    const [app, n] = [labelProperty("app"), labelProperty("n")];
    const rare = { prefix: "", terms: [{ property: app, values: new Set(["rare"]) }] };
    expect(pods.find(rare)).toHaveLength(10);
    app.looks = 0;
    expect(pods.find(rare)).toHaveLength(10);
    expect(app.looks).toBe(0);
    // The rarest of several, in whatever order they come.
    const one = { property: n, values: new Set(["7"]) };
    const common = { property: app, values: new Set(["common"]) };
    pods.find({ prefix: "", terms: [one] });
    [app.looks, n.looks] = [0, 0];
    expect(pods.find({ prefix: "", terms: [common, one] })).toHaveLength(1);
    expect(app.looks + n.looks).toBe(1);
    // A prefix that is rarer still.
    [app.looks, n.looks] = [0, 0];
    expect(pods.find({ prefix: "pod-4999", terms: [common] })).toHaveLength(1);
    expect(app.looks).toBe(1);
  });

  test("keeps a bounded number of indexes, the latest used", () => {
    const pods = new NamespacePods(Array.from({ length: 100 }, (_, index) => pod(String(index))));
    const properties = Array.from({ length: 17 }, (_, index) => labelProperty(`key-${index}`));
    const find = (property: PodProperty) =>
      pods.find({ prefix: "", terms: [{ property, values: new Set(["x"]) }] });
    for (const property of properties) find(property);
    const looks = (property: PodProperty & { looks: number }) => {
      property.looks = 0;
      find(property);
      return property.looks;
    };
    expect(looks(properties[16]!)).toBe(0);
    expect(looks(properties[1]!)).toBe(0);
    expect(looks(properties[0]!)).toBe(100);
    // Making it again has driven out the one that was not used for longest, which is not the first any more.
    expect(looks(properties[1]!)).toBe(0);
    expect(looks(properties[2]!)).toBe(100);
  });
});
