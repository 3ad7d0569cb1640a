// Random histories of an API server for runs of 10^5 steps: the same seed gives the same steps. The generator also says which
// pods there are at the end, from its own account, so that neither the fake nor its client is the judge of itself.
import type { FakeKubernetesApi } from "./fake-api.ts";
import type { PodEvent } from "./pod-history.ts";
import { type PodObject, smallPod } from "./pod-objects.ts";

export interface ExpectedPod {
  readonly namespace: string;
  readonly name: string;
  readonly ip: string;
  readonly phase: string;
}

interface Named {
  readonly namespace: string;
  readonly name: string;
}

export type ApiStep =
  | ({ readonly kind: "create"; readonly uid: string } & ExpectedPod)
  | ({ readonly kind: "update" } & ExpectedPod)
  /** A new pod under the name of an old one, as of a StatefulSet. */
  | ({ readonly kind: "recreate"; readonly uid: string } & ExpectedPod)
  /** The grace period begins; the pod is still there. */
  | ({ readonly kind: "terminate" } & Named)
  | ({ readonly kind: "delete" } & Named)
  /** Only the revision of other objects goes on. */
  | { readonly kind: "advance"; readonly revisions: number }
  | { readonly kind: "bookmark" }
  /** Watches end as at the end of their time. */
  | { readonly kind: "close" }
  | { readonly kind: "cut"; readonly midLine: boolean }
  | { readonly kind: "compact" }
  /** Open watches get the last events again, in their order. */
  | { readonly kind: "repeat"; readonly events: number }
  /**
   * The next watch gets what it missed in an order that mixes pods; each pod's own events keep theirs. No real server does
   * this: a client that takes a resource version for more than the last one it saw could lose events by it.
   */
  | { readonly kind: "mix"; readonly seed: number };

type Disturbance = "close" | "cut" | "compact" | "repeat" | "mix";

export interface PodEventsOptions {
  readonly seed: number;
  /** Default `["team-a", "team-b"]`. */
  readonly namespaces?: readonly string[];
  /** At most so many pods at a time. Default 50. */
  readonly maxPods?: number;
  /** Steps that disturb connections or history, of 1000. Default 20. */
  readonly disturbancesPerMille?: number;
  /** Default true. */
  readonly mixesPods?: boolean;
}

export class PodEvents {
  readonly #random: Random;
  readonly #namespaces: readonly string[];
  readonly #maxPods: number;
  readonly #disturbancesPerMille: number;
  readonly #disturbances: readonly Disturbance[];
  readonly #alive: (ExpectedPod & { uid: string })[] = [];
  #uids = 0;
  /** Steps until history is compacted; 0: no compaction is due. */
  #compactIn = 0;

  constructor(o: PodEventsOptions) {
    this.#random = new Random(o.seed);
    this.#namespaces = o.namespaces ?? ["team-a", "team-b"];
    this.#maxPods = o.maxPods ?? 50;
    this.#disturbancesPerMille = o.disturbancesPerMille ?? 20;
    const mix: readonly Disturbance[] = o.mixesPods === false ? [] : ["mix"];
    this.#disturbances = ["close", "cut", "compact", "repeat", "repeat", ...mix];
  }

  /** The pods after all steps so far, by uid. */
  get expected(): ReadonlyMap<string, ExpectedPod> {
    return new Map(this.#alive.map(({ uid, ...pod }) => [uid, pod]));
  }

  next(): ApiStep {
    const random = this.#random;
    if (this.#compactIn > 0 && --this.#compactIn === 0) return { kind: "compact" };
    if (random.below(1000) < this.#disturbancesPerMille) return this.#disturbance();
    const choice = random.below(100);
    if (choice < 5) return { kind: "bookmark" };
    if (choice < 10) return { kind: "advance", revisions: 1 + random.below(100) };
    const index = random.below(this.#alive.length);
    const pod = this.#alive[index];
    if (pod === undefined || (choice < 40 && this.#alive.length < this.#maxPods)) return this.#create();
    const { namespace, name, uid } = pod;
    if (choice < 50) {
      this.#alive[index] = this.#alive.at(-1)!;
      this.#alive.pop();
      return { kind: "delete", namespace, name };
    }
    if (choice < 55) return { kind: "terminate", namespace, name };
    const next = { namespace, name, ...this.#status() };
    const isNew = choice < 65;
    this.#alive[index] = { ...next, uid: isNew ? this.#newUid() : uid };
    return isNew ? { kind: "recreate", ...this.#alive[index] } : { kind: "update", ...next };
  }

  #create(): ApiStep {
    const namespace = this.#namespaces[this.#random.below(this.#namespaces.length)]!;
    const taken = new Set(this.#alive.filter((pod) => pod.namespace === namespace).map(({ name }) => name));
    // Few names: most of them were there before, with another uid.
    let number = this.#random.below(2 * this.#maxPods);
    while (taken.has(`app-${number}`)) number++;
    const pod = { namespace, name: `app-${number}`, uid: this.#newUid(), ...this.#status() };
    this.#alive.push(pod);
    return { kind: "create", ...pod };
  }

  #disturbance(): ApiStep {
    const random = this.#random;
    const kind = this.#disturbances[random.below(this.#disturbances.length)]!;
    switch (kind) {
      case "cut":
        return { kind, midLine: random.below(2) === 0 };
      case "repeat":
        return { kind, events: 1 + random.below(20) };
      case "mix":
        return { kind, seed: random.below(2 ** 32) };
      case "compact":
        // Watches that are open do not notice: it must come while the client is away and misses something.
        this.#compactIn = 2 + random.below(5);
        return { kind: "close" };
      case "close":
        return { kind };
    }
  }

  /** A pod that waits has no address; addresses are few, so that pods inherit them from others. */
  #status(): { ip: string; phase: string } {
    const phase = ["Pending", "Running", "Running", "Running", "Failed", "Succeeded"][this.#random.below(6)]!;
    return { phase, ip: phase === "Pending" ? "" : `10.0.0.${1 + this.#random.below(100)}` };
  }

  #newUid(): string {
    return `uid-${++this.#uids}`;
  }
}

/** Carries a step out; waits only for connections that are cut. */
export function applyStep(api: FakeKubernetesApi, step: ApiStep): Promise<void> | void {
  switch (step.kind) {
    case "create":
      return void api.createPod(smallPod(step));
    case "update":
      return void api.updatePod(smallPod({ ...step, uid: podOf(api, step).metadata.uid }));
    case "recreate":
      api.deletePod(step.namespace, step.name);
      return void api.createPod(smallPod(step));
    case "terminate": {
      const pod = podOf(api, step);
      const metadata = { ...pod.metadata, deletionTimestamp: "2026-11-20T09:00:00Z" };
      return void api.updatePod({ ...pod, metadata });
    }
    case "delete":
      return api.deletePod(step.namespace, step.name);
    case "advance":
      return api.advance(step.revisions);
    case "bookmark":
      return api.bookmark();
    case "close":
      return api.watches.close();
    case "cut":
      return api.watches.cut(step);
    case "compact":
      return api.compact();
    case "repeat":
      return api.watches.replay(api.lastEvents(step.events));
    case "mix":
      api.inject(
        { kind: "backlog", arrange: (events) => mixPods(events, step.seed) },
        { verb: "watch", times: 1 },
      );
  }
}

/** Another order in which each pod's own events keep theirs. */
export function mixPods(events: readonly PodEvent[], seed: number): readonly PodEvent[] {
  const random = new Random(seed);
  const queues = new Map<string, PodEvent[]>();
  const order: PodEvent[][] = [];
  for (const event of events) {
    const { namespace, name } = (event.pod ?? event.previous)!.metadata;
    const key = `${namespace}/${name}`;
    const queue = queues.get(key) ?? [];
    queues.set(key, queue);
    queue.push(event);
    order.splice(random.below(order.length + 1), 0, queue);
  }
  return order.map((queue) => queue.shift()!);
}

function podOf(api: FakeKubernetesApi, { namespace, name }: Named): PodObject {
  const pod = api.pod(namespace, name);
  if (pod === undefined) throw new Error(`Cannot change pod "${namespace}/${name}": it does not exist`);
  return pod;
}

/** Mulberry32: small and the same everywhere. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to below `limit`; 0 when that is 0. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return Math.floor((((value ^ (value >>> 14)) >>> 0) / 4_294_967_296) * limit);
  }
}
