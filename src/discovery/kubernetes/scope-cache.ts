// The part of the pod store that one scope fills, and the version of the cluster that it shows. Applies lists and events
// such that what comes twice, late or out of order cannot leave a wrong pod behind.
import type { PodStore } from "../pod-store.ts";
import type { PodReader } from "../pod.ts";
import { ApiError } from "./api-error.ts";
import { type PodList, requirePod } from "./list-pods.ts";
import type { PodScope } from "./pod-scope.ts";
import { compareResourceVersions } from "./resource-version.ts";
import type { WatchEvent } from "./watch-events.ts";

export class ScopeCache {
  readonly #scope: PodScope;
  readonly #store: PodStore;
  readonly #readPod: PodReader;
  #resourceVersion: string | undefined;

  constructor(scope: PodScope, { store, readPod }: { store: PodStore; readPod: PodReader }) {
    this.#scope = scope;
    this.#store = store;
    this.#readPod = readPod;
  }

  /** Where a watch goes on; undefined when only a list can. */
  get resourceVersion(): string | undefined {
    return this.#resourceVersion;
  }

  /** The pods stay until the next list; no watch can go on from them. */
  expire(): void {
    this.#resourceVersion = undefined;
  }

  /** In one step: nobody sees a moment without pods. */
  replace({ pods, resourceVersion }: PodList): void {
    const { namespace } = this.#scope;
    if (namespace === undefined) this.#store.replace(pods);
    else this.#store.replaceNamespace(namespace, pods);
    this.#resourceVersion = resourceVersion;
  }

  /**
   * Throws an ApiError: `regressed` when the event is older than what is known (the server has gone back, and only a list
   * tells what holds now), `malformed` when its object is no pod of this scope. Then the store is as before.
   */
  apply(event: WatchEvent): void {
    const order = this.#orderOf(event.resourceVersion);
    if (order === -1)
      throw new ApiError("regressed", "the API server went back to an older resource version");
    if (event.type === "BOOKMARK") {
      this.#resourceVersion = event.resourceVersion;
      return;
    }
    // What was seen already, again.
    if (order === 0) return;
    const pod = requirePod(this.#readPod(event.object), this.#scope);
    if (event.type === "DELETED") {
      this.#store.delete(pod.uid);
    } else {
      // A name belongs to one pod at a time: its deletion may have been missed, as a StatefulSet's pod comes back at once.
      for (const { uid } of this.#store.named(pod.namespace, pod.name))
        if (uid !== pod.uid) this.#store.delete(uid);
      this.#store.upsert(pod);
    }
    this.#resourceVersion = event.resourceVersion;
  }

  /** How an event's version stands to what is known; undefined where there is no telling. */
  #orderOf(resourceVersion: string): -1 | 0 | 1 | undefined {
    return compareResourceVersions(resourceVersion, this.#resourceVersion ?? "");
  }

  /** Takes the pods out of the store. */
  clear(): void {
    this.#store.forget(this.#scope.namespace);
    this.#resourceVersion = undefined;
  }
}
