// Whether an address still belongs to the pods that it was chosen for: Kubernetes gives the address of a pod that is gone to the
// next one, of any namespace. Pure: reads the store. Never tells whose the address is by now.
import type { PodStore } from "../discovery/pod-store.ts";
import type { Pod } from "../discovery/pod.ts";
import type { Target } from "./target.ts";

/** Which pod a caller means by an address. */
export interface MeantAddress {
  readonly port: number;
  /** `target_uid`: the one pod that the caller means, known or not. */
  readonly uid?: string | undefined;
}

/**
 * Of the pods that have an address those that the caller can mean: with a uid that pod; else, of several on a host's network,
 * those that declare the port, if any does. In the order of uids.
 */
export function candidatesOf(holders: readonly Pod[], { port, uid }: MeantAddress): readonly Pod[] {
  const running = holders.filter((pod) => isRunning(pod)).sort((a, b) => (a.uid < b.uid ? -1 : 1));
  if (uid !== undefined) return running.filter((pod) => pod.uid === uid);
  const declaring = running.filter(({ ports }) =>
    ports.some((declared) => declared.port === port && declared.protocol === "TCP"),
  );
  return declaring.length > 0 ? declaring : running;
}

export interface IdentityFacts {
  readonly pods: Pick<PodStore, "get" | "byIp">;
  /** KUBESD_REQUIRE_POD: every pod that may be scraped is known. */
  readonly requirePod: boolean;
}

/**
 * To be asked right before the dial and again once the whole body is there. A target of `/mproxy` is current while its pod runs
 * and has the address. One of `/kubesd`, with KUBESD_REQUIRE_POD, while all its candidates do; without it the candidates may be
 * of a namespace that nobody watches, so only known holders that are all others prove that it is not.
 */
export function isCurrent({ pod, ip, candidates }: Target, { pods, requirePod }: IdentityFacts): boolean {
  if (candidates === undefined) return pod !== undefined && holdsAddress(pod.uid, ip, pods);
  if (requirePod) return candidates.length > 0 && candidates.every((uid) => holdsAddress(uid, ip, pods));
  if (candidates.length === 0) return true;
  const running = pods.byIp(ip).filter((holder) => isRunning(holder));
  return running.length === 0 || running.some(({ uid }) => candidates.includes(uid));
}

/** Looked up by uid: the pod is another value after each change, and a pod of the same name is another pod. */
function holdsAddress(uid: string, ip: string, pods: Pick<PodStore, "get">): boolean {
  const now = pods.get(uid);
  return now !== undefined && isRunning(now) && now.ips.includes(ip);
}

function isRunning({ phase }: Pod): boolean {
  return phase === "Running";
}
