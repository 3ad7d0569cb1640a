// Whether an address still belongs to the pods that it was chosen for: Kubernetes gives the address of a pod that is gone to the
// next one, of any namespace. Pure: reads the store. Never tells whose the address is by now.
import type { Holder } from "../discovery/address-holders.ts";
import type { PodStore } from "../discovery/pod-store.ts";
import type { Pod } from "../discovery/pod.ts";
import { isRunning, mayHoldAddress } from "./pod-phase.ts";
import { annotatedPort } from "./scrape-annotations.ts";
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
  const declaring = running.filter((pod) => declares(pod, port));
  return declaring.length > 0 ? declaring : running;
}

export interface IdentityFacts {
  readonly pods: Pick<PodStore, "get" | "byIp" | "holders" | "isGone">;
  /** KUBESD_REQUIRE_POD: every pod that may be scraped is known. */
  readonly requirePod: boolean;
}

/** What stands against scraping the pod with this uid (`target_uid`) at this address, in words that end a sentence; undefined: nothing. */
export function findUidProblem(
  uid: string,
  { ip, pods, requirePod }: IdentityFacts & { readonly ip: string },
): string | undefined {
  if (holdsAddress(uid, ip, pods)) return undefined;
  if (isKnownOrGone(uid, pods)) return "the pod that is meant does not run there (target_uid)";
  // Without its name: the caller may not learn whose an address is.
  if (pods.byIp(ip).some((other) => provesAnother(other))) return "another pod has it by now (target_uid)";
  return requirePod ? "no known pod with this uid has it (target_uid, KUBESD_REQUIRE_POD)" : undefined;
}

/**
 * To be asked right before the dial and again once the whole body is there. A target is current while one of the pods that are meant
 * runs and has the address, and no other pod has got it since: namespaces are watched apart, so the news of the next pod can come before
 * that of the end of the one before, and of a pod on a dead node there is none for long. Where not every pod is known
 * (`/kubesd` without KUBESD_REQUIRE_POD), a pod that is unknown may be there; that it was deleted, or that others have the address, proves
 * that it is not.
 */
export function isCurrent(target: Target, { pods, requirePod }: IdentityFacts): boolean {
  const { pod, ip, candidates = pod === undefined ? [] : [pod.uid] } = target;
  const isEveryPodKnown = requirePod || target.candidates === undefined;
  // Of an address of which nothing was known, everything is news.
  if (candidates.length === 0) return !isEveryPodKnown;
  if (hasSuccessor(target, candidates, pods.holders(ip))) return false;
  if (candidates.some((uid) => holdsAddress(uid, ip, pods))) return true;
  if (isEveryPodKnown || candidates.every((uid) => isKnownOrGone(uid, pods))) return false;
  return !pods.byIp(ip).some((other) => provesAnother(other));
}

/** `holders` in the order in which they got the address. */
function hasSuccessor(target: Target, candidates: readonly string[], holders: readonly Holder[]): boolean {
  const last = holders.findLastIndex(({ pod }) => candidates.includes(pod.uid));
  if (last === -1) return false;
  const meant = holders[last]!.pod;
  return holders.slice(last + 1).some(
    ({ pod: other, isNews }) =>
      mayHoldAddress(other) &&
      // Two in one list: a time that is not known is never later.
      (isNews || meant.startedMs! < other.startedMs!) &&
      mayListen(other, target.port) &&
      !(isOnHostOf(other, meant) && !declares(other, target.port)),
  );
}

/** It says so, or it does not say where it listens. */
function mayListen(pod: Pod, port: number): boolean {
  const annotation = annotatedPort(pod);
  if (declares(pod, port) || annotation === String(port)) return true;
  return annotation === undefined && pod.ports.every(({ protocol }) => protocol !== "TCP");
}

/** On a host's network pods share the address, but no port. */
function isOnHostOf(other: Pod, pod: Pod): boolean {
  return other.hostNetwork && pod.hostNetwork && other.nodeName === pod.nodeName;
}

/** Whether an unknown pod cannot have the address that this one has. */
function provesAnother(other: Pod): boolean {
  return isRunning(other) && !other.hostNetwork;
}

/** Looked up by uid: the pod is another value after each change, and a pod of the same name is another pod. */
function holdsAddress(uid: string, ip: string, pods: Pick<PodStore, "get">): boolean {
  const now = pods.get(uid);
  return now !== undefined && isRunning(now) && now.ips.includes(ip);
}

function isKnownOrGone(uid: string, pods: Pick<PodStore, "get" | "isGone">): boolean {
  return pods.get(uid) !== undefined || pods.isGone(uid);
}

function declares({ ports }: Pod, number: number): boolean {
  return ports.some(({ port, protocol }) => port === number && protocol === "TCP");
}
