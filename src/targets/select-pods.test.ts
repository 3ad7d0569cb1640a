import { describe, expect, test } from "vitest";
import { PodStore } from "../discovery/pod-store.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import { AccessPolicy, type AccessSettings } from "./access-policy.ts";
import { parseLabelSelector } from "./label-selector.ts";
import type { PodFilter } from "./pod-filter.ts";
import { type PodSelection, selectPods } from "./select-pods.ts";

const settings: AccessSettings = {
  cidrWhitelist: ["10.244.0.0/16", "fd00:10:244::/64"],
  metricsPathWhitelist: ["/metrics"],
  metricsPathMatch: "full",
  namespaceWhitelist: [],
  watchNamespaces: [] as string[],
  portWhitelist: [],
  kubesdRequirePod: false,
};
const everyPod: PodFilter = {
  selector: undefined,
  workloads: [],
  containers: [],
  readyOnly: false,
  annotatedOnly: false,
};
const selection: PodSelection = {
  namespaces: ["team-a"],
  prefix: "app-",
  filter: everyPod,
  ports: [9000],
  tls: false,
  path: "/metrics?x=%41",
};

interface Example {
  name?: string;
  namespace?: string;
  phase?: string;
  ips?: string[];
  ready?: boolean;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  ports?: { name?: string; containerPort: number; protocol?: string }[];
}

/** Each has its own: 10.244.0.11 for app-1, 10.244.0.12 for app-2. */
function addressOf(name: string): string {
  const digits = /[0-9]+$/.exec(name)?.[0];
  return digits === undefined ? `10.244.1.${name.charCodeAt(0)}` : `10.244.0.${10 + Number(digits)}`;
}

function pod(example: Example = {}): Pod {
  const { name = "app-1", namespace = "team-a", phase = "Running", ready = true } = example;
  const { ips = [addressOf(name)] } = example;
  const { labels, annotations, ports } = example;
  return readPod({
    metadata: { uid: `uid-of-${name}`, namespace, name, labels, annotations },
    spec: { containers: [{ name: "c", ports }] },
    status: {
      phase,
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  }) as Pod;
}

function select(pods: Pod[], wanted: Partial<PodSelection> = {}, rules: Partial<AccessSettings> = {}) {
  const store = new PodStore();
  store.replace(pods);
  const policy = new AccessPolicy({ ...settings, ...rules });
  return selectPods({ ...selection, ...wanted }, { pods: store, policy });
}

const endpointsOf = ({ targets }: ReturnType<typeof select>) =>
  targets.map(({ ip, port }) => `${ip} ${port}`);
const namesOf = ({ targets }: ReturnType<typeof select>) => targets.map(({ podName }) => podName);

describe("selectPods()", () => {
  test("gives complete targets in the order of pod names", () => {
    const [second, first] = [pod({ name: "app-2", ips: ["fd00:10:244::2"] }), pod({ name: "app-1" })];
    const common = { namespace: "team-a", port: 9000, tls: true, path: "/metrics?x=%41" };
    expect(select([second, first], { tls: true })).toEqual({
      targets: [
        { ...common, pod: first, podName: "app-1", ip: "10.244.0.11" },
        { ...common, pod: second, podName: "app-2", ip: "fd00:10:244::2" },
      ],
      failed: [],
      outsideCidr: 0,
    });
  });

  test("takes running pods with an address in the namespace, by prefix", () => {
    const pods = [
      pod({ name: "app-1" }),
      pod({ name: "app-2", phase: "Pending" }),
      pod({ name: "app-3", phase: "Succeeded" }),
      pod({ name: "app-4", phase: "Failed" }),
      pod({ name: "app-5", phase: "" }),
      pod({ name: "app-6", ips: [] }),
      pod({ name: "apple-1", ips: ["10.244.0.99"] }),
      pod({ name: "app-7", namespace: "team-b" }),
    ];
    expect(namesOf(select(pods))).toEqual(["app-1"]);
    expect(namesOf(select(pods, { prefix: "app" }))).toEqual(["app-1", "apple-1"]);
    expect(namesOf(select(pods, { prefix: "" }))).toEqual(["app-1", "apple-1"]);
    expect(namesOf(select(pods, { prefix: "x" }))).toEqual([]);
    expect(namesOf(select(pods, { namespaces: ["constructor"] }))).toEqual([]);
    expect(select(pods).outsideCidr).toBe(0);
  });

  test("takes pods by label and readiness", () => {
    const pods = [
      pod({ name: "app-1", labels: { tier: "a" } }),
      pod({ name: "app-2", labels: { tier: "b" } }),
      pod({ name: "app-3", labels: { tier: "a" }, ready: false }),
    ];
    const selector = parseLabelSelector("tier=a");
    expect(namesOf(select(pods, { filter: { ...everyPod, selector } }))).toEqual(["app-1", "app-3"]);
    expect(namesOf(select(pods, { filter: { ...everyPod, readyOnly: true } }))).toEqual(["app-1", "app-2"]);
    expect(namesOf(select(pods, { filter: { ...everyPod, selector, readyOnly: true }, prefix: "" }))).toEqual(
      ["app-1"],
    );
  });

  test("dials the first address in CIDR_WHITELIST and counts pods that have none", () => {
    const selected = select([
      pod({ name: "app-1", ips: ["192.0.2.1", "fd00:10:244::1", "10.244.0.1"] }),
      pod({ name: "app-2", ips: ["192.0.2.2"] }),
      pod({ name: "app-3", ips: ["169.254.169.254", "127.0.0.1"] }),
    ]);
    expect(endpointsOf(selected)).toEqual(["fd00:10:244::1 9000"]);
    expect(selected.outsideCidr).toBe(2);
  });

  test("takes a port from the annotation, else from the container port named metrics", () => {
    const check = (example: Example, expected: number | "none") => {
      const selected = select([pod(example)], { ports: [] });
      expect(selected.targets.map(({ port }) => port)).toEqual(expected === "none" ? [] : [expected]);
      expect(selected.failed).toHaveLength(expected === "none" ? 1 : 0);
    };
    const ports = [
      { name: "http", containerPort: 8080 },
      { name: "metrics", containerPort: 9100 },
      { name: "metrics", containerPort: 9200 },
    ];
    check({ ports }, 9100);
    check({ ports, annotations: { "prometheus.io/port": "9090" } }, 9090);
    check({ annotations: { "prometheus.io/port": "9090" } }, 9090);
    check({}, "none");
    check({ ports: [{ name: "http", containerPort: 8080 }] }, "none");
    check({ ports: [{ name: "metrics", containerPort: 9100, protocol: "UDP" }] }, "none");
    check({ ports, annotations: { "prometheus.io/port": "" } }, 9100);
    for (const text of ["0", "65536", "9090,9091", "http", " 9090", "0x2328", "80@192.0.2.1"]) {
      check({ ports, annotations: { "prometheus.io/port": text } }, "none");
    }
  });

  test("takes the ports that the request names, each once", () => {
    const ports = [
      { name: "http", containerPort: 8080 },
      { name: "metrics", containerPort: 9100 },
    ];
    const annotations = { "prometheus.io/port": "1" };
    const check = (wanted: PodSelection["ports"], expected: number[]) => {
      const selected = select([pod({ ports, annotations })], { ports: wanted });
      expect(selected.targets.map(({ port }) => port)).toEqual(expected);
      expect(selected.failed).toHaveLength(expected.length === 0 ? 1 : 0);
    };
    check([9000], [9000]);
    check(["http"], [8080]);
    check(["missing"], []);
    check(["http", "missing"], [8080]);
    check(["metrics", 9000, "http"], [9100, 9000, 8080]);
    check([9100, "metrics", 9100], [9100]);
  });

  test("names the pods whose ports are not on PORT_WHITELIST", () => {
    const rules = { portWhitelist: [{ from: 9000, to: 9999 }] };
    const pods = [
      pod({ name: "app-1", annotations: { "prometheus.io/port": "22" } }),
      pod({ name: "app-2", ports: [{ name: "metrics", containerPort: 10250 }] }),
      pod({ name: "app-3", ports: [{ name: "metrics", containerPort: 9100 }] }),
      pod({ name: "app-4" }),
    ];
    const selected = select(pods, { ports: [] }, rules);
    expect(endpointsOf(selected)).toEqual(["10.244.0.13 9100"]);
    expect(selected.failed.map(({ pod, reason, detail }) => `${pod.name} ${reason}: ${detail}`)).toEqual([
      "app-1 not_allowed: the pod's port is not on PORT_WHITELIST",
      "app-2 not_allowed: the pod's port is not on PORT_WHITELIST",
      "app-4 no_port: the pod does not say at which port it has metrics",
    ]);
    expect(select(pods, { ports: ["http"] }, rules).failed[0]).toMatchObject({
      reason: "no_port",
      detail: "the pod has none of the ports asked for",
    });
    expect(select(pods, { ports: [22] }, rules).targets).toEqual([]);
    expect(namesOf(select(pods, { ports: [22, 9000] }, rules))).toEqual(["app-1", "app-2", "app-3", "app-4"]);
  });

  test("ignores a pod that claims the address and port of another", () => {
    const [first, liar] = [pod({ name: "app-1" }), pod({ name: "app-x", ips: ["10.244.0.11"] })];
    expect(namesOf(select([liar, first]))).toEqual(["app-1"]);
    expect(select([liar, first]).failed).toEqual([]);
    expect(namesOf(select([liar, first], {}, { podsFile: "pods.json" }))).toEqual(["app-1", "app-x"]);
    const other = { name: "app-x", ips: ["10.244.0.11"], annotations: { "prometheus.io/port": "7" } };
    const annotated = pod({ annotations: { "prometheus.io/port": "8" } });
    expect(namesOf(select([annotated, pod(other)], { ports: [] }))).toEqual(["app-1", "app-x"]);
  });

  test("takes pods of several namespaces in the order of their names", () => {
    const pods = [
      pod({ name: "app-2", namespace: "team-a" }),
      pod({ name: "app-1", namespace: "team-b" }),
      pod({ name: "app-3", namespace: "team-c", ips: ["10.244.0.13"] }),
    ];
    expect(namesOf(select(pods, { namespaces: ["team-a", "team-b"] }))).toEqual(["app-1", "app-2"]);
    expect(namesOf(select(pods, { namespaces: "*" }))).toEqual(["app-1", "app-2", "app-3"]);
    const rules = { namespaceWhitelist: ["team-a", "team-c"] };
    expect(namesOf(select(pods, { namespaces: "*" }, rules))).toEqual(["app-2", "app-3"]);
  });

  test("asks over https where the request says so, else the pod where it names its port itself", () => {
    const schemesOf = (scheme: string | undefined, wanted: Partial<PodSelection>) => {
      const annotations = { "prometheus.io/port": "1", ...(scheme && { "prometheus.io/scheme": scheme }) };
      const { targets, failed } = select([pod({ annotations })], { tls: undefined, ...wanted });
      return [
        ...targets.map(({ tls }) => tls),
        ...failed.map(({ reason, detail }) => `${reason}: ${detail}`),
      ];
    };
    expect(schemesOf("https", { ports: [] })).toEqual([true]);
    expect(schemesOf("http", { ports: [] })).toEqual([false]);
    expect(schemesOf(undefined, { ports: [] })).toEqual([false]);
    expect(schemesOf("HTTPS", { ports: [] })).toEqual([
      "not_allowed: the pod's annotation prometheus.io/scheme is neither http nor https",
    ]);
    // As in the original.
    expect(schemesOf("https", { ports: [9000] })).toEqual([false]);
    expect(schemesOf("https", { ports: [], tls: false })).toEqual([false]);
    expect(schemesOf("http", { ports: [9000], tls: true })).toEqual([true]);
  });
});
