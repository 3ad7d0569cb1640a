import { expect, test } from "vitest";
import { PodStore } from "../discovery/pod-store.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { findPods, isNarrow, parsePodFilter, saysWhichPods } from "./pod-filter.ts";

type Values = Parameters<typeof parsePodFilter>[0];

const nothing: Values = {
  selector: undefined,
  workload: [],
  container: [],
  ready: undefined,
  annotated: undefined,
};
const filterOf = (values: Partial<Values>) => parsePodFilter({ ...nothing, ...values });

interface Example {
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
  readonly containers?: readonly string[];
  readonly ready?: boolean;
  readonly phase?: string;
  readonly ip?: string;
}

function pod(name: string, o: Example = {}): Pod {
  const { labels, annotations, containers = ["c"], ready = true, phase = "Running", ip = "10.0.0.1" } = o;
  const ownerReferences = [{ kind: "StatefulSet", name: name.slice(0, 2), controller: true }];
  return readPod({
    metadata: { uid: name, namespace: "a", name, labels, annotations, ownerReferences },
    spec: { containers: containers.map((name) => ({ name })) },
    status: { phase, podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  }) as Pod;
}

test("findPods() takes running pods for which everything holds", () => {
  const store = new PodStore();
  store.replace([
    pod("db-0", { labels: { app: "db" }, containers: ["c", "exporter"] }),
    pod("db-1", { labels: { app: "db" }, ready: false }),
    pod("db-2", { labels: { app: "db" }, phase: "Failed" }),
    pod("db-3", { labels: { app: "db" }, ip: "" }),
    pod("ws-0", { annotations: { "prometheus.io/scrape": "true" } }),
    pod("ws-1", { annotations: { "prometheus.io/scrape": "True" } }),
  ]);
  const find = (values: Partial<Values>, prefix = "") =>
    findPods(store, { namespace: "a", prefix, filter: filterOf(values) }).map(({ name }) => name);
  expect(find({})).toEqual(["db-0", "db-1", "ws-0", "ws-1"]);
  expect(find({}, "db")).toEqual(["db-0", "db-1"]);
  expect(find({ selector: "app=db" })).toEqual(["db-0", "db-1"]);
  expect(find({ selector: "app!=db" })).toEqual(["ws-0", "ws-1"]);
  expect(find({ selector: "app=db", ready: "true" })).toEqual(["db-0"]);
  expect(find({ ready: "false" })).toHaveLength(4);
  expect(find({ workload: ["statefulset/ws"] })).toEqual(["ws-0", "ws-1"]);
  expect(find({ workload: ["statefulset/ws", "statefulset/db,job/x"] })).toHaveLength(4);
  expect(find({ container: ["exporter"] })).toEqual(["db-0"]);
  expect(find({ container: ["exporter,c"], annotated: "true" })).toEqual(["ws-0"]);
  expect(find({ annotated: "true" })).toEqual(["ws-0"]);
  expect(find({ selector: "app=db", workload: ["statefulset/ws"] })).toEqual([]);
});

test("parsePodFilter() refuses what it cannot read", () => {
  for (const values of [
    { selector: "a b" },
    { workload: ["web"] },
    { workload: ["a/b,"] },
    { container: [""] },
    { container: ["a_b"] },
    { container: ["a".repeat(64)] },
    { ready: "yes" },
    { annotated: "" },
  ]) {
    expect(() => filterOf(values), JSON.stringify(values)).toThrow(MalformedRequestError);
  }
});

test("a filter says which pods are meant by label, workload or annotation, and is narrow by anything", () => {
  const both = (values: Partial<Values>) => [saysWhichPods(filterOf(values)), isNarrow(filterOf(values))];
  expect(both({})).toEqual([false, false]);
  expect(both({ ready: "true" })).toEqual([false, true]);
  expect(both({ container: ["c"] })).toEqual([false, true]);
  expect(both({ selector: "a" })).toEqual([true, true]);
  expect(both({ workload: ["job/x"] })).toEqual([true, true]);
  expect(both({ annotated: "true" })).toEqual([true, true]);
});
