// The labels that Prometheus' own discovery of pods (`kubernetes_sd_configs`, role pod, version 3.5) gives a target, so that relabelling
// written for it works here. Never has an empty one: to Prometheus that is a label that is not there.
import type { Pod } from "../discovery/pod.ts";
import { containerOf, declaredPort } from "./port-container.ts";

const prefix = "__meta_kubernetes_";

/** Of the pod alone: the same for each of its ports. `showsAnnotation` is about keys. */
export function podMetaLabels(
  pod: Pod,
  { showsAnnotation }: { showsAnnotation: (key: string) => boolean },
): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const set = (name: string, value: string) => {
    if (value !== "") labels.set(`${prefix}${name}`, value);
  };
  set("namespace", pod.namespace);
  set("pod_name", pod.name);
  set("pod_ip", pod.podIp);
  set("pod_ready", pod.readiness.toLowerCase());
  set("pod_phase", pod.phase);
  set("pod_node_name", pod.nodeName);
  set("pod_host_ip", pod.hostIp);
  set("pod_uid", pod.uid);
  set("pod_controller_kind", pod.controller?.kind ?? "");
  set("pod_controller_name", pod.controller?.name ?? "");
  for (const [key, value] of pod.labels) {
    const name = sanitize(key);
    set(`pod_label_${name}`, value);
    set(`pod_labelpresent_${name}`, "true");
  }
  for (const [key, value] of pod.annotations) {
    if (!showsAnnotation(key)) continue;
    const name = sanitize(key);
    set(`pod_annotation_${name}`, value);
    set(`pod_annotationpresent_${name}`, "true");
  }
  return labels;
}

/**
 * Of a port: those of the container that declares it, of these if some are named. A port that none declares has the name of the pod's only
 * container beside sidecars, and where there are several, of none.
 */
export function portMetaLabels(
  pod: Pod,
  port: number,
  { containers }: { containers: readonly string[] },
): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const set = (name: string, value: string) => {
    if (value !== "") labels.set(`${prefix}pod_container_${name}`, value);
  };
  const declared = declaredPort(pod, port, containers);
  const container = containerOf(pod, port, containers);
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
  return labels;
}

/** As Prometheus: each character that a label name cannot have becomes `_`. */
function sanitize(key: string): string {
  return key.replaceAll(/[^a-zA-Z0-9_]/gu, "_");
}
