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

/** Each takes up to 100 bytes a pod, most of it where every pod has a value of its own. The one that was not used for longest goes. */
const maxIndexes = 16;

/** So many are looked at one by one sooner than an index is made. */
const fewPods = 64;

/** An index looks at every pod: a query that needs several makes them one at a time. */
const maxNewIndexes = 1;

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

  /**
   * By name, then uid: a copy. Looks at the pods of the prefix or at those of one term, whichever are fewer. Its cost is that of
   * the pods that it looks at times the terms.
   */
  find({ prefix, terms }: PodQuery): readonly Pod[] {
    let count = this.#byName.countPrefix(prefix);
    let fewest: { readonly term: PodTerm; readonly index: PropertyIndex } | undefined;
    let newIndexes = 0;
    for (const term of terms) {
      if (count <= fewPods) break;
      const isNew = !this.#indexes.has(term.property.id);
      if (isNew && ++newIndexes > maxNewIndexes) continue;
      const index = this.#indexOf(term.property);
      const found = index.count(term.values);
      if (found >= count) continue;
      count = found;
      fewest = { term, index };
    }
    if (fewest === undefined) return this.#byName.withPrefix(prefix).filter((pod) => holdAll(terms, pod));
    const { term, index } = fewest;
    const others = terms.filter((other) => other !== term);
    return index
      .pods(term.values)
      .filter((pod) => pod.name.startsWith(prefix) && holdAll(others, pod))
      .sort(comparePods);
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

function holdAll(terms: readonly PodTerm[], pod: Pod): boolean {
  return terms.every(({ property, values }) => property.valuesOf(pod).some((value) => values.has(value)));
}

class PropertyIndex {
  readonly #property: PodProperty;
  /** A value that one pod has holds that pod: a set takes 200 bytes. */
  readonly #byValue = new Map<string, Pod | Set<Pod>>();

  constructor(property: PodProperty, pods: readonly Pod[]) {
    this.#property = property;
    for (const pod of pods) this.add(pod);
  }

  add(pod: Pod): void {
    for (const value of this.#property.valuesOf(pod)) {
      const found = this.#byValue.get(value);
      if (found === undefined) this.#byValue.set(value, pod);
      else if (found instanceof Set) found.add(pod);
      else this.#byValue.set(value, new Set([found, pod]));
    }
  }

  delete(pod: Pod): void {
    for (const value of this.#property.valuesOf(pod)) {
      const found = this.#byValue.get(value);
      if (found instanceof Set && found.size > 1) found.delete(pod);
      else this.#byValue.delete(value);
    }
  }

  /** How many pods have one of the values, those with several counted as often. */
  count(values: ReadonlySet<string>): number {
    let count = 0;
    for (const value of values) {
      const found = this.#byValue.get(value);
      count += found instanceof Set ? found.size : found === undefined ? 0 : 1;
    }
    return count;
  }

  /** The pods that have one of the values, each once. */
  pods(values: ReadonlySet<string>): Pod[] {
    const pods = new Set<Pod>();
    for (const value of values) {
      const found = this.#byValue.get(value);
      if (found instanceof Set) for (const pod of found) pods.add(pod);
      else if (found !== undefined) pods.add(found);
    }
    return [...pods];
  }
}
