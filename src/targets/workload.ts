// Which workload a pod belongs to, from what the pod itself tells. Never asks for another object: the proxy may read pods only.
import type { PodProperty } from "../discovery/namespace-pods.ts";
import type { Pod } from "../discovery/pod.ts";
import { isDnsSubdomain } from "./dns-name.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

const kind = /^[a-z][a-z0-9]{0,62}$/;
const templateHash = "pod-template-hash";
/** What a CronJob adds to its name: the minute of the run since 1970, in the past the second. */
const runTime = /-[0-9]{8,10}$/;

/** Reads `deployment/web`: the kind in lower case, the name. Throws MalformedRequestError. */
export function parseWorkload(text: string): string {
  const [kindText = "", name = "", ...rest] = text.split("/");
  if (kind.test(kindText) && rest.length === 0 && isDnsSubdomain(name)) return text;
  throw new MalformedRequestError(
    "workload",
    `Cannot read workload ${quote(text)}: it has to be <kind>/<name>, such as deployment/web`,
  );
}

/** Pods by the workloads that they belong to, in the spelling of parseWorkload(). */
export const workloadProperty: PodProperty = { id: "workload", valuesOf: workloadsOf };

/**
 * The pod's controller, and what stands above it: a ReplicaSet has the name of its Deployment and the hash that is also a label
 * of its pods; a Job has the name of its CronJob and the time of the run.
 */
function workloadsOf({ controller, labels }: Pod): readonly string[] {
  if (controller === undefined) return [];
  const { kind, name } = controller;
  const own = `${kind.toLowerCase()}/${name}`;
  if (kind === "ReplicaSet") {
    const suffix = `-${labels.get(templateHash)}`;
    return name.endsWith(suffix) ? [own, `deployment/${name.slice(0, -suffix.length)}`] : [own];
  }
  if (kind === "Job" && runTime.test(name)) return [own, `cronjob/${name.replace(runTime, "")}`];
  return [own];
}
