// The pods as etcd keeps them: every write has the next revision, old states can be asked for until they are compacted.
// A write costs microseconds; whoever reads an old state pays for going back to it.
import type { PodObject } from "./pod-objects.ts";

export interface PodEvent {
  readonly revision: number;
  /** Undefined: it was deleted. */
  readonly pod: PodObject | undefined;
  /** Undefined: it did not exist before. */
  readonly previous: PodObject | undefined;
}

export interface PodHistoryOptions {
  /** The revision before the first write. Default 1000, since no cluster begins with its first pod. */
  readonly revision?: number;
  /** Events kept without compaction; the oldest go. Default 20,000. */
  readonly maxEvents?: number;
}

export class PodHistory {
  readonly #maxEvents: number;
  #pods = new Map<string, PodObject>();
  #events: PodEvent[] = [];
  #revision: number;
  #compactedRevision: number;
  #lastRead: { revision: number; pods: readonly PodObject[] } | undefined;

  constructor(o: PodHistoryOptions = {}) {
    this.#maxEvents = o.maxEvents ?? 20_000;
    this.#revision = o.revision ?? 1000;
    this.#compactedRevision = this.#revision;
  }

  /** Of the last write of any object. */
  get revision(): number {
    return this.#revision;
  }

  /** What happened up to here is forgotten; what happened later can be asked for. */
  get compactedRevision(): number {
    return this.#compactedRevision;
  }

  get(namespace: string, name: string): PodObject | undefined {
    return this.#pods.get(keyOf(namespace, name));
  }

  /** @throws Error when there is a pod of that name */
  create(pod: PodObject): PodObject {
    const { namespace, name } = pod.metadata;
    if (this.get(namespace, name) !== undefined) throw problem("create", pod, "it exists");
    return this.#write(pod);
  }

  /** Replaces the pod of the same namespace and name. @throws Error when there is none, or it has another uid */
  update(pod: PodObject): PodObject {
    const { namespace, name, uid } = pod.metadata;
    const previous = this.get(namespace, name);
    if (previous === undefined) throw problem("update", pod, "it does not exist");
    if (previous.metadata.uid !== uid) throw problem("update", pod, "it has another uid");
    return this.#write(pod);
  }

  /** @throws Error when there is none */
  delete(namespace: string, name: string): void {
    const key = keyOf(namespace, name);
    const previous = this.#pods.get(key);
    if (previous === undefined) {
      throw problem("delete", { metadata: { namespace, name } }, "it does not exist");
    }
    this.#pods.delete(key);
    this.#append({ revision: ++this.#revision, pod: undefined, previous });
  }

  /** Other objects of the cluster are written: the revision goes up, and no pod changes. */
  advance(revisions: number): void {
    this.#revision += revisions;
  }

  /** Forgets all history up to now. */
  compact(): void {
    this.#events = [];
    this.#compactedRevision = this.#revision;
  }

  /** As after a restored backup: what came after that revision never was, and its revisions are given again. */
  restore(revision: number): void {
    this.#pods = new Map(this.podsAt(revision).map((pod) => [podKey(pod), pod]));
    this.#events.length = this.#indexAfter(revision);
    this.#revision = revision;
  }

  /** In the order of their keys, as etcd gives them. @throws Error when that revision is compacted or yet to come */
  podsAt(revision: number): readonly PodObject[] {
    if (revision < this.#compactedRevision || revision > this.#revision) {
      throw new Error(`Cannot read pods at revision ${revision}: it is compacted or yet to come`);
    }
    if (this.#lastRead?.revision !== revision) {
      const pods = new Map(this.#pods);
      for (const { pod, previous } of this.#events.slice(this.#indexAfter(revision)).toReversed()) {
        if (previous === undefined) pods.delete(podKey(pod!));
        else pods.set(podKey(previous), previous);
      }
      const sorted = [...pods].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pod]) => pod);
      this.#lastRead = { revision, pods: sorted };
    }
    return this.#lastRead.pods;
  }

  /** Those with a later revision than this one and none later than `upTo`, oldest first. */
  eventsAfter(revision: number, upTo = Infinity): readonly PodEvent[] {
    const events = this.#events.slice(this.#indexAfter(revision));
    return upTo >= this.#revision ? events : events.filter((event) => event.revision <= upTo);
  }

  /** The last events, oldest first. */
  lastEvents(count: number): readonly PodEvent[] {
    return this.#events.slice(-count);
  }

  #write(given: PodObject): PodObject {
    const pod = withRevision(given, ++this.#revision);
    const key = podKey(pod);
    const previous = this.#pods.get(key);
    this.#pods.set(key, pod);
    this.#append({ revision: this.#revision, pod, previous });
    return pod;
  }

  #append(event: PodEvent): void {
    this.#events.push(event);
    // Twice as many before they are dropped: a write must not cost a copy of all events.
    if (this.#events.length > 2 * this.#maxEvents) {
      const dropped = this.#events.splice(0, this.#events.length - this.#maxEvents);
      this.#compactedRevision = dropped.at(-1)!.revision;
    }
  }

  #indexAfter(revision: number): number {
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The part of an etcd key after `/registry/pods/`. */
export function podKey({ metadata }: Pick<PodObject, "metadata">): string {
  return keyOf(metadata.namespace, metadata.name);
}

export function withRevision(pod: PodObject, revision: number): PodObject {
  return { ...pod, metadata: { ...pod.metadata, resourceVersion: String(revision) } };
}

function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

function problem(
  act: string,
  { metadata }: { metadata: { namespace: string; name: string } },
  state: string,
) {
  return new Error(`Cannot ${act} pod "${keyOf(metadata.namespace, metadata.name)}": ${state}`);
}
