// The targets of `/sd`: every port of every pod that the parameters mean and that `/kubesd` would scrape. Pure: reads the store.
// Never lists what the proxy would refuse: to Prometheus that is a target that is down, and to its operators an alarm.
import type { PodStore } from "../discovery/pod-store.ts";
import type { Pod } from "../discovery/pod.ts";
import type { AccessPolicy } from "./access-policy.ts";
import { withoutRivals } from "./address-claims.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import type { Namespaces } from "./namespace.ts";
import { allowedNamespaces } from "./namespace-scope.ts";
import { parseRequestPath } from "./path.ts";
import { findPods, type PodFilter } from "./pod-filter.ts";
import { type PodPort, portsOf } from "./pod-ports.ts";
import type { PortReference } from "./port.ts";
import { quote } from "./quote.ts";
import { annotatedPath, annotatedPort, annotatedTls } from "./scrape-annotations.ts";
import { isInShard, type Shard } from "./shard.ts";

/** What a request asks for, parsed. Its namespaces, ports and path have passed the access policy. */
export interface DiscoverySelection {
  readonly namespaces: Namespaces;
  /** "" is any name. */
  readonly prefix: string;
  readonly filter: PodFilter;
  /** Empty: as the pods say. */
  readonly ports: readonly PortReference[];
  /** From parseMetricsPath(). Undefined: `prometheus.io/path`, else `/metrics`. */
  readonly path: string | undefined;
  /** Undefined: `prometheus.io/scheme`, else false. */
  readonly tls: boolean | undefined;
  readonly shard: Shard | undefined;
}

/** One port of one pod. */
export interface DiscoveredTarget {
  readonly pod: Pod;
  /** Canonical. */
  readonly ip: string;
  readonly port: number;
  readonly declared: PodPort["declared"];
  readonly path: string;
  readonly tls: boolean;
}

/** Why a pod that matches, or one of its ports, is not listed. */
type SkipReason =
  "no_port" | "bad_annotation" | "port_not_allowed" | "path_not_allowed" | "address_not_allowed";

export interface DiscoveredTargets {
  /** Namespace by namespace, by pod name; the ports of a pod in the order of the request, or of its containers. */
  readonly targets: readonly DiscoveredTarget[];
  readonly skipped: ReadonlyMap<SkipReason, number>;
}

const defaultPath = "/metrics";

/** Go's URLs escape them in a path, and no path is taken that has escapes. */
const escapedByPrometheus = /[!'()*]/;

/** Checks a path as `/kubesd` will, once Prometheus has put it into a URL. Throws MalformedRequestError. */
export function parseMetricsPath(text: string): string {
  const { text: passed } = parseRequestPath(`/kubesd${text}`);
  if (escapedByPrometheus.test(text)) {
    throw new MalformedRequestError(
      "path",
      `Cannot read path ${quote(text)}: Prometheus escapes "!'()*" in a path`,
    );
  }
  if (text.startsWith("/") && text !== "/") return passed.slice("/kubesd".length);
  throw new MalformedRequestError("path", 'Cannot read parameter "path": it has to begin with "/" and go on');
}

export function discoverTargets(
  selection: DiscoverySelection,
  o: { pods: Pick<PodStore, "find" | "namespaces" | "byIp">; policy: AccessPolicy },
): DiscoveredTargets {
  const { prefix, filter, shard } = selection;
  const targets: DiscoveredTarget[] = [];
  const skipped = new Map<SkipReason, number>();
  const skip = (reason: SkipReason) => skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
  const choose = createChooser(selection, o);
  for (const namespace of allowedNamespaces(selection.namespaces, o)) {
    for (const pod of findPods(o.pods, { namespace, prefix, filter })) {
      if (shard !== undefined && !isInShard(pod.uid, shard)) continue;
      for (const found of choose(pod)) {
        if (typeof found === "string") skip(found);
        else targets.push(found);
      }
    }
  }
  const owned = o.policy.doubtsAddresses ? withoutRivals(targets) : targets;
  if (owned.length < targets.length) {
    const others = targets.length - owned.length;
    skipped.set("address_not_allowed", (skipped.get("address_not_allowed") ?? 0) + others);
  }
  return { targets: owned, skipped };
}

/** Gives for a pod what becomes of each of its ports; of the whole pod, where it is not about ports. */
function createChooser(
  { filter, ports, path: givenPath, tls: givenTls }: DiscoverySelection,
  { pods, policy }: { pods: Pick<PodStore, "byIp">; policy: AccessPolicy },
): (pod: Pod) => readonly (DiscoveredTarget | SkipReason)[] {
  const choice = { ports, containers: filter.containers, mode: "every" } as const;
  // Patterns cost more than all the rest, and most pods have the same path.
  const pathProblems = new Map<string, SkipReason | undefined>();
  return (pod) => {
    const ip = policy.addressOf(pod);
    if (ip === undefined || policy.checkHolders(ip, pods.byIp(ip)) !== undefined)
      return ["address_not_allowed"];
    const tls = givenTls ?? annotatedTls(pod);
    if (tls === undefined) return ["bad_annotation"];
    const path = givenPath ?? annotatedPath(pod) ?? defaultPath;
    const problem = problemOf(path);
    if (problem !== undefined) return [problem];
    const found = portsOf(pod, choice);
    if (found.length === 0) {
      const isWrong = ports.length === 0 && annotatedPort(pod) !== undefined;
      return [isWrong ? "bad_annotation" : "no_port"];
    }
    return found.map((port) =>
      policy.checkPort(port.number) === undefined
        ? { pod, ip, port: port.number, declared: port.declared, path, tls }
        : "port_not_allowed",
    );
  };

  function problemOf(path: string): SkipReason | undefined {
    if (!pathProblems.has(path)) pathProblems.set(path, findPathProblem(path, policy));
    return pathProblems.get(path);
  }
}

function findPathProblem(path: string, policy: AccessPolicy): SkipReason | undefined {
  try {
    parseMetricsPath(path);
  } catch (error) {
    if (error instanceof MalformedRequestError) return "bad_annotation";
    throw error;
  }
  return policy.checkPath(path) === undefined ? undefined : "path_not_allowed";
}
