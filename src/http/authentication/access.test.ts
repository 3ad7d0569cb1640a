// Namespaces and addresses against a caller who sees some of the namespaces.
import { expect, test } from "vitest";

import { PodStore } from "../../discovery/pod-store.ts";
import { type Pod, readPod } from "../../discovery/pod.ts";
import type { Namespaces } from "../../targets/namespace.ts";
import { divideByReach, requireHolders } from "./address-access.ts";
import { type Caller, unrestrictedCaller } from "./caller.ts";
import { requireNamespaces, visibleNamespaces } from "./namespace-access.ts";

function callerOf(namespaces: string[], onAsk: (asked: Namespaces) => void = () => undefined): Caller {
  return {
    name: "ann",
    seesAll: false,
    visible: (asked) => {
      onAsk(asked);
      if (asked === "*") return Promise.resolve(namespaces.includes("*") ? "*" : []);
      return Promise.resolve(asked.filter((name) => namespaces.includes(name)));
    },
  };
}

const pod = (name: string, namespace: string, podIP: string, phase = "Running") =>
  readPod({ metadata: { uid: name, name, namespace }, status: { podIP, phase } }) as Pod;

const unheld = 'Cannot scrape address "10.0.0.9": no running pod has it (KUBESD_REQUIRE_POD)';
const policy = { checkHolders: () => ({ refused: "pod", text: unheld }) as const };

test("requireNamespaces() lets through who may see all of them, and names the first of the others", async () => {
  const ann = callerOf(["team-a"]);
  await requireNamespaces(ann, ["team-a"]);
  await requireNamespaces(callerOf(["*"]), "*");
  await requireNamespaces(unrestrictedCaller, ["x"]);
  await requireNamespaces(unrestrictedCaller, "*");
  await expect(requireNamespaces(ann, ["team-a", "team-b", "team-c"])).rejects.toMatchObject({
    status: 403,
    message:
      'Cannot scrape namespace "team-b": the caller has no permission there (KUBERNETES_AUTH_RESOURCE)',
    options: { authenticationFailure: "not_permitted" },
  });
  await expect(requireNamespaces(ann, "*")).rejects.toMatchObject({
    status: 403,
    message: expect.stringMatching(/whole cluster \(KUBERNETES_AUTH_RESOURCE\)$/),
  });
});

test("visibleNamespaces() leaves out what the caller may not see, and refuses who sees none", async () => {
  const known = () => Promise.resolve(["team-a", "team-b"]);
  const visible = (caller: Caller, configured: Namespaces) =>
    visibleNamespaces(caller, configured, { known });
  expect(await visible(callerOf(["team-b"]), ["team-a", "team-b"])).toEqual(["team-b"]);
  expect(await visible(callerOf(["*"]), "*")).toBe("*");
  expect(await visible(callerOf(["team-b"]), "*")).toEqual(["team-b"]);
  expect(await visible(unrestrictedCaller, "*")).toBe("*");
  for (const configured of ["*", ["team-a"]] as const) {
    await expect(visible(callerOf(["x"]), configured)).rejects.toMatchObject({
      status: 403,
      options: { authenticationFailure: "not_permitted" },
    });
  }
});

test("visibleNamespaces() looks through 500 namespaces and no more", async () => {
  const names = Array.from({ length: 501 }, (_, index) => `n${index}`);
  const visible = (count: number) =>
    visibleNamespaces(callerOf(["n1"]), "*", { known: () => Promise.resolve(names.slice(0, count)) });
  expect(await visible(500)).toEqual(["n1"]);
  await expect(visible(501)).rejects.toMatchObject({
    status: 403,
    message: expect.stringContaining('"namespace"'),
  });
});

const holders = (caller: Caller, ip: string, pods: PodStore, signal = new AbortController().signal) =>
  requireHolders(caller, ip, { pods, policy, signal });

test("requireHolders() needs permission in every namespace that holds the address, and says nothing of them", async () => {
  const pods = new PodStore();
  pods.replace([
    pod("a", "team-a", "10.0.0.1"),
    pod("host-a", "team-a", "10.0.0.9"),
    pod("host-b", "team-b", "10.0.0.9", "Pending"),
    pod("done", "team-b", "10.0.0.1", "Succeeded"),
    pod("failed", "team-b", "10.0.0.1", "Failed"),
  ]);
  await holders(callerOf(["team-a"]), "10.0.0.1", pods);
  await holders(callerOf(["team-a", "team-b"]), "10.0.0.9", pods);
  await holders(callerOf([]), "10.0.0.3", pods);
  await holders(unrestrictedCaller, "10.0.0.9", pods);
  for (const namespaces of [["team-a"], ["team-b"], []]) {
    await expect(holders(callerOf(namespaces), "10.0.0.9", pods)).rejects.toMatchObject({
      status: 403,
      message: unheld,
      options: { authenticationFailure: "not_permitted" },
    });
  }
});

test("requireHolders() asks again for whoever got the address while it asked", async () => {
  const pods = new PodStore();
  pods.replace([pod("a", "team-a", "10.0.0.9")]);
  const asked: Namespaces[] = [];
  const caller = callerOf(["team-a"], (namespaces) => {
    asked.push(namespaces);
    pods.upsert(pod("b", "team-b", "10.0.0.9"));
  });
  await expect(holders(caller, "10.0.0.9", pods)).rejects.toMatchObject({ status: 403 });
  expect(asked).toEqual([["team-a"], ["team-b"]]);
});

test("requireHolders() ends with the reason of its signal", async () => {
  const pods = new PodStore();
  pods.replace([pod("a", "team-a", "10.0.0.9")]);
  const controller = new AbortController();
  const caller = callerOf(["team-a"], () => controller.abort(new Error("gone")));
  await expect(holders(caller, "10.0.0.9", pods, controller.signal)).rejects.toThrow("gone");
});

test("divideByReach() puts addresses beyond reach that a pod of another namespace has too", async () => {
  const pods = new PodStore();
  pods.replace([
    pod("a", "team-a", "10.0.0.1"),
    pod("host-a", "team-a", "10.0.0.9"),
    pod("host-b", "team-b", "10.0.0.9"),
  ]);
  const targets = ["10.0.0.1", "10.0.0.9", "10.0.0.9"].map((ip) => ({ ip }));
  const addressesOutOfReach = async (caller: Caller) => {
    const { within, beyond } = await divideByReach(caller, targets, { pods });
    expect(within.length + beyond.length).toBe(targets.length);
    return new Set(beyond.map(({ ip }) => ip));
  };
  expect(await addressesOutOfReach(callerOf(["team-a"]))).toEqual(new Set(["10.0.0.9"]));
  expect(await addressesOutOfReach(callerOf(["team-a", "team-b"]))).toEqual(new Set());
  expect(await addressesOutOfReach(unrestrictedCaller)).toEqual(new Set());
});
