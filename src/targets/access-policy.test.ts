import { describe, expect, test } from "vitest";
import { type Pod, readPod } from "../discovery/pod.ts";
import { AccessPolicy, type AccessSettings } from "./access-policy.ts";

const strict: AccessSettings = {
  cidrWhitelist: ["10.244.0.0/16", "fd00:10:244::/64"],
  metricsPathWhitelist: ["/metrics"],
  metricsPathMatch: "full",
  namespaceWhitelist: ["team-a", "team-b"],
  watchNamespaces: [] as string[],
  portWhitelist: [
    { from: 8080, to: 8080 },
    { from: 9000, to: 9999 },
  ],
  kubesdRequirePod: true,
};
const open: AccessSettings = {
  ...strict,
  metricsPathMatch: "search",
  namespaceWhitelist: [],
  portWhitelist: [],
  kubesdRequirePod: false,
};

function pod({ namespace = "team-a", phase = "Running", ips = ["10.244.0.11"] } = {}): Pod {
  const metadata = { uid: `${namespace}-${phase}`, namespace, name: "app-1" };
  return readPod({ metadata, status: { phase, podIPs: ips.map((ip) => ({ ip })) } }) as Pod;
}

describe("AccessPolicy", () => {
  test("checkPath() goes by METRICS_PATH_WHITELIST and METRICS_PATH_MATCH", () => {
    expect(new AccessPolicy(strict).checkPath("/metrics")).toBeUndefined();
    expect(new AccessPolicy(open).checkPath("/admin/metrics")).toBeUndefined();
    expect(new AccessPolicy(strict).checkPath("/admin/metrics")).toEqual({
      refused: "path",
      text: 'Cannot scrape path "/admin/metrics": not on METRICS_PATH_WHITELIST',
    });
  });

  test("checkIp() goes by CIDR_WHITELIST", () => {
    const policy = new AccessPolicy(strict);
    expect(policy.checkIp("10.244.0.11")).toBeUndefined();
    expect(policy.checkIp("fd00:10:244::11")).toBeUndefined();
    expect(policy.checkIp("10.245.0.11")).toEqual({
      refused: "cidr",
      text: 'Cannot scrape address "10.245.0.11": not in CIDR_WHITELIST',
    });
    const everywhere = new AccessPolicy({ ...strict, cidrWhitelist: ["0.0.0.0/0"] });
    expect(everywhere.checkIp("10.245.0.11")).toBeUndefined();
    expect(everywhere.checkIp("169.254.169.254")).toEqual({
      refused: "cidr",
      text: 'Cannot scrape address "169.254.169.254": not in CIDR_WHITELIST, where a link-local address needs a range of its own',
    });
  });

  test("checkNamespace() goes by NAMESPACE_WHITELIST", () => {
    expect(new AccessPolicy(strict).checkNamespace("team-b")).toBeUndefined();
    expect(new AccessPolicy(open).checkNamespace("kube-system")).toBeUndefined();
    for (const namespace of ["kube-system", "team", "team-a-x", "constructor"]) {
      expect(new AccessPolicy(strict).checkNamespace(namespace)).toEqual({
        refused: "namespace",
        text: `Cannot scrape namespace "${namespace}": not on NAMESPACE_WHITELIST`,
      });
    }
  });

  test("checkPort() goes by PORT_WHITELIST", () => {
    const policy = new AccessPolicy(strict);
    for (const port of [8080, 9000, 9500, 9999]) expect(policy.checkPort(port)).toBeUndefined();
    for (const port of [1, 22, 2379, 6443, 8079, 8081, 8999, 10000, 10250, 65535]) {
      expect(policy.checkPort(port)).toEqual({
        refused: "port",
        text: `Cannot scrape port ${port}: not on PORT_WHITELIST`,
      });
    }
    expect(new AccessPolicy(open).checkPort(22)).toBeUndefined();
  });

  test("checkHolders() goes by KUBESD_REQUIRE_POD and the namespaces of the holders", () => {
    const ip = "10.244.0.11";
    const check = (settings: Partial<AccessSettings>, pods: Pod[], refused: string | undefined) =>
      expect(new AccessPolicy({ ...strict, ...settings }).checkHolders(ip, pods)?.refused).toBe(refused);
    check({}, [pod()], undefined);
    check({}, [pod(), pod({ namespace: "team-b" })], undefined);
    check({}, [], "pod");
    check({}, [pod({ phase: "Pending" })], "pod");
    check({}, [pod({ phase: "Succeeded" })], "pod");
    check({}, [pod({ phase: "Failed" })], "pod");
    check({}, [pod({ phase: "Unknown" })], "pod");
    check({}, [pod({ phase: "" })], "pod");
    check({}, [pod({ phase: "Succeeded" }), pod()], undefined);
    // A namespace that is not allowed: with others, pending, ended, and without the other rule.
    check({}, [pod({ namespace: "kube-system" })], "namespace");
    check({}, [pod(), pod({ namespace: "kube-system" })], "namespace");
    check({}, [pod(), pod({ namespace: "kube-system", phase: "Pending" })], "namespace");
    check({}, [pod(), pod({ namespace: "kube-system", phase: "Succeeded" })], undefined);
    check({}, [pod(), pod({ namespace: "kube-system", phase: "Failed" })], undefined);
    check({ kubesdRequirePod: false }, [pod({ namespace: "kube-system" })], "namespace");
    check({ kubesdRequirePod: false }, [], undefined);
    check({ kubesdRequirePod: false }, [pod({ phase: "Pending" })], undefined);
    check({ namespaceWhitelist: [] }, [pod({ namespace: "kube-system" })], undefined);
    check({ namespaceWhitelist: [] }, [], "pod");
    expect(new AccessPolicy(strict).checkHolders(ip, [])?.text).toBe(
      'Cannot scrape address "10.244.0.11": no running pod has it (KUBESD_REQUIRE_POD)',
    );
    expect(new AccessPolicy(strict).checkHolders(ip, [pod({ namespace: "kube-system" })])?.text).toBe(
      'Cannot scrape address "10.244.0.11": a pod outside NAMESPACE_WHITELIST has it',
    );
  });

  test("addressOf() gives the first address in CIDR_WHITELIST, also when asked again", () => {
    const policy = new AccessPolicy(strict);
    const check = (ips: string[], expected: string | undefined) => {
      const example = pod({ ips });
      for (let time = 0; time < 2; time += 1) expect(policy.addressOf(example)).toBe(expected);
    };
    check(["10.244.0.11"], "10.244.0.11");
    check(["fd00:10:244::11", "10.244.0.11"], "fd00:10:244::11");
    check(["192.0.2.1", "fd00:10:244::11"], "fd00:10:244::11");
    check(["169.254.169.254"], undefined);
    check([], undefined);
  });

  test("refuses settings that do not parse", () => {
    expect(() => new AccessPolicy({ ...strict, cidrWhitelist: ["10/8"] })).toThrow(/CIDR_WHITELIST/);
    expect(() => new AccessPolicy({ ...strict, metricsPathWhitelist: [""] })).toThrow(
      /METRICS_PATH_WHITELIST/,
    );
  });
});
