// The labels that the proxy puts first into every sample of a pod: its name, its address, what the request needs to keep series apart,
// and what EXTRA_LABELS names.
// Pure. Never gives an empty value: to Prometheus that is a label that is not there.
import type { ExtraLabel } from "../config/extra-labels.ts";
import type { Pod } from "../discovery/pod.ts";
import type { Label } from "../exposition/label.ts";
import { containerOf } from "../targets/port-container.ts";

export interface PodLabelsOptions {
  /** EXTRA_LABELS. */
  readonly extra: readonly ExtraLabel[];
  /** Pods of several namespaces may have one name: the samples tell which namespace. */
  readonly namespace: boolean;
  /** A pod may be scraped at several ports: the samples tell which. */
  readonly port: boolean;
  /** The containers whose ports are meant; empty: all. */
  readonly containers: readonly string[];
}

export class PodLabels {
  readonly #options: PodLabelsOptions;
  readonly #extra: readonly ExtraLabel[];
  /** Every name that any pod can get, for the parsers of the bodies. */
  readonly names: readonly string[];

  constructor(options: PodLabelsOptions) {
    const { extra, namespace, port } = options;
    this.#options = options;
    this.#extra = namespace ? extra.filter(({ source }) => source !== "namespace") : extra;
    this.names = [
      "podname",
      "podip",
      ...(namespace ? ["namespace"] : []),
      ...(port ? ["port"] : []),
      ...this.#extra.map(({ name }) => name),
    ];
  }

  /** Of a sample that came from this port. */
  ofSample(pod: Pod, ip: string, port: number): readonly Label[] {
    return this.#labels(pod, ip, [port], this.#options.port ? [{ name: "port", value: String(port) }] : []);
  }

  /** Of a pod that is scraped at these ports. It has a container when the ports have one in common. */
  ofPod(pod: Pod, ip: string, ports: readonly number[]): readonly Label[] {
    return this.#labels(pod, ip, ports, []);
  }

  #labels(pod: Pod, ip: string, ports: readonly number[], portLabel: readonly Label[]): readonly Label[] {
    const { namespace, containers } = this.#options;
    const labels: Label[] = [
      { name: "podname", value: pod.name },
      { name: "podip", value: ip },
      ...(namespace ? [{ name: "namespace", value: pod.namespace }] : []),
      ...portLabel,
    ];
    for (const extra of this.#extra) {
      const value = valueOf(extra, pod, { ports, containers });
      if (value !== "") labels.push({ name: extra.name, value });
    }
    return labels;
  }
}

function valueOf(
  extra: ExtraLabel,
  pod: Pod,
  { ports, containers }: { ports: readonly number[]; containers: readonly string[] },
): string {
  switch (extra.source) {
    case "namespace":
      return pod.namespace;
    case "node":
      return pod.nodeName;
    case "container": {
      const [container = "", ...others] = new Set(
        ports.map((port) => containerOf(pod, port, containers)?.name ?? ""),
      );
      return others.length === 0 ? container : "";
    }
    case "label":
      return pod.labels.get(extra.key) ?? "";
  }
}
