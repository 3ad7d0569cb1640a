// Which addresses a caller may reach: those all of whose pods lie in namespaces that he may see. Pods on the host's network share
// the address of their node, and a port does not tell whose it is.
import type { PodStore } from "../../discovery/pod-store.ts";
import type { AccessPolicy } from "../../targets/access-policy.ts";
import { mayHoldAddress } from "../../targets/pod-phase.ts";
import { HttpError } from "../http-error.ts";
import { type Caller, mayGet } from "./caller.ts";

export interface AddressFacts {
  readonly pods: Pick<PodStore, "byIp">;
  readonly policy: Pick<AccessPolicy, "checkHolders">;
}

/**
 * Throws HttpError 403 unless the caller may see all namespaces that hold the address at the end of the call; and 503 when that cannot be
 * told. An address that nobody holds passes. The text is that of an address that nobody holds: a caller may not learn what others have.
 */
export async function requireHolders(
  caller: Caller,
  ip: string,
  { pods, policy, signal }: AddressFacts & { signal: AbortSignal },
): Promise<void> {
  if (caller.seesAll) return;
  const permitted = new Set<string>();
  for (;;) {
    // The address may change hands while the API server is asked.
    const asked = holderNamespaces(ip, pods).filter((namespace) => !permitted.has(namespace));
    if (asked.length === 0) return;
    const may = await mayGet(caller, asked);
    signal.throwIfAborted();
    if (!may) {
      const { text } = policy.checkHolders(ip, [])!;
      throw new HttpError(403, text, { authenticationFailure: "not_permitted" });
    }
    for (const namespace of asked) permitted.add(namespace);
  }
}

/** The targets whose addresses the caller may reach, and the others. Rejects with HttpError 503 when it cannot be told. */
export async function divideByReach<T extends { readonly ip: string }>(
  caller: Caller,
  targets: readonly T[],
  { pods }: Pick<AddressFacts, "pods">,
): Promise<{ within: readonly T[]; beyond: readonly T[] }> {
  if (caller.seesAll) return { within: targets, beyond: [] };
  const byNamespace = new Map<string, string[]>();
  for (const ip of new Set(targets.map((target) => target.ip))) {
    for (const namespace of holderNamespaces(ip, pods)) {
      const known = byNamespace.get(namespace);
      if (known === undefined) byNamespace.set(namespace, [ip]);
      else known.push(ip);
    }
  }
  const visible = await caller.visible([...byNamespace.keys()]);
  const outOfReach = new Set<string>();
  for (const [namespace, held] of byNamespace) {
    if (!visible.includes(namespace)) for (const ip of held) outOfReach.add(ip);
  }
  return {
    within: targets.filter(({ ip }) => !outOfReach.has(ip)),
    beyond: targets.filter(({ ip }) => outOfReach.has(ip)),
  };
}

function holderNamespaces(ip: string, pods: AddressFacts["pods"]): readonly string[] {
  const holders = pods.byIp(ip).filter((pod) => mayHoldAddress(pod));
  return [...new Set(holders.map(({ namespace }) => namespace))];
}
