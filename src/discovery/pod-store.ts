// The pods that exist now, as far as is known. Reads are synchronous, see one consistent state and give copies.
// Never filters by phase, address or rule: which pods may be scraped is decided by `targets`.
import { AddressHolders, type Holder } from "./address-holders.ts";
import { GoneUids } from "./gone-uids.ts";
import { NamespacePods, type PodQuery } from "./namespace-pods.ts";
import type { Pod } from "./pod.ts";

/** Pods by uid, with indexes by namespace and name and by address. Filled by a PodSource, which says how true it is. */
export class PodStore {
  readonly #byUid = new Map<string, Pod>();
  #byNamespace = new Map<string, NamespacePods>();
  readonly #byIp = new AddressHolders();
  readonly #gone = new GoneUids();

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
    this.#put(pod, old);
    const pods = this.#byNamespace.get(pod.namespace);
    if (pods === undefined) this.#byNamespace.set(pod.namespace, new NamespacePods([pod]));
    else pods.set(pod, old);
  }

  /** Removes the pod with this uid, which has been deleted; nothing happens when there is none. */
  delete(uid: string): void {
    const pod = this.#byUid.get(uid);
    if (pod === undefined) return;
    this.#drop(pod);
    this.#gone.add(uid);
    const pods = this.#byNamespace.get(pod.namespace)!;
    pods.delete(pod);
    if (pods.size === 0) this.#byNamespace.delete(pod.namespace);
  }

  /** Makes these the pods, in one step: a complete list of its source. Of pods with one uid the last counts. */
  replace(pods: Iterable<Pod>): void {
    const next = new Map(Array.from(pods, (pod) => [pod.uid, pod]));
    for (const pod of this.#byUid.values()) if (!next.has(pod.uid)) this.#dropDeleted(pod);
    for (const pod of next.values()) this.#put(pod, this.#byUid.get(pod.uid), { listed: true });
    const groups = Map.groupBy(next.values(), ({ namespace }) => namespace);
    this.#byNamespace = new Map(
      Array.from(groups, ([namespace, group]) => [namespace, new NamespacePods(group)]),
    );
  }

  /** Makes these the pods of one namespace, in one step. They must all lie in it; of pods with one uid the last counts. */
  replaceNamespace(namespace: string, pods: Iterable<Pod>): void {
    const next = new Map(Array.from(pods, (pod) => [pod.uid, pod]));
    for (const pod of this.inNamespace(namespace)) if (!next.has(pod.uid)) this.#dropDeleted(pod);
    this.#byNamespace.delete(namespace);
    for (const pod of next.values()) {
      const old = this.#byUid.get(pod.uid);
      // A uid that moved here from another namespace.
      if (old !== undefined && old.namespace !== namespace) this.delete(pod.uid);
      this.#put(pod, this.#byUid.get(pod.uid), { listed: true });
    }
    if (next.size > 0) this.#byNamespace.set(namespace, new NamespacePods(next.values()));
  }

  /** Takes the pods of a namespace out (undefined: all pods) of which nothing is known any more: they may well be there. */
  forget(namespace: string | undefined): void {
    const pods = namespace === undefined ? [...this.#byUid.values()] : this.inNamespace(namespace);
    for (const pod of pods) this.#drop(pod);
    if (namespace === undefined) this.#byNamespace.clear();
    else this.#byNamespace.delete(namespace);
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

  /** Whether the pod with this uid has been deleted, as far as that is remembered. */
  isGone(uid: string): boolean {
    return this.#gone.has(uid);
  }

  /**
   * The pods that have this canonical address: several on a host's network, and ended ones. In the order in which they got it, as far as
   * the source told it.
   */
  byIp(ip: string): readonly Pod[] {
    return this.holders(ip).map(({ pod }) => pod);
  }

  /** The same pods, and how it became known. */
  holders(ip: string): readonly Holder[] {
    return this.#byIp.of(ip);
  }

  /** How many pods each namespace has; namespaces without pods are absent. */
  countByNamespace(): ReadonlyMap<string, number> {
    return new Map(Array.from(this.#byNamespace, ([namespace, { size }]) => [namespace, size]));
  }

  #put(pod: Pod, old: Pod | undefined, o: { listed: boolean } = { listed: false }): void {
    this.#byUid.set(pod.uid, pod);
    this.#byIp.put(pod, old, o);
    this.#gone.delete(pod.uid);
  }

  #drop(pod: Pod): void {
    this.#byUid.delete(pod.uid);
    this.#byIp.drop(pod);
  }

  #dropDeleted(pod: Pod): void {
    this.#drop(pod);
    this.#gone.add(pod.uid);
  }
}
