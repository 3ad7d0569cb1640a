import { expect, test } from "vitest";
import { type Pod, readPod } from "../discovery/pod.ts";
import { withoutRivals } from "./address-claims.ts";

const ip = "10.244.0.11";
const [first, later] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"];

interface Example {
  readonly startTime?: string;
  readonly ready?: boolean;
  readonly node?: string;
}

/** With a node: on the network of that host. */
function pod(uid: string, { startTime, ready = true, node }: Example = {}): Pod {
  return readPod({
    metadata: { uid, namespace: "a", name: `pod-${uid}` },
    spec: { nodeName: node, hostNetwork: node !== undefined },
    status: { startTime, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  }) as Pod;
}

const owners = (...pods: Pod[]) =>
  withoutRivals(pods.map((pod) => ({ pod, ip, port: 1 }))).map(({ pod }) => pod.uid);

test("withoutRivals() leaves an address and port to one of the pods that claim it", () => {
  expect(owners()).toEqual([]);
  expect(owners(pod("a"))).toEqual(["a"]);
  expect(owners(pod("b"), pod("a"))).toEqual(["a"]);
  expect(owners(pod("b", { startTime: first }), pod("a", { startTime: later }))).toEqual(["b"]);
  expect(owners(pod("b", { startTime: later }), pod("a"))).toEqual(["a"]);
  // The one before is not Ready any more, as on a node that is dead.
  expect(owners(pod("a", { startTime: first, ready: false }), pod("b", { startTime: later }))).toEqual(["b"]);
});

test("withoutRivals() leaves it to all on the network of a host", () => {
  expect(owners(pod("a", { node: "1" }), pod("b", { node: "1" }))).toEqual(["a", "b"]);
  expect(owners(pod("a", { node: "1" }), pod("b", { node: "2" }))).toEqual(["a", "b"]);
  expect(owners(pod("a", { node: "1" }), pod("b"))).toEqual(["a"]);
});

test("withoutRivals() leaves other addresses and ports alone", () => {
  const apart = [
    { pod: pod("a"), ip, port: 1 },
    { pod: pod("a"), ip, port: 2 },
    { pod: pod("b"), ip, port: 3 },
    { pod: pod("b"), ip: "10.244.0.12", port: 1 },
  ];
  expect(withoutRivals(apart)).toEqual(apart);
});
