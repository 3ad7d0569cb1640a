// Of several pods that claim one address and port, the one that it is. Pure.
import type { Pod } from "../discovery/pod.ts";
import { compareText } from "./compare-text.ts";

interface Claim {
  readonly pod: Pod | undefined;
  readonly ip: string;
  readonly port: number;
}

/**
 * The targets without those that another one has the better claim to: of pods at one address and port only one can answer. The status
 * of a pod is written by whoever may, and stays behind when a node dies: of several the one that is Ready has it, of equals the one that
 * its node took up first. Pods on the network of a host share the address in earnest, and stay.
 */
export function withoutRivals<T extends Claim>(targets: readonly T[]): readonly T[] {
  const best = new Map<string, Pod>();
  for (const target of targets) {
    const other = best.get(placeOf(target));
    if (other === undefined || compareClaims(target.pod!, other) < 0) best.set(placeOf(target), target.pod!);
  }
  if (best.size === targets.length) return targets;
  return targets.filter((target) => {
    const owner = best.get(placeOf(target))!;
    return target.pod === owner || (target.pod!.hostNetwork && owner.hostNetwork);
  });
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
