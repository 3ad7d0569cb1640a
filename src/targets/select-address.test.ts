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

function pod(name: string, { namespace = "team-a", phase = "Running", ip = "10.244.0.11" } = {}): Pod {
  return readPod({ metadata: { uid: name, namespace, name }, status: { phase, podIP: ip } }) as Pod;
}

function select(
  pods: Pod[],
  asked: { ip?: string; port?: number } = {},
  rules: Partial<AccessSettings> = {},
) {
  const store = new PodStore();
  store.replace(pods);
  const selection = { ip: "10.244.0.11", port: 9000, tls: true, path: "/metrics?x", ...asked };
  return selectAddress(selection, { pods: store, policy: new AccessPolicy({ ...settings, ...rules }) });
}

describe("selectAddress()", () => {
  const target = { ip: "10.244.0.11", port: 9000, tls: true, path: "/metrics?x" };

  test("names the one running pod that has the address", () => {
    const app = pod("app-1");
    const named = { ...target, pod: app, namespace: "team-a", podName: "app-1" };
    expect(select([app])).toEqual(named);
    expect(select([app, pod("old", { phase: "Succeeded" }), pod("new", { phase: "Pending" })])).toEqual(
      named,
    );
    const unnamed = { ...target, pod: undefined, namespace: "", podName: "" };
    expect(select([app, pod("app-2", { namespace: "team-b" })])).toEqual(unnamed);
    expect(select([], {}, { kubesdRequirePod: false })).toEqual(unnamed);
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
