// The pods of one namespace, found by name and by what else they are asked for, without a look at the others. An index is made
// when it is first asked for: nobody knows beforehand by which label people select, and an index of every label costs more
// memory than the pods.
import { comparePods, PodsByName } from "./pods-by-name.ts";
import type { Pod } from "./pod.ts";

/** Something that pods are found by. Two of the same id give the same values for the same pod. */
export interface PodProperty {
  readonly id: string;
  /** Distinct. */
  valuesOf(pod: Pod): readonly string[];
}

/** One of these values. */
export interface PodTerm {
  readonly property: PodProperty;
  readonly values: ReadonlySet<string>;
}

export interface PodQuery {
  /** What the names begin with; "" for any. */
  readonly prefix: string;
  /** All of them hold. Empty: every pod. */
  readonly terms: readonly PodTerm[];
}

/** Each costs some 100 bytes a pod. The one that was not used for longest goes. */
const maxIndexes = 16;

/** So many are looked at one by one sooner than an index is made. */
const fewPods = 64;

export class NamespacePods {
  readonly #byName: PodsByName;
  /** By the id of their property, the latest used last. */
  readonly #indexes = new Map<string, PropertyIndex>();

  constructor(pods: Iterable<Pod>) {
    this.#byName = new PodsByName([...pods]);
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Puts a pod in, in the place of `old`, which has the same name and uid. */
  set(pod: Pod, old: Pod | undefined): void {
    this.#byName.set(pod);
    for (const index of this.#indexes.values()) {
      if (old !== undefined) index.delete(old);
      index.add(pod);
    }
  }

  /** Takes out a pod, which must be there. */
  delete(pod: Pod): void {
    this.#byName.delete(pod);
    for (const index of this.#indexes.values()) index.delete(pod);
  }

  /** The pods with this very name: a copy. */
  named(name: string): readonly Pod[] {
    return this.#byName.named(name);
  }

  /** By name, then uid: a copy. Looks at the pods of the prefix or at those of one term, whichever are fewer. */
  find({ prefix, terms }: PodQuery): readonly Pod[] {
    const inPrefix = this.#byName.countPrefix(prefix);
    let fewest: Iterable<Pod> | undefined;
    let count = inPrefix;
    for (const { property, values } of terms) {
      if (count <= fewPods) break;
      const index = this.#indexOf(property);
      const found = index.count(values);
      if (found >= count) continue;
      count = found;
      fewest = index.pods(values);
    }
    const pods =
      fewest === undefined
        ? this.#byName.withPrefix(prefix)
        : [...fewest].filter(({ name }) => name.startsWith(prefix)).sort(comparePods);
    return terms.length === 0 ? pods : pods.filter((pod) => terms.every((term) => holds(term, pod)));
  }

  #indexOf(property: PodProperty): PropertyIndex {
    const known = this.#indexes.get(property.id);
    this.#indexes.delete(property.id);
    const index = known ?? new PropertyIndex(property, this.#byName.withPrefix(""));
    this.#indexes.set(property.id, index);
    const [oldest] = this.#indexes.keys();
    if (this.#indexes.size > maxIndexes) this.#indexes.delete(oldest!);
    return index;
  }
}

function holds({ property, values }: PodTerm, pod: Pod): boolean {
  return property.valuesOf(pod).some((value) => values.has(value));
}

class PropertyIndex {
  readonly #property: PodProperty;
  readonly #byValue = new Map<string, Set<Pod>>();

  constructor(property: PodProperty, pods: readonly Pod[]) {
    this.#property = property;
    for (const pod of pods) this.add(pod);
  }

  add(pod: Pod): void {
    for (const value of this.#property.valuesOf(pod)) {
      const pods = this.#byValue.get(value);
      if (pods === undefined) this.#byValue.set(value, new Set([pod]));
      else pods.add(pod);
    }
  }

  delete(pod: Pod): void {
    for (const value of this.#property.valuesOf(pod)) {
      const pods = this.#byValue.get(value)!;
      pods.delete(pod);
      if (pods.size === 0) this.#byValue.delete(value);
    }
  }

  /** How many pods have one of the values, those with several counted as often. */
  count(values: ReadonlySet<string>): number {
    let count = 0;
    for (const value of values) count += this.#byValue.get(value)?.size ?? 0;
    return count;
  }

  /** The pods that have one of the values, each once. */
  pods(values: ReadonlySet<string>): Iterable<Pod> {
    const pods = new Set<Pod>();
    for (const value of values) for (const pod of this.#byValue.get(value) ?? []) pods.add(pod);
    return pods;
  }
}
