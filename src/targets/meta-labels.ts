// The labels that Prometheus' own discovery of pods (`kubernetes_sd_configs`, role pod, version 3.5) gives a target, so that relabelling
// written for it works here. Never has an empty one: to Prometheus that is a label that is not there.
import type { Pod } from "../discovery/pod.ts";
import type { PodPort } from "./pod-ports.ts";
import { containerOf } from "./port-container.ts";

type Add = (name: string, value: string) => void;

/** Of the pod alone: the same for each of its ports. `showsAnnotation` is about keys. Each name is added once. */
export function addPodMetaLabels(
  pod: Pod,
  { showsAnnotation, add }: { showsAnnotation: (key: string) => boolean; add: Add },
): void {
  const set = (name: string, value: string) => {
    if (value !== "") add(name, value);
  };
  set("__meta_kubernetes_namespace", pod.namespace);
  set("__meta_kubernetes_pod_name", pod.name);
  set("__meta_kubernetes_pod_ip", pod.podIp);
  set("__meta_kubernetes_pod_ready", pod.readiness.toLowerCase());
  set("__meta_kubernetes_pod_phase", pod.phase);
  set("__meta_kubernetes_pod_node_name", pod.nodeName);
  set("__meta_kubernetes_pod_host_ip", pod.hostIp);
  set("__meta_kubernetes_pod_uid", pod.uid);
  set("__meta_kubernetes_pod_controller_kind", pod.controller?.kind ?? "");
  set("__meta_kubernetes_pod_controller_name", pod.controller?.name ?? "");
  for (const [name, value] of sanitized(pod.labels, () => true)) {
    set(`__meta_kubernetes_pod_label_${name}`, value);
    add(`__meta_kubernetes_pod_labelpresent_${name}`, "true");
  }
  for (const [name, value] of sanitized(pod.annotations, showsAnnotation)) {
    set(`__meta_kubernetes_pod_annotation_${name}`, value);
    add(`__meta_kubernetes_pod_annotationpresent_${name}`, "true");
  }
}

/**
 * Of a port: those of the container that declares it. A port that none declares has the name of the pod's only container beside
 * sidecars, and where there are several, of none.
 */
export function addPortMetaLabels(pod: Pod, { number, declared }: PodPort, { add }: { add: Add }): void {
  const set = (name: string, value: string) => {
    if (value !== "") add(`__meta_kubernetes_pod_container_${name}`, value);
  };
  const container =
    declared === undefined
      ? containerOf(pod, number)
      : pod.containers.find(({ name }) => name === declared.container);
  if (container !== undefined) {
    set("name", container.name);
    set("id", container.id);
    set("image", container.image);
    set("init", String(container.init));
  }
  if (declared !== undefined) {
    set("port_name", declared.name);
    set("port_number", String(declared.port));
    set("port_protocol", declared.protocol);
  }
}

/** Keys as in names of labels. Of keys that become the same the last one counts: Prometheus takes one of them by chance. */
function sanitized(
  entries: ReadonlyMap<string, string>,
  keeps: (key: string) => boolean,
): ReadonlyMap<string, string> {
  const byName = new Map<string, string>();
  for (const [key, value] of entries) if (keeps(key)) byName.set(sanitize(key), value);
  return byName;
}

/** As Prometheus: each character that a label name cannot have becomes `_`. */
function sanitize(key: string): string {
  return key.replaceAll(/[^a-zA-Z0-9_]/gu, "_");
}
