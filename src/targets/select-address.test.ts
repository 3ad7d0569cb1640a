import { describe, expect, test } from "vitest";
import { PodStore } from "../discovery/pod-store.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import { AccessPolicy, type AccessSettings } from "./access-policy.ts";
import { selectAddress } from "./select-address.ts";

const settings: AccessSettings = {
  cidrWhitelist: ["10.244.0.0/16"],
  metricsPathWhitelist: ["/metrics"],
  metricsPathMatch: "full",
  namespaceWhitelist: ["team-a", "team-b"],
  watchNamespaces: [] as string[],
  portWhitelist: [{ from: 9000, to: 9999 }],
  kubesdRequirePod: true,
};

function pod(
  name: string,
  { namespace = "team-a", phase = "Running", ip = "10.244.0.11", port = 0 } = {},
): Pod {
  return readPod({
    metadata: { uid: name, namespace, name },
    spec: { containers: [{ name: "app", ports: port === 0 ? [] : [{ containerPort: port }] }] },
    status: { phase, podIP: ip },
  }) as Pod;
}

function select(
  pods: Pod[],
  asked: { ip?: string; port?: number; uid?: string } = {},
  rules: Partial<AccessSettings> = {},
) {
  const store = new PodStore();
  store.replace(pods);
  const selection = { ip: "10.244.0.11", port: 9000, tls: true, path: "/metrics?x", ...asked };
  return selectAddress(selection, { pods: store, policy: new AccessPolicy({ ...settings, ...rules }) });
}

describe("selectAddress()", () => {
  const target = { ip: "10.244.0.11", port: 9000, tls: true, path: "/metrics?x" };

  test("names the one running pod that can be meant", () => {
    const app = pod("app-1");
    const named = {
      ...target,
      pod: app,
      namespace: "team-a",
      podName: "app-1",
      candidates: ["app-1"],
    };
    expect(select([app])).toEqual(named);
    expect(select([app, pod("old", { phase: "Succeeded" }), pod("new", { phase: "Pending" })])).toEqual(
      named,
    );
    const other = pod("app-2", { namespace: "team-b" });
    const unnamed = { ...target, pod: undefined, namespace: "", podName: "" };
    expect(select([other, app])).toMatchObject({ ...unnamed, candidates: ["app-1", "app-2"] });
    expect(select([], {}, { kubesdRequirePod: false })).toEqual({ ...unnamed, candidates: [] });
    expect(select([other, app], { uid: "app-1" })).toEqual(named);
    const declaring = pod("app-3", { port: 9000 });
    expect(select([other, app, declaring])).toMatchObject({ pod: declaring, candidates: ["app-3"] });
  });

  test("holds the caller to the pod that it names", () => {
    const a = pod("a");
    const loose = { kubesdRequirePod: false };
    const text = 'Cannot scrape address "10.244.0.11": another pod has it by now (target_uid)';
    for (const rules of [{}, loose]) {
      expect(select([a], { uid: "b" }, rules)).toEqual({ refused: "pod", text });
      expect(select([a, pod("b", { phase: "Pending" })], { uid: "b" }, rules)).toEqual({
        refused: "pod",
        text: 'Cannot scrape address "10.244.0.11": the pod that is meant does not run there (target_uid)',
      });
      expect(select([a], { uid: "a" }, rules)).toMatchObject({ pod: a, candidates: ["a"] });
    }
    expect(select([], { uid: "b" })).toMatchObject({ refused: "pod" });
    // Nobody is known to have the address: it may be a pod of a namespace that is not watched.
    expect(select([], { uid: "b" }, loose)).toMatchObject({ pod: undefined, candidates: ["b"] });
    expect(select([pod("a", { phase: "Failed" })], { uid: "b" }, loose)).toMatchObject({ candidates: ["b"] });
    // What may be said of other namespaces goes first.
    const elsewhere = pod("c", { namespace: "kube-system" });
    expect(select([elsewhere], { uid: "b" })).toMatchObject({ refused: "namespace" });
    expect(select([a, elsewhere], { uid: "a" })).toMatchObject({ refused: "namespace" });
  });

  test("refuses what the policy refuses", () => {
    const check = (result: ReturnType<typeof select>, refused: string) =>
      expect(result).toMatchObject({ refused });
    check(select([pod("x", { ip: "192.0.2.1" })], { ip: "192.0.2.1" }), "cidr");
    check(select([pod("x", { ip: "169.254.169.254" })], { ip: "169.254.169.254" }), "cidr");
    check(select([pod("x")], { port: 22 }), "port");
    check(select([]), "pod");
    check(select([pod("x", { phase: "Pending" })]), "pod");
    check(select([pod("x"), pod("y", { namespace: "kube-system" })]), "namespace");
  });
});
