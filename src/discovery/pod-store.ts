// The pods that exist now, as far as is known. Reads are synchronous, see one consistent state and give copies.
// Never filters by phase, address or rule: which pods may be scraped is decided by `targets`.
import { NamespacePods, type PodQuery } from "./namespace-pods.ts";
import type { Pod } from "./pod.ts";

/** Pods by uid, with indexes by namespace and name and by address. Filled by a PodSource, which says how true it is. */
export class PodStore {
  #byUid = new Map<string, Pod>();
  #byNamespace = new Map<string, NamespacePods>();
  #byIp = new Map<string, Set<Pod>>();

  get size(): number {
    return this.#byUid.size;
  }

  /** Adds a pod, or replaces the one with its uid. */
  upsert(pod: Pod): void {
    let old = this.#byUid.get(pod.uid);
    if (old !== undefined && (old.namespace !== pod.namespace || old.name !== pod.name)) {
      this.delete(old.uid);
      old = undefined;
    }
    if (old !== undefined) this.#removeIps(old);
    this.#byUid.set(pod.uid, pod);
    this.#addIps(pod);
    const pods = this.#byNamespace.get(pod.namespace);
    if (pods === undefined) this.#byNamespace.set(pod.namespace, new NamespacePods([pod]));
    else pods.set(pod, old);
  }

  /** Removes the pod with this uid; nothing happens when there is none. */
  delete(uid: string): void {
    const pod = this.#byUid.get(uid);
    if (pod === undefined) return;
    this.#byUid.delete(uid);
    this.#removeIps(pod);
    const pods = this.#byNamespace.get(pod.namespace)!;
    pods.delete(pod);
    if (pods.size === 0) this.#byNamespace.delete(pod.namespace);
  }

  /** Makes these the pods, in one step: a complete list of its source. Of pods with one uid the last counts. */
  replace(pods: Iterable<Pod>): void {
    this.#byUid = new Map(Array.from(pods, (pod) => [pod.uid, pod]));
    this.#byIp = new Map();
    for (const pod of this.#byUid.values()) this.#addIps(pod);
    const groups = Map.groupBy(this.#byUid.values(), ({ namespace }) => namespace);
    this.#byNamespace = new Map(
      Array.from(groups, ([namespace, group]) => [namespace, new NamespacePods(group)]),
    );
  }

  /** Makes these the pods of one namespace, in one step. They must all lie in it; of pods with one uid the last counts. */
  replaceNamespace(namespace: string, pods: Iterable<Pod>): void {
    const next = new Map(Array.from(pods, (pod) => [pod.uid, pod]));
    for (const { uid } of this.inNamespace(namespace)) {
      this.#removeIps(this.#byUid.get(uid)!);
      this.#byUid.delete(uid);
    }
    this.#byNamespace.delete(namespace);
    for (const pod of next.values()) {
      // A uid that moved here from another namespace.
      this.delete(pod.uid);
      this.#byUid.set(pod.uid, pod);
      this.#addIps(pod);
    }
    if (next.size > 0) this.#byNamespace.set(namespace, new NamespacePods(next.values()));
  }

  get(uid: string): Pod | undefined {
    return this.#byUid.get(uid);
  }

  /** The pods of a namespace that the query is about, by name, then uid. Its cost does not grow with the others. */
  find(namespace: string, query: PodQuery): readonly Pod[] {
    return this.#byNamespace.get(namespace)?.find(query) ?? [];
  }

  /** The namespaces that have pods, by name. */
  namespaces(): readonly string[] {
    return [...this.#byNamespace.keys()].sort();
  }

  /** The pods with this very name: one, or also its replacement. */
  named(namespace: string, name: string): readonly Pod[] {
    return this.#byNamespace.get(namespace)?.named(name) ?? [];
  }

  /** How many pods the namespace has. */
  countIn(namespace: string): number {
    return this.#byNamespace.get(namespace)?.size ?? 0;
  }

  /** The pods of a namespace, by name, then uid. */
  inNamespace(namespace: string): readonly Pod[] {
    return this.find(namespace, { prefix: "", terms: [] });
  }

  /** The pods that have this canonical address, in no particular order: several on a host's network, and ended ones. */
  byIp(ip: string): readonly Pod[] {
    return [...(this.#byIp.get(ip) ?? [])];
  }

  /** How many pods each namespace has; namespaces without pods are absent. */
  countByNamespace(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#byNamespace, ([namespace, { size }]) => [namespace, size]));
  }

  #addIps(pod: Pod): void {
    for (const ip of pod.ips) {
      const holders = this.#byIp.get(ip);
      if (holders === undefined) this.#byIp.set(ip, new Set([pod]));
      else holders.add(pod);
    }
  }

  #removeIps(pod: Pod): void {
    for (const ip of pod.ips) {
      const holders = this.#byIp.get(ip)!;
      holders.delete(pod);
      if (holders.size === 0) this.#byIp.delete(ip);
    }
  }
}
