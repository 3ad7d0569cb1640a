import { describe, expect, test } from "vitest";
import { PodStore } from "../discovery/pod-store.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import { candidatesOf, holdersOf, isCurrent, withoutRivals } from "./pod-identity.ts";
import type { Target } from "./target.ts";

const ip = "10.244.0.11";

interface PodFields {
  readonly namespace?: string;
  readonly phase?: string;
  readonly hostNetwork?: boolean;
  readonly startTime?: string;
  readonly ready?: boolean;
  readonly ips?: readonly string[];
  readonly ports?: readonly object[];
  readonly resourceVersion?: string;
  readonly labels?: object;
}

function pod(uid: string, o: PodFields = {}): Pod {
  const { namespace = "team-a", phase = "Running", ips = [ip], ports = [] } = o;
  const { resourceVersion, labels, hostNetwork, startTime, ready } = o;
  const conditions = ready === undefined ? [] : [{ type: "Ready", status: ready ? "True" : "False" }];
  return readPod({
    metadata: { uid, namespace, name: `pod-${uid}`, resourceVersion, labels },
    spec: { hostNetwork, containers: [{ name: "app", ports }] },
    status: { phase, startTime, conditions, podIP: ips[0], podIPs: ips.map((address) => ({ ip: address })) },
  }) as Pod;
}

describe("candidatesOf()", () => {
  const check = (holders: readonly Pod[], expected: string, o: { uid?: string } = {}) =>
    expect(
      candidatesOf(holders, { port: 9100, ...o })
        .map(({ uid }) => uid)
        .join(" "),
    ).toBe(expected);
  const declares = { ports: [{ containerPort: 9100 }] };

  test("are the pods that run, in the order of uids", () => {
    check([], "");
    check([pod("b"), pod("a")], "a b");
    check([pod("a", { phase: "Succeeded" }), pod("b"), pod("c", { phase: "Pending" })], "b");
  });

  test("are those that declare the port over TCP, if any does", () => {
    check([pod("a"), pod("b", declares), pod("c", declares)], "b c");
    check([pod("a"), pod("b", { ports: [{ containerPort: 9100, protocol: "UDP" }] })], "a b");
    check([pod("a"), pod("b", { ports: [{ containerPort: 9101 }] })], "a b");
    check([pod("a"), pod("b", { ...declares, phase: "Failed" })], "a");
  });

  test("with a uid are that pod alone, whatever it declares", () => {
    check([pod("a"), pod("b", declares)], "a", { uid: "a" });
    check([pod("b", declares)], "", { uid: "a" });
    check([pod("a", { phase: "Failed" })], "", { uid: "a" });
  });
});

/** Of holders it has those that the tests below do not call new. */
function targetOf(o: Pick<Target, "pod" | "candidates">): Target {
  return {
    namespace: "",
    podName: "",
    ip,
    port: 9100,
    tls: false,
    path: "/metrics",
    holders: ["a", "b", "x"],
    ...o,
  };
}

function check(target: Target, now: readonly Pod[], expected: boolean, { requirePod = false } = {}): void {
  const pods = new PodStore();
  pods.replace(now);
  expect(isCurrent(target, { pods, requirePod })).toBe(expected);
}

describe("isCurrent() of a target of /mproxy", () => {
  const target = targetOf({ pod: pod("a") });

  test("holds while the pod runs and has the address, however it changes otherwise", () => {
    check(target, [pod("a")], true);
    check(target, [pod("a", { resourceVersion: "7", labels: { app: "x" } })], true);
    check(target, [pod("a", { ips: ["10.244.0.99", ip] })], true);
    check(target, [pod("a"), pod("b")], true);
  });

  test("ends when the pod is unknown, has ended or has another address", () => {
    check(target, [], false);
    check(target, [pod("a", { phase: "Succeeded" })], false);
    check(target, [pod("a", { phase: "Failed" })], false);
    check(target, [pod("a", { ips: ["10.244.0.99"] })], false);
    // Of the same name, as of a StatefulSet.
    check(target, [{ ...pod("b"), name: "pod-a" }], false);
    check(targetOf({ pod: undefined }), [pod("a")], false);
  });
});

describe("isCurrent() of a target of /kubesd", () => {
  const one = targetOf({ pod: pod("a"), candidates: ["a"] });
  const two = targetOf({ pod: undefined, candidates: ["a", "b"] });
  const unknown = targetOf({ pod: undefined, candidates: [] });
  const other = pod("x", { namespace: "team-b" });

  test("with KUBESD_REQUIRE_POD holds while every candidate runs and has the address", () => {
    const strict = { requirePod: true };
    check(one, [pod("a")], true, strict);
    check(one, [pod("a", { resourceVersion: "7" })], true, strict);
    check(two, [pod("a"), pod("b"), other], true, strict);
    check(one, [], false, strict);
    check(one, [other], false, strict);
    check(one, [pod("a", { phase: "Failed" })], false, strict);
    check(one, [pod("a", { ips: ["10.244.0.99"] })], false, strict);
    check(two, [pod("a")], false, strict);
    check(unknown, [pod("a")], false, strict);
  });

  test("without it ends only when the address is known to be others' alone", () => {
    check(one, [pod("a")], true);
    check(one, [], true);
    check(one, [pod("x", { phase: "Pending" })], true);
    check(one, [pod("x", { phase: "Succeeded" })], true);
    check(one, [other, pod("a")], true);
    check(two, [pod("b"), other], true);
    check(unknown, [other], true);
    check(one, [other], false);
    check(one, [other, pod("a", { phase: "Failed" })], false);
    check(one, [other, pod("a", { ips: ["10.244.0.99"] })], false);
    check(two, [other], false);
  });

  test("holds a pod that the caller has named to its uid", () => {
    const named = targetOf({ pod: undefined, candidates: ["a"] });
    check(named, [], true);
    check(named, [pod("a")], true);
    check(named, [other], false);
    check(named, [], false, { requirePod: true });
  });
});

describe("isCurrent() once another pod has the address too", () => {
  const targets = [targetOf({ pod: pod("a") }), targetOf({ pod: pod("a"), candidates: ["a"] })];
  const both = (now: readonly Pod[], expected: boolean) => {
    for (const target of targets) {
      check(target, now, expected);
      check(target, now, expected, { requirePod: true });
    }
  };

  test("does not hold, although nothing is known of the end of the one before", () => {
    both([pod("a"), pod("new", { namespace: "team-b" })], false);
    both([pod("a"), pod("new", { phase: "Pending" })], false);
  });

  test("holds if that pod had it already, has ended or is on the host's network", () => {
    both([pod("a"), pod("b")], true);
    both([pod("a"), pod("new", { phase: "Succeeded" })], true);
    both([pod("a"), pod("new", { phase: "Failed" })], true);
    both([pod("a"), pod("new", { hostNetwork: true })], true);
  });

  test("does not hold if that pod was there already, but was taken up by its node later", () => {
    const started = (uid: string, startTime: string) => pod(uid, { startTime });
    both([started("a", "2026-01-01T00:00:00Z"), started("b", "2026-01-01T00:00:01Z")], false);
    both([started("a", "2026-01-01T00:00:01Z"), started("b", "2026-01-01T00:00:00Z")], true);
    both([started("a", "2026-01-01T00:00:00Z"), started("b", "2026-01-01T00:00:00Z")], true);
    both([started("a", "2026-01-01T00:00:00Z"), pod("b")], true);
    both([pod("a"), started("b", "2026-01-01T00:00:00Z")], true);
    const onHost = pod("b", { startTime: "2026-01-01T00:00:01Z", hostNetwork: true });
    both([started("a", "2026-01-01T00:00:00Z"), onHost], true);
  });

  test("holds for an address of which nothing was known", () => {
    const unknown = { ...targetOf({ pod: undefined, candidates: [] }), holders: [] };
    check(unknown, [pod("new")], true);
  });
});

test("holdersOf() are all that may have the address", () => {
  const pods = [
    pod("a"),
    pod("b", { phase: "Pending" }),
    pod("c", { phase: "Failed" }),
    pod("d", { phase: "Succeeded" }),
  ];
  expect(holdersOf(pods)).toEqual(["a", "b"]);
});

test("withoutRivals() leaves an address and port to one of the pods that claim it", () => {
  const [first, later] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"];
  const owners = (...pods: Pod[]) =>
    withoutRivals(pods.map((pod) => ({ pod, ip, port: 1 }))).map(({ pod }) => pod.uid);
  expect(owners(pod("a"))).toEqual(["a"]);
  expect(owners(pod("b"), pod("a"))).toEqual(["a"]);
  expect(owners(pod("b", { startTime: first }), pod("a", { startTime: later }))).toEqual(["b"]);
  expect(owners(pod("b", { startTime: later }), pod("a"))).toEqual(["a"]);
  // The one before is not Ready any more, as on a node that is dead.
  const [old, next] = [
    pod("a", { startTime: first, ready: false }),
    pod("b", { startTime: later, ready: true }),
  ];
  expect(owners(old, next)).toEqual(["b"]);
  expect(owners(pod("a", { hostNetwork: true }), pod("b", { hostNetwork: true }))).toEqual(["a", "b"]);
  expect(owners(pod("a", { hostNetwork: true }), pod("c"), pod("b"))).toEqual(["a", "b"]);
  const apart = [
    { pod: pod("a"), ip, port: 1 },
    { pod: pod("a"), ip, port: 2 },
    { pod: pod("b"), ip: "10.244.0.12", port: 1 },
  ];
  expect(withoutRivals(apart)).toEqual(apart);
});
