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
 * of a namespace that nobody watches, so only known holders that are all others prove that it is not. And none is current while a later
 * pod has the address too: namespaces are watched apart, so the news of the next pod can come before that of the end of the one before,
 * and of a pod on a dead node there is none for long.
 */
export function isCurrent(target: Target, { pods, requirePod }: IdentityFacts): boolean {
  const { pod, ip, candidates = pod === undefined ? [] : [pod.uid] } = target;
  // Of an address of which nothing was known, everything is news.
  if (candidates.length === 0) return target.candidates !== undefined && !requirePod;
  const now = pods.byIp(ip);
  if (
    now.some((other) =>
      isSuccessor(other, { target, meant: now.filter(({ uid }) => candidates.includes(uid)) }),
    )
  )
    return false;
  if (requirePod || target.candidates === undefined)
    return candidates.every((uid) => holdsAddress(uid, ip, pods));
  const running = now.filter((holder) => isRunning(holder));
  return running.length === 0 || running.some(({ uid }) => candidates.includes(uid));
}

/**
 * Whether a pod has the address after those that are meant: it was not there when the target was chosen, or its node took it up later.
 * On a host's network pods share the address, but no port. A time that is not known is never later.
 */
function isSuccessor(
  other: Pod,
  { target: { holders }, meant }: { target: Target; meant: readonly Pod[] },
): boolean {
  if (meant.includes(other) || other.hostNetwork || !mayHave(other)) return false;
  return !holders.includes(other.uid) || meant.some(({ startedMs }) => startedMs! < other.startedMs!);
}

/** Looked up by uid: the pod is another value after each change, and a pod of the same name is another pod. */
function holdsAddress(uid: string, ip: string, pods: Pick<PodStore, "get">): boolean {
  const now = pods.get(uid);
  return now !== undefined && isRunning(now) && now.ips.includes(ip);
}

/** The uids of the pods that may have the address, for a target that is chosen now. */
export function holdersOf(holders: readonly Pod[]): readonly string[] {
  return holders.filter((pod) => mayHave(pod)).map(({ uid }) => uid);
}

/**
 * The targets without those that another one has the better claim to: of pods at one address and port only one can answer. The status
 * of a pod is written by whoever may, and stays behind when a node dies: of several the one that is Ready has it, of equals the one that
 * its node took up first. Pods on a host's network share the address in earnest, and stay.
 */
export function withoutRivals<T extends Claim>(targets: readonly T[]): readonly T[] {
  const best = new Map<string, T>();
  const rivals = targets.filter(({ pod }) => pod?.hostNetwork === false);
  for (const target of rivals) {
    const other = best.get(placeOf(target));
    if (other === undefined || compareClaims(target.pod!, other.pod!) < 0) best.set(placeOf(target), target);
  }
  return best.size === rivals.length
    ? targets
    : targets.filter((target) => target.pod?.hostNetwork !== false || best.get(placeOf(target)) === target);
}

interface Claim {
  readonly pod: Pod | undefined;
  readonly ip: string;
  readonly port: number;
}

function placeOf({ ip, port }: Claim): string {
  return `${ip} ${port}`;
}

function compareClaims(a: Pod, b: Pod): number {
  const isReady = ({ readiness }: Pod) => (readiness === "True" ? 0 : 1);
  // NaN where a time is not known.
  return (
    isReady(a) - isReady(b) ||
    a.startedMs! - b.startedMs! ||
    compareText(a.name, b.name) ||
    compareText(a.uid, b.uid)
  );
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Pods that have ended hold nothing; those that wait for their containers do. */
function mayHave({ phase }: Pod): boolean {
  return phase !== "Succeeded" && phase !== "Failed";
}

function isRunning({ phase }: Pod): boolean {
  return phase === "Running";
}
