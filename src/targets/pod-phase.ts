// What the phase of a pod says about its address.
import type { Pod } from "../discovery/pod.ts";

/** Pods that have ended hold nothing: their address may belong to another by now. Those that wait for their containers do hold theirs. */
export function mayHoldAddress({ phase }: Pick<Pod, "phase">): boolean {
  return phase !== "Succeeded" && phase !== "Failed";
}

export function isRunning({ phase }: Pick<Pod, "phase">): boolean {
  return phase === "Running";
}
