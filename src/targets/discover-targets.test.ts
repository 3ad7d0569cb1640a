import { describe, expect, test } from "vitest";
import { PodStore } from "../discovery/pod-store.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import { AccessPolicy, type AccessSettings } from "./access-policy.ts";
import { type DiscoverySelection, discoverTargets, parseMetricsPath } from "./discover-targets.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { isInShard } from "./shard.ts";

const settings: AccessSettings = {
  cidrWhitelist: ["10.244.0.0/16"],
  metricsPathWhitelist: ["/metrics", "/actuator/.*"],
  metricsPathMatch: "full",
  namespaceWhitelist: [],
  watchNamespaces: [],
  portWhitelist: [],
  kubesdRequirePod: false,
};
const selection: DiscoverySelection = {
  namespaces: ["team-a"],
  prefix: "",
  filter: { selector: undefined, workloads: [], containers: [], readyOnly: false, annotatedOnly: false },
  ports: [],
  path: undefined,
  tls: undefined,
  shard: undefined,
};

interface Example {
  name?: string;
  namespace?: string;
  phase?: string;
  ip?: string;
  annotations?: Record<string, string>;
  ports?: { name?: string; containerPort: number }[];
}

/** Each has its own: 10.244.0.11 for app-1, 10.244.1.97 for a. */
function addressOf(name: string): string {
  const digits = /[0-9]+$/.exec(name)?.[0];
  return digits === undefined ? `10.244.1.${name.charCodeAt(0)}` : `10.244.0.${10 + Number(digits)}`;
}

function pod(example: Example = {}): Pod {
  const { name = "app-1", namespace = "team-a", phase = "Running" } = example;
  const { ip = addressOf(name) } = example;
  const { annotations, ports = [{ name: "metrics", containerPort: 9100 }] } = example;
  return readPod({
    metadata: { uid: `${namespace}-${name}`, namespace, name, annotations },
    spec: { containers: [{ name: "c", ports }] },
    status: { phase, podIP: ip },
  }) as Pod;
}

function discover(
  pods: Pod[],
  wanted: Partial<DiscoverySelection> = {},
  rules: Partial<AccessSettings> = {},
): string[] {
  const store = new PodStore();
  store.replace(pods);
  const policy = new AccessPolicy({ ...settings, ...rules });
  const { targets, skipped } = discoverTargets({ ...selection, ...wanted }, { pods: store, policy });
  return [
    ...targets.map(
      ({ pod, ip, port, path, tls }) => `${pod.name} ${tls ? "https" : "http"}://${ip}:${port}${path}`,
    ),
    ...Array.from(skipped, ([reason, count]) => `${count} ${reason}`),
  ];
}

describe("discoverTargets()", () => {
  test("gives one target for each port of each running pod", () => {
    const ports = [
      { name: "http", containerPort: 80 },
      { name: "metrics", containerPort: 9100 },
      { name: "jmx-metrics", containerPort: 9200 },
    ];
    const pods = [pod({ name: "b", ports }), pod({ name: "a" }), pod({ name: "c", phase: "Pending" })];
    expect(discover(pods)).toEqual([
      "a http://10.244.1.97:9100/metrics",
      "b http://10.244.1.98:9100/metrics",
      "b http://10.244.1.98:9200/metrics",
    ]);
    expect(discover(pods, { ports: ["http", 7], prefix: "b" })).toEqual([
      "b http://10.244.1.98:80/metrics",
      "b http://10.244.1.98:7/metrics",
    ]);
    expect(discover([])).toEqual([]);
  });

  test("follows the pod's annotations where the request says nothing", () => {
    const annotations = {
      "prometheus.io/port": "7000",
      "prometheus.io/path": "/actuator/prometheus",
      "prometheus.io/scheme": "https",
    };
    expect(discover([pod({ annotations })])).toEqual(["app-1 https://10.244.0.11:7000/actuator/prometheus"]);
    expect(discover([pod({ annotations })], { ports: [1], path: "/metrics", tls: false })).toEqual([
      "app-1 http://10.244.0.11:1/metrics",
    ]);
    const http = { ...annotations, "prometheus.io/scheme": "http" };
    expect(discover([pod({ annotations: http })], { tls: true })[0]).toMatch(/^app-1 https:/);
  });

  test("leaves out and counts what /kubesd would refuse", () => {
    const annotated = (key: string, value: string) => [
      pod({ annotations: { [`prometheus.io/${key}`]: value } }),
    ];
    expect(discover([pod({ ports: [] })])).toEqual(["1 no_port"]);
    expect(discover(annotated("port", "x"))).toEqual(["1 bad_annotation"]);
    expect(discover(annotated("scheme", "ftp"))).toEqual(["1 bad_annotation"]);
    expect(discover(annotated("path", "metrics"))).toEqual(["app-1 http://10.244.0.11:9100/metrics"]);
    for (const key of ["port", "path", "scheme"]) {
      expect(discover(annotated(key, "")), key).toEqual(["app-1 http://10.244.0.11:9100/metrics"]);
    }
    for (const path of ["/", "/a b", "/%41", "/a?b", "/..", "//", "/é", "/m(1)", `/${"a".repeat(2048)}`]) {
      expect(discover(annotated("path", path)), path).toEqual(["1 bad_annotation"]);
    }
    expect(discover(annotated("path", "/admin"))).toEqual(["1 path_not_allowed"]);
    expect(discover([pod({ ip: "192.0.2.1" })])).toEqual(["1 address_not_allowed"]);
    const rules = { portWhitelist: [{ from: 9000, to: 9999 }] };
    expect(discover([pod()], { ports: [22, 9100, 80] }, rules)).toEqual([
      "app-1 http://10.244.0.11:9100/metrics",
      "2 port_not_allowed",
    ]);
  });

  test("leaves out a pod that claims the address and port of another", () => {
    const liar = pod({ name: "app-x", ip: "10.244.0.11" });
    expect(discover([liar, pod()])).toEqual([
      "app-1 http://10.244.0.11:9100/metrics",
      "1 address_not_allowed",
    ]);
  });

  test("leaves out an address that a pod of another namespace has as well, if that must not be scraped", () => {
    const pods = [pod(), pod({ namespace: "team-b", name: "host", ip: "10.244.0.11" })];
    expect(discover(pods)).toHaveLength(1);
    const rules = { namespaceWhitelist: ["team-a"] };
    expect(discover(pods, {}, rules)).toEqual(["1 address_not_allowed"]);
    expect(discover([pods[0]!], {}, rules)).toHaveLength(1);
  });

  test("takes all namespaces that may be scraped, by name", () => {
    const pods = [
      pod({ namespace: "b", name: "x", ip: "10.244.0.1" }),
      pod({ namespace: "a", name: "y", ip: "10.244.0.2" }),
      pod({ namespace: "c" }),
    ];
    const names = (rules?: Partial<AccessSettings>) =>
      discover(pods, { namespaces: "*" }, rules).map((text) => text.split(" ")[0]);
    expect(names()).toEqual(["y", "x", "app-1"]);
    expect(names({ namespaceWhitelist: ["c", "b"] })).toEqual(["x", "app-1"]);
  });

  test("divides pods among shards, with all ports of a pod in one", () => {
    const ports = [1, 2].map((number) => ({ name: `p${number}-metrics`, containerPort: number }));
    const pods = Array.from({ length: 20 }, (_, index) => pod({ name: `app-${index}`, ports }));
    const shards = [0, 1, 2].map((index) => discover(pods, { shard: { index, count: 3 } }));
    expect(shards.flat().toSorted()).toEqual(discover(pods).toSorted());
    for (const [index, shard] of shards.entries()) {
      for (const text of shard) {
        expect(isInShard(`team-a-${text.split(" ")[0]}`, { index, count: 3 })).toBe(true);
      }
    }
  });
});

test("parseMetricsPath() takes what /kubesd takes", () => {
  expect(parseMetricsPath("/metrics")).toBe("/metrics");
  expect(parseMetricsPath("/a/b-c/")).toBe("/a/b-c/");
  for (const text of [
    "",
    "/",
    "metrics",
    "/a(1)",
    "/a*",
    "/a!",
    "/it's",
    "/a//b",
    "/a?b",
    "/./a",
    "/%41",
    "/a b",
  ]) {
    expect(() => parseMetricsPath(text), text).toThrow(MalformedRequestError);
  }
});
