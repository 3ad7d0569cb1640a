// Which pods a request to `/mproxy` scrapes, and at which address and port. Pure: reads the store, dials nothing.
// Never lets a pod widen the rules: ports that a pod declares itself are checked like those of a request.
import type { PodStore } from "../discovery/pod-store.ts";
import type { Pod } from "../discovery/pod.ts";
import type { AccessPolicy } from "./access-policy.ts";
import { withoutRivals } from "./address-claims.ts";
import type { Namespaces } from "./namespace.ts";
import { allowedNamespaces } from "./namespace-scope.ts";
import { compareText } from "./compare-text.ts";
import { findPods, type PodFilter } from "./pod-filter.ts";
import { portsOf } from "./pod-ports.ts";
import type { PortReference } from "./port.ts";
import { annotatedTls } from "./scrape-annotations.ts";
import type { Target } from "./target.ts";

/** What a request asks for, parsed. Its namespaces and path have passed the access policy. */
export interface PodSelection {
  readonly namespaces: Namespaces;
  /** From parsePodPrefix(): "" is any name. */
  readonly prefix: string;
  readonly filter: PodFilter;
  /** From parsePortReference(). Empty: the pod's `prometheus.io/port`, else its container port named `metrics`. */
  readonly ports: readonly PortReference[];
  /** Undefined: as the pod's `prometheus.io/scheme` says where the port comes from the pod too, else false. */
  readonly tls: boolean | undefined;
  /** Checked path plus forwarded query. */
  readonly path: string;
}

interface FailedPod {
  readonly pod: Pod;
  readonly reason: "no_port" | "not_allowed";
  readonly detail: string;
}

/** Every list is in the order of pod names. */
export interface SelectedPods {
  /** One for each pod and port. Pods that claim the address and port of another are ignored. */
  readonly targets: readonly Target[];
  /** Pods that match, but cannot be asked. */
  readonly failed: readonly FailedPod[];
  /** Running pods that match but have no address in CIDR_WHITELIST: they are ignored. */
  readonly outsideCidr: number;
}

/**
 * Selects running pods with an address. A pod with some of several ports is scraped at those. `AccessPolicy.addressOf()`
 * gives the address of the pods that got no target.
 */
export function selectPods(
  selection: PodSelection,
  { pods, policy }: { pods: Pick<PodStore, "find" | "namespaces">; policy: AccessPolicy },
): SelectedPods {
  const { ports, filter, path } = selection;
  const choice = { ports, containers: filter.containers, mode: "first" } as const;
  const targets: Target[] = [];
  const failed: FailedPod[] = [];
  let outsideCidr = 0;
  for (const pod of podsOf(selection, { pods, policy })) {
    const ip = policy.addressOf(pod);
    if (ip === undefined) {
      outsideCidr += 1;
      continue;
    }
    const found = portsOf(pod, choice).map(({ number }) => number);
    const allowed = found.filter((port) => policy.checkPort(port) === undefined);
    const scheme =
      selection.tls === undefined && ports.length === 0 ? annotatedTls(pod) : selection.tls === true;
    if (found.length === 0) {
      const detail =
        ports.length === 0
          ? "the pod does not say at which port it has metrics"
          : "the pod has none of the ports asked for";
      failed.push({ pod, reason: "no_port", detail });
    } else if (allowed.length === 0) {
      failed.push({ pod, reason: "not_allowed", detail: "the pod's port is not on PORT_WHITELIST" });
    } else if (scheme === undefined) {
      const detail = "the pod's annotation prometheus.io/scheme is neither http nor https";
      failed.push({ pod, reason: "not_allowed", detail });
    } else {
      const { namespace, name: podName } = pod;
      for (const port of allowed) {
        targets.push({ pod, namespace, podName, ip, port, tls: scheme, path });
      }
    }
  }
  return { targets: policy.doubtsAddresses ? withoutRivals(targets) : targets, failed, outsideCidr };
}

function podsOf(
  { namespaces, prefix, filter }: PodSelection,
  { pods, policy }: { pods: Pick<PodStore, "find" | "namespaces">; policy: AccessPolicy },
): readonly Pod[] {
  const names = allowedNamespaces(namespaces, { pods, policy });
  const found = names.flatMap((namespace) => findPods(pods, { namespace, prefix, filter }));
  return names.length === 1 ? found : found.sort(byName);
}

function byName(a: Pod, b: Pod): number {
  return compareText(a.name, b.name) || compareText(a.namespace, b.namespace) || compareText(a.uid, b.uid);
}
