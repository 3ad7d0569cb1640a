import { expect, test } from "vitest";
import { type Pod, readPod } from "../discovery/pod.ts";
import { declaredPort } from "./port-container.ts";
import { addPodMetaLabels, addPortMetaLabels } from "./meta-labels.ts";

// That they are Prometheus' own is shown by test/e2e/service-discovery-differential.test.ts, against a running one.

const pod = readPod(
  {
    metadata: {
      uid: "u1",
      namespace: "team-a",
      name: "web-1",
      labels: { "app.kubernetes.io/name": "web", tier: "" },
      annotations: { "prometheus.io/port": "9100", "team/é-x": "y", hidden: "z" },
      ownerReferences: [{ kind: "ReplicaSet", name: "web-6f", controller: true }],
    },
    spec: {
      nodeName: "node-1",
      containers: [
        {
          name: "web",
          image: "web:1",
          ports: [{ name: "http", containerPort: 8080 }, { containerPort: 9100 }],
        },
        { name: "mesh", ports: [{ name: "admin", containerPort: 8080 }] },
      ],
      initContainers: [
        { name: "sidecar", restartPolicy: "Always", image: "s:1", ports: [{ name: "x", containerPort: 7 }] },
      ],
    },
    status: {
      phase: "Running",
      podIP: "FD00::1",
      hostIP: "192.0.2.1",
      conditions: [{ type: "Ready", status: "False" }],
      containerStatuses: [{ name: "web", containerID: "containerd://1" }],
    },
  },
  { keepsAnnotation: () => true },
) as Pod;

function podMetaLabels(of: Pod, showsAnnotation: (key: string) => boolean): [string, string][] {
  const labels: [string, string][] = [];
  addPodMetaLabels(of, { showsAnnotation, add: (name, value) => labels.push([name, value]) });
  return labels;
}

test("addPodMetaLabels() adds what is of the pod, without what is empty", () => {
  const labels = podMetaLabels(pod, (key) => key !== "hidden");
  expect(Object.fromEntries(labels)).toEqual({
    __meta_kubernetes_namespace: "team-a",
    __meta_kubernetes_pod_name: "web-1",
    __meta_kubernetes_pod_ip: "FD00::1",
    __meta_kubernetes_pod_ready: "false",
    __meta_kubernetes_pod_phase: "Running",
    __meta_kubernetes_pod_node_name: "node-1",
    __meta_kubernetes_pod_host_ip: "192.0.2.1",
    __meta_kubernetes_pod_uid: "u1",
    __meta_kubernetes_pod_controller_kind: "ReplicaSet",
    __meta_kubernetes_pod_controller_name: "web-6f",
    __meta_kubernetes_pod_label_app_kubernetes_io_name: "web",
    __meta_kubernetes_pod_labelpresent_app_kubernetes_io_name: "true",
    __meta_kubernetes_pod_labelpresent_tier: "true",
    __meta_kubernetes_pod_annotation_prometheus_io_port: "9100",
    __meta_kubernetes_pod_annotationpresent_prometheus_io_port: "true",
    __meta_kubernetes_pod_annotation_team___x: "y",
    __meta_kubernetes_pod_annotationpresent_team___x: "true",
  });
  expect(podMetaLabels(pod, () => false)).toHaveLength(13);
});

test("addPodMetaLabels() adds a name once, also where two keys become the same", () => {
  const labels = { "a.b": "1", "a-b": "2", a_b: "3" };
  const of = readPod({ metadata: { uid: "1", namespace: "a", name: "b", labels } }) as Pod;
  expect(podMetaLabels(of, () => false).filter(([name]) => name.includes("label"))).toEqual([
    ["__meta_kubernetes_pod_label_a_b", "3"],
    ["__meta_kubernetes_pod_labelpresent_a_b", "true"],
  ]);
});

test("addPortMetaLabels() adds what is of the container that declares the port, or of the one that is meant", () => {
  const labelsOf = (of: Pod, number: number, containers: string[] = []) => {
    const declared = declaredPort(of, number, containers);
    const labels: Record<string, string> = {};
    const add = (name: string, value: string) => {
      labels[name.replace("__meta_kubernetes_pod_container_", "")] = value;
    };
    addPortMetaLabels(of, { number, declared }, { add });
    return labels;
  };
  const web = { name: "web", id: "containerd://1", image: "web:1", init: "false" };
  expect(labelsOf(pod, 8080)).toEqual({
    ...web,
    port_name: "http",
    port_number: "8080",
    port_protocol: "TCP",
  });
  expect(labelsOf(pod, 9100)).toEqual({ ...web, port_number: "9100", port_protocol: "TCP" });
  expect(labelsOf(pod, 8080, ["mesh"])).toEqual({
    name: "mesh",
    init: "false",
    port_name: "admin",
    port_number: "8080",
    port_protocol: "TCP",
  });
  expect(labelsOf(pod, 7)).toMatchObject({ name: "sidecar", init: "true", port_name: "x" });
  // Of two containers nobody knows whose an undeclared port is.
  expect(labelsOf(pod, 1)).toEqual({});
  const single = readPod({
    metadata: { uid: "2", namespace: "a", name: "b" },
    spec: { containers: [{ name: "only" }] },
  }) as Pod;
  expect(labelsOf(single, 1)).toEqual({ name: "only", init: "false" });
});
