// Which pods a request to `/mproxy` scrapes, and at which address and port. Pure: reads the store, dials nothing.
// Never lets a pod widen the rules: ports that a pod declares itself are checked like those of a request.
import type { PodStore } from "../discovery/pod-store.ts";
import type { Pod } from "../discovery/pod.ts";
import type { AccessPolicy } from "./access-policy.ts";
import type { LabelSelector } from "./label-selector.ts";
import { parsePortNumber, type PortReference } from "./port.ts";
import type { Target } from "./target.ts";

const portAnnotation = "prometheus.io/port";
const defaultPortName = "metrics";

/** What a request asks for, parsed. Its namespace and path have passed the access policy. */
export interface PodSelection {
  readonly namespace: string;
  /** From parsePodPrefix(): "" is any name. */
  readonly prefix: string;
  readonly selector?: LabelSelector | undefined;
  readonly readyOnly: boolean;
  /** From parsePortReference(). Empty: the pod's `prometheus.io/port`, else its container port named `metrics`. */
  readonly ports: readonly PortReference[];
  readonly tls: boolean;
  /** Checked path plus forwarded query. */
  readonly path: string;
}

/** Every list is in the order of pod names. */
export interface SelectedPods {
  /** One for each pod and port. */
  readonly targets: readonly Target[];
  /** Pods that have none of the ports asked for: failure reason `no_port`. */
  readonly withoutPort: readonly Pod[];
  /** Pods that have ports, but none on PORT_WHITELIST: failure reason `not_allowed`. */
  readonly portNotAllowed: readonly Pod[];
  /** Running pods that match but have no address in CIDR_WHITELIST: they are ignored. */
  readonly outsideCidr: number;
}

/**
 * Selects running pods with an address. A pod with some of several ports is scraped at those. `AccessPolicy.addressOf()`
 * gives the address of the pods that got no target.
 */
export function selectPods(
  selection: PodSelection,
  { pods, policy }: { pods: Pick<PodStore, "withPrefix">; policy: AccessPolicy },
): SelectedPods {
  const targets: Target[] = [];
  const withoutPort: Pod[] = [];
  const portNotAllowed: Pod[] = [];
  let outsideCidr = 0;
  for (const pod of pods.withPrefix(selection.namespace, selection.prefix)) {
    if (!isSelected(pod, selection)) continue;
    const ip = policy.addressOf(pod);
    if (ip === undefined) {
      outsideCidr += 1;
      continue;
    }
    const ports = portsOf(pod, selection.ports);
    const allowed = ports.filter((port) => policy.checkPort(port) === undefined);
    if (ports.length === 0) withoutPort.push(pod);
    else if (allowed.length === 0) portNotAllowed.push(pod);
    for (const port of allowed) {
      const { tls, path } = selection;
      targets.push({ pod, namespace: pod.namespace, podName: pod.name, ip, port, tls, path });
    }
  }
  return { targets, withoutPort, portNotAllowed, outsideCidr };
}

function isSelected(pod: Pod, { readyOnly, selector }: PodSelection): boolean {
  return (
    pod.phase === "Running" &&
    pod.ips.length > 0 &&
    (!readyOnly || pod.ready) &&
    (selector === undefined || selector.matches(pod.labels))
  );
}

/** The numbers of the ports asked for that the pod has, each once. */
function portsOf(pod: Pod, asked: readonly PortReference[]): readonly number[] {
  const ports =
    asked.length === 0
      ? [defaultPortOf(pod)]
      : asked.map((port) => (typeof port === "number" ? port : namedPortOf(pod, port)));
  return [...new Set(ports)].filter((port) => port !== undefined);
}

function defaultPortOf(pod: Pod): number | undefined {
  const annotation = pod.annotations.get(portAnnotation);
  // An annotation that is no port is the pod's mistake: scraping another port instead would hide it.
  return annotation === undefined ? namedPortOf(pod, defaultPortName) : parsePortNumber(annotation);
}

/** Of several containers with a port of that name the first, as when Kubernetes resolves a named port. */
function namedPortOf(pod: Pod, name: string): number | undefined {
  return pod.ports.find((port) => port.name === name && port.protocol === "TCP")?.port;
}
