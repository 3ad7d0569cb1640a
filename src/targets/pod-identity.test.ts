import { describe, expect, test } from "vitest";
import { PodStore } from "../discovery/pod-store.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import { candidatesOf, findUidProblem, isCurrent } from "./pod-identity.ts";
import type { Target } from "./target.ts";

const ip = "10.244.0.11";

interface PodFields {
  readonly namespace?: string;
  readonly phase?: string;
  readonly hostNetwork?: boolean;
  readonly nodeName?: string;
  readonly annotations?: object;
  readonly startTime?: string;
  readonly ips?: readonly string[];
  readonly ports?: readonly object[];
  readonly resourceVersion?: string;
  readonly labels?: object;
}

function pod(uid: string, o: PodFields = {}): Pod {
  const { namespace = "team-a", phase = "Running", ips = [ip], ports = [] } = o;
  const { resourceVersion, labels, annotations, hostNetwork, nodeName, startTime } = o;
  return readPod({
    metadata: { uid, namespace, name: `pod-${uid}`, resourceVersion, labels, annotations },
    spec: { hostNetwork, nodeName, containers: [{ name: "app", ports }] },
    status: { phase, startTime, podIP: ips[0], podIPs: ips.map((address) => ({ ip: address })) },
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

function targetOf(o: Pick<Target, "pod" | "candidates">): Target {
  return {
    namespace: "",
    podName: "",
    ip,
    port: 9100,
    tls: false,
    path: "/metrics",
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
    // Pods on the network of one host end without each other.
    check(two, [pod("a")], true, strict);
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
  /** First the list is known, then the news come. */
  const both = (list: readonly Pod[], news: readonly Pod[], expected: boolean) => {
    const pods = new PodStore();
    pods.replace(list);
    for (const pod of news) pods.upsert(pod);
    for (const target of targets) {
      expect(isCurrent(target, { pods, requirePod: false })).toBe(expected);
      expect(isCurrent(target, { pods, requirePod: true })).toBe(expected);
    }
  };
  const host = (uid: string, o: PodFields = {}) => pod(uid, { hostNetwork: true, nodeName: "node-1", ...o });

  test("does not hold, although nothing is known of the end of the one before", () => {
    both([pod("a")], [pod("new", { namespace: "team-b" })], false);
    both([pod("a")], [pod("new", { phase: "Pending" })], false);
    both([pod("a"), pod("new", { ips: [] })], [pod("new")], false);
  });

  test("holds if the other pod had it before, has ended or says that it listens elsewhere", () => {
    both([pod("new")], [pod("a")], true);
    both([pod("new")], [pod("a"), pod("new", { labels: { x: "y" } })], true);
    both([pod("a")], [pod("new", { phase: "Succeeded" })], true);
    both([pod("a")], [pod("new", { phase: "Failed" })], true);
    both([pod("a")], [pod("new", { ports: [{ containerPort: 8080 }] })], true);
    both([pod("a")], [pod("new", { ports: [{ containerPort: 8080 }, { containerPort: 9100 }] })], false);
    both([pod("a")], [pod("new", { annotations: { "prometheus.io/port": "8080" } })], true);
    both([pod("a")], [pod("new", { annotations: { "prometheus.io/port": "9100" } })], false);
  });

  test("goes by the time at which nodes took pods up where both stand in lists", () => {
    const started = (uid: string, seconds: number, o: PodFields = {}) =>
      pod(uid, { ...o, startTime: `2026-01-01T00:00:0${seconds}Z` });
    both([started("a", 0), started("b", 1)], [], false);
    both([started("b", 1), started("a", 0)], [], false);
    both([started("a", 1), started("b", 0)], [], true);
    both([started("a", 0), started("b", 0)], [], true);
    both([started("a", 0), pod("b")], [], true);
    both([pod("a"), started("b", 0)], [], true);
    // The order of the news is better than clocks.
    both([started("a", 1)], [started("b", 0)], false);
  });

  test("holds for pods on the network of one host, that share all but the port", () => {
    const target = { ...targetOf({ pod: host("a"), candidates: ["a"] }) };
    const check = (news: Pod, expected: boolean) => {
      const pods = new PodStore();
      pods.replace([host("a")]);
      pods.upsert(news);
      expect(isCurrent(target, { pods, requirePod: true })).toBe(expected);
    };
    check(host("new"), true);
    check(host("new", { ports: [{ containerPort: 9100 }] }), false);
    check(host("new", { nodeName: "node-2" }), false);
    check(pod("new"), false);
  });

  test("holds for an address of which nothing was known", () => {
    const unknown = targetOf({ pod: undefined, candidates: [] });
    check(unknown, [pod("new")], true);
  });
});

describe("a pod that is known, or known to be deleted", () => {
  const pods = new PodStore();
  pods.replace([
    pod("ended", { phase: "Succeeded" }),
    pod("moved", { ips: ["10.244.0.99"] }),
    pod("deleted", { ips: ["10.244.0.98"] }),
    pod("host", { ips: ["10.244.0.50"], hostNetwork: true }),
  ]);
  pods.delete("deleted");
  const problemOf = (uid: string, o: { address?: string; requirePod?: boolean } = {}) =>
    findUidProblem(uid, { ip: o.address ?? ip, pods, requirePod: o.requirePod ?? false });

  test("cannot be meant at another address, whether every pod is known or not", () => {
    for (const uid of ["ended", "moved", "deleted"]) {
      expect(problemOf(uid)).toBe("the pod that is meant does not run there (target_uid)");
      const target = targetOf({ pod: undefined, candidates: [uid] });
      expect(isCurrent(target, { pods, requirePod: false })).toBe(false);
    }
    expect(problemOf("moved", { address: "10.244.0.99" })).toBeUndefined();
  });

  test("may be there if it is unknown, unless every pod is known or another has the address", () => {
    expect(problemOf("unknown")).toBeUndefined();
    expect(problemOf("unknown", { requirePod: true })).toBe(
      "no known pod with this uid has it (target_uid, KUBESD_REQUIRE_POD)",
    );
    expect(problemOf("unknown", { address: "10.244.0.99" })).toBe("another pod has it by now (target_uid)");
    // Pods on the network of a host say nothing of others there.
    expect(problemOf("unknown", { address: "10.244.0.50" })).toBeUndefined();
    const target = { ...targetOf({ pod: undefined, candidates: ["unknown"] }), ip: "10.244.0.50" };
    expect(isCurrent(target, { pods, requirePod: false })).toBe(true);
  });
});
