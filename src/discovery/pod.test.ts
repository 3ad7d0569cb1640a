import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPod } from "./pod.ts";

const metadata = { uid: "u1", namespace: "team-a", name: "app-1" };

describe("readPod()", () => {
  test("reads the fields in use", () => {
    const object = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...metadata,
        labels: { app: "web", tier: "" },
        annotations: { "prometheus.io/port": "9090", "prometheus.io/path": "/x", "example.test/other": "y" },
        ownerReferences: [
          { kind: "Other", name: "x" },
          { kind: "ReplicaSet", name: "app-6f", controller: true },
        ],
      },
      spec: {
        nodeName: "node-1",
        hostNetwork: true,
        containers: [
          {
            name: "web",
            image: "web:1",
            ports: [
              { name: "http", containerPort: 8080 },
              { containerPort: 53, protocol: "UDP" },
            ],
          },
          { name: "helper" },
        ],
        initContainers: [
          { name: "setup", ports: [{ name: "metrics", containerPort: 1 }] },
          { name: "mesh", restartPolicy: "Always", ports: [{ name: "metrics", containerPort: 15090 }] },
        ],
      },
      status: {
        phase: "Running",
        podIP: "10.244.0.11",
        hostIP: "192.0.2.1",
        startTime: "2026-01-02T00:00:00Z",
        podIPs: [{ ip: "10.244.0.11" }, { ip: "FD00:0:0::11" }],
        containerStatuses: [
          { name: "mesh", containerID: "none" },
          { name: "web", containerID: "containerd://1" },
        ],
        initContainerStatuses: [{ name: "mesh", containerID: "containerd://2" }],
        conditions: [
          { type: "PodScheduled", status: "True" },
          { type: "Ready", status: "True" },
        ],
      },
    };
    expect(readPod(object)).toEqual({
      ...metadata,
      ips: ["10.244.0.11", "fd00::11"],
      podIp: "10.244.0.11",
      hostIp: "192.0.2.1",
      hostNetwork: true,
      startedMs: Date.UTC(2026, 0, 2),
      phase: "Running",
      readiness: "True",
      nodeName: "node-1",
      controller: { kind: "ReplicaSet", name: "app-6f" },
      labels: new Map([
        ["app", "web"],
        ["tier", ""],
      ]),
      annotations: new Map([
        ["prometheus.io/port", "9090"],
        ["prometheus.io/path", "/x"],
      ]),
      containers: [
        { name: "web", image: "web:1", id: "containerd://1", init: false },
        { name: "helper", image: "", id: "", init: false },
        { name: "mesh", image: "", id: "containerd://2", init: true },
      ],
      ports: [
        { container: "web", name: "http", port: 8080, protocol: "TCP" },
        { container: "web", name: "", port: 53, protocol: "UDP" },
        { container: "mesh", name: "metrics", port: 15090, protocol: "TCP" },
      ],
    });
  });

  test("takes a pod that has only an identity", () => {
    expect(readPod({ metadata })).toEqual({
      ...metadata,
      ips: [],
      podIp: "",
      hostIp: "",
      hostNetwork: false,
      startedMs: undefined,
      phase: "",
      readiness: "Unknown",
      nodeName: "",
      controller: undefined,
      labels: new Map(),
      annotations: new Map(),
      containers: [],
      ports: [],
    });
  });

  test("says why an object is no usable pod", () => {
    const check = (object: unknown, problem: string) => expect(readPod(object)).toEqual({ problem });
    check(undefined, "it is not an object");
    check(null, "it is not an object");
    check([], "it is not an object");
    check("pod", "it is not an object");
    check({}, "metadata.uid is missing");
    check({ metadata: null }, "metadata.uid is missing");
    check({ metadata: [metadata] }, "metadata.uid is missing");
    check({ metadata: { ...metadata, uid: 1 } }, "metadata.uid is missing");
    check({ metadata: { ...metadata, uid: "" } }, "metadata.uid is missing");
    check({ metadata: { ...metadata, namespace: null } }, "metadata.namespace is missing");
    check({ metadata: { ...metadata, name: {} } }, "metadata.name is missing");
    check(
      { metadata: { ...metadata, labels: { version: 1 } } },
      'the value of label "version" is not a string',
    );
    check({ metadata: { ...metadata, labels: { on: true } } }, 'the value of label "on" is not a string');
    check(
      { metadata: { ...metadata, annotations: { "prometheus.io/port": 9090 } } },
      'the value of annotation "prometheus.io/port" is not a string',
    );
  });

  test("reads addresses in their canonical form, podIP first, and leaves out what is none", () => {
    const check = (status: unknown, ips: string[]) =>
      expect(readPod({ metadata, status })).toMatchObject({ ips });
    check({ podIP: "fd00::1", podIPs: [{ ip: "10.244.0.1" }, { ip: "fd00:0::1" }] }, [
      "fd00::1",
      "10.244.0.1",
    ]);
    check({ podIPs: [{ ip: "10.244.0.1" }] }, ["10.244.0.1"]);
    check({ podIP: "", podIPs: [] }, []);
    check({ podIP: 1, podIPs: [null, 1, {}, { ip: null }, { ip: "10.244.0.1" }] }, ["10.244.0.1"]);
    check({ podIPs: { ip: "10.244.0.1" } }, []);
    for (const podIP of [
      "010.244.0.1",
      "10.244.1",
      "0x0a.0.0.1",
      "::ffff:10.244.0.1",
      "fe80::1%eth0",
      "[::1]",
      "pod",
      " 10.244.0.1",
    ]) {
      check({ podIP }, []);
    }
  });

  test("reads odd shapes as missing", () => {
    const check = (rest: object, expected: object) =>
      expect(readPod({ metadata, ...rest })).toMatchObject(expected);
    check({ status: { conditions: [{ type: "Ready", status: true }] } }, { readiness: "" });
    check({ status: { conditions: { type: "Ready", status: "True" } } }, { readiness: "Unknown" });
    check(
      { metadata: { ...metadata, ownerReferences: [{ controller: true }] } },
      { controller: { kind: "", name: "" } },
    );
    check(
      { metadata: { ...metadata, ownerReferences: [{ controller: "true", kind: "A" }] } },
      { controller: undefined },
    );
    check({ status: { phase: 1 } }, { phase: "" });
    check({ spec: "x", status: "x" }, { ports: [], ips: [] });
    check({ spec: { containers: "x", initContainers: [null] } }, { ports: [] });
    for (const containerPort of ["9000", 0, -1, 65536, 1.5, Number.NaN, null]) {
      check({ spec: { containers: [{ ports: [{ containerPort }] }] } }, { ports: [] });
    }
    check({ metadata: { ...metadata, labels: { a: null } } }, { labels: new Map([["a", ""]]) });
    check({ metadata: { ...metadata, annotations: { other: 1 } } }, { annotations: new Map() });
  });

  test("keeps the annotations that it is told to, beside those about scraping", () => {
    const annotations = { "prometheus.io/port": "1", "a/b": "x", c: "y", d: 1 };
    const object = { metadata: { ...metadata, annotations } };
    const keysOf = (keepsAnnotation?: (key: string) => boolean) => {
      const pod = readPod(object, { ...(keepsAnnotation && { keepsAnnotation }) });
      return "annotations" in pod ? [...pod.annotations.keys()] : pod;
    };
    expect(keysOf()).toEqual(["prometheus.io/port"]);
    expect(keysOf((key) => key === "a/b")).toEqual(["prometheus.io/port", "a/b"]);
    expect(keysOf(() => true)).toEqual({ problem: 'the value of annotation "d" is not a string' });
  });

  test("keeps names that prototypes have as data", () => {
    const labels = JSON.parse('{"__proto__":"a","constructor":"b"}') as object;
    const pod = readPod({
      metadata: { uid: "__proto__", namespace: "__proto__", name: "__proto__", labels },
    });
    expect(pod).toMatchObject({ namespace: "__proto__", name: "__proto__" });
    expect("labels" in pod && [...pod.labels]).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
    ]);
  });

  test("never throws", () => {
    const key = fc.constantFrom("uid", "name", "namespace", "labels", "ports", "ip", "containerPort", "type");
    const anything = fc.anything({ key, maxDepth: 3 });
    const object = fc.record(
      {
        metadata: fc.oneof(
          anything,
          fc.record({ uid: fc.string(), namespace: fc.string(), name: fc.string(), labels: anything }),
        ),
        spec: fc.oneof(anything, fc.record({ containers: anything, initContainers: anything })),
        status: fc.oneof(anything, fc.record({ podIP: anything, podIPs: anything, conditions: anything })),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(object, anything), (object) => {
        expect(readPod(object)).toBeTypeOf("object");
      }),
      { numRuns: 500 },
    );
  });
});
