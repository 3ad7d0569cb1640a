// The target of a request to `/kubesd`: one address that the caller names. Pure: reads the store, dials nothing.
// Never trusts that an address belongs to the pod it was taken from: what holds it now is what counts.
import type { AccessPolicy, Refusal } from "./access-policy.ts";
import { candidatesOf, findUidProblem, type IdentityFacts } from "./pod-identity.ts";
import type { Target } from "./target.ts";

/** What a request asks for, parsed. Its path has passed the access policy. */
export interface AddressSelection {
  /** From parseIpLiteral(). */
  readonly ip: string;
  readonly port: number;
  readonly tls: boolean;
  /** From parsePodUid(): the pod that the caller means. */
  readonly uid?: string | undefined;
  /** Checked path plus forwarded query. */
  readonly path: string;
}

/** Checks address, port and holders. The target names a pod when exactly one running pod can be meant. */
export function selectAddress(
  { ip, port, tls, uid, path }: AddressSelection,
  { pods, policy }: { pods: IdentityFacts["pods"]; policy: AccessPolicy },
): Target | Refusal {
  const holders = pods.byIp(ip);
  const refusal = policy.checkIp(ip) ?? policy.checkPort(port) ?? policy.checkHolders(ip, holders);
  if (refusal !== undefined) return refusal;
  const { requirePod } = policy;
  const problem = uid === undefined ? undefined : findUidProblem(uid, { ip, pods, requirePod });
  if (problem !== undefined) return { refused: "pod", text: `Cannot scrape address "${ip}": ${problem}` };
  const candidates = candidatesOf(holders, { port, uid });
  const [pod, another] = candidates;
  const known = another === undefined ? pod : undefined;
  return {
    pod: known,
    namespace: known?.namespace ?? "",
    podName: known?.name ?? "",
    // A pod that the caller names is meant also while nothing is known of it.
    candidates: uid === undefined ? candidates.map((candidate) => candidate.uid) : [uid],
    ip,
    port,
    tls,
    path,
  };
}
