// The labels that the proxy puts first into every sample of a pod: its name, its address, and what EXTRA_LABELS names.
// Pure. Never gives an empty value: to Prometheus that is a label that is not there.
import type { ExtraLabel } from "../config/extra-labels.ts";
import type { Pod } from "../discovery/pod.ts";
import type { Label } from "../exposition/label.ts";

export class PodLabels {
  readonly #extra: readonly ExtraLabel[];
  /** Every name that any pod can get, for the parsers of the bodies. */
  readonly names: readonly string[];

  constructor(extra: readonly ExtraLabel[]) {
    this.#extra = extra;
    this.names = ["podname", "podip", ...extra.map(({ name }) => name)];
  }

  /** Of a pod that is scraped at these ports. It has a container when the ports have one in common. */
  of(pod: Pod, ip: string, ports: readonly number[]): readonly Label[] {
    const labels = [
      { name: "podname", value: pod.name },
      { name: "podip", value: ip },
    ];
    for (const extra of this.#extra) {
      const value = valueOf(extra, pod, ports);
      if (value !== "") labels.push({ name: extra.name, value });
    }
    return labels;
  }
}

function valueOf(extra: ExtraLabel, pod: Pod, ports: readonly number[]): string {
  switch (extra.source) {
    case "namespace":
      return pod.namespace;
    case "node":
      return pod.nodeName;
    case "container": {
      const [container = "", ...others] = new Set(ports.map((port) => containerOf(pod, port)));
      return others.length === 0 ? container : "";
    }
    case "label":
      return pod.labels.get(extra.key) ?? "";
  }
}

/** Ports are declared for information only: one that nobody declares belongs to some container all the same. */
function containerOf(pod: Pod, port: number): string {
  const declared = pod.ports.find((declared) => declared.port === port && declared.protocol === "TCP");
  return declared?.container ?? pod.onlyContainer;
}
