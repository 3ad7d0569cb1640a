// One complete list of pods, page by page. Each page is cut down to the fields that are used before the next one is asked
// for: ten thousand whole pods would take hundreds of megabytes. Never gives a part of a list.
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Pod, PodProblem, PodReader } from "../pod.ts";
import { asObject, objectAt, stringAt } from "../untrusted-object.ts";
import type { ApiClient } from "./api-client.ts";
import { ApiError } from "./api-error.ts";
import type { PodScope } from "./pod-scope.ts";

export interface PodList {
  readonly pods: readonly Pod[];
  /** The state of the cluster that this list is; where a watch goes on. */
  readonly resourceVersion: string;
}

export interface ListPodsOptions {
  readonly client: Pick<ApiClient, "getJson">;
  readonly scope: PodScope;
  readonly readPod: PodReader;
  readonly metrics: Pick<Metrics, "listRequested">;
  readonly signal: AbortSignal;
}

/** client-go's page size: about 30 ms of work at a time. */
const pageSize = 500;
/** Kubernetes is made for up to 150,000 pods in a cluster. */
const maxPods = 300_000;
const maxPages = 2 * (maxPods / pageSize);
/** A list that takes longer than the server keeps its pages (5 minutes) must not begin again for ever. */
const maxAttempts = 3;

/**
 * Asks for the most recent state, not for what the server has in its cache. Rejects with an ApiError, or with the signal's
 * reason.
 */
export async function listPods(o: ListPodsOptions): Promise<PodList> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listOnce(o);
    } catch (error) {
      // The page after the last one is not kept any more: only a list from its beginning is of one moment.
      if (!(error instanceof ApiError) || error.problem !== "expired" || attempt === maxAttempts) throw error;
    }
  }
}

async function listOnce({ client, scope, readPod, metrics, signal }: ListPodsOptions): Promise<PodList> {
  const pods: Pod[] = [];
  let next = "";
  for (let pages = 0; pages < maxPages && pods.length <= maxPods; pages++) {
    metrics.listRequested();
    const page = readPage(
      await client.getJson({
        path: scope.path,
        query: { limit: String(pageSize), ...(next !== "" && { continue: next }) },
        signal,
      }),
    );
    for (const item of page.items) pods.push(requirePod(readPod(item), scope));
    next = page.next;
    if (next === "") return { pods, resourceVersion: page.resourceVersion };
  }
  throw new ApiError("too_large", `there are more than ${maxPods} pods, or the list does not end`, {
    limit: "api_pods",
  });
}

/** What was read of an item or an event, which has to be a pod of the scope. Throws an ApiError `malformed`. */
export function requirePod(pod: Pod | PodProblem, scope: PodScope): Pod {
  if ("problem" in pod) throw new ApiError("malformed", `a pod cannot be used: ${pod.problem}`);
  if (scope.namespace !== undefined && pod.namespace !== scope.namespace) {
    throw new ApiError("malformed", "a pod lies outside the namespace that was asked for");
  }
  return pod;
}

interface Page {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  /** "" on the last page. */
  readonly next: string;
}

function readPage(document: unknown): Page {
  const list = asObject(document);
  if (list["kind"] !== "PodList") throw new ApiError("malformed", "the answer is no PodList");
  // A nil slice of Go is null.
  const items = list["items"] ?? [];
  if (!Array.isArray(items)) throw new ApiError("malformed", "the items of the list are no list");
  const metadata = objectAt(list, "metadata");
  const resourceVersion = stringAt(metadata, "resourceVersion");
  if (resourceVersion === "") throw new ApiError("malformed", "the list has no resource version");
  return { items, resourceVersion, next: stringAt(metadata, "continue") };
}
