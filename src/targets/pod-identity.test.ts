import { describe, expect, test } from "vitest";
import { PodStore } from "../discovery/pod-store.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import { candidatesOf, isCurrent } from "./pod-identity.ts";
import type { Target } from "./target.ts";

const ip = "10.244.0.11";

interface PodFields {
  readonly namespace?: string;
  readonly phase?: string;
  readonly ips?: readonly string[];
  readonly ports?: readonly object[];
  readonly resourceVersion?: string;
  readonly labels?: object;
}

function pod(uid: string, o: PodFields = {}): Pod {
  const { namespace = "team-a", phase = "Running", ips = [ip], ports = [], resourceVersion, labels } = o;
  return readPod({
    metadata: { uid, namespace, name: `pod-${uid}`, resourceVersion, labels },
    spec: { containers: [{ name: "app", ports }] },
    status: { phase, podIP: ips[0], podIPs: ips.map((address) => ({ ip: address })) },
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
  return { namespace: "", podName: "", ip, port: 9100, tls: false, path: "/metrics", ...o };
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
