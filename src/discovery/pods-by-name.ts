// The pods of one namespace in the order of their names: a prefix is two binary searches, a change moves references.
// Never sorts after it was built.
import type { Pod } from "./pod.ts";

/** Sorted by name, then uid (a pod and its replacement can have one name). Names compare as UTF-16 code units. */
export class PodsByName {
  readonly #pods: Pod[];

  /** Takes the array over and sorts it. */
  constructor(pods: Pod[]) {
    this.#pods = pods.sort(comparePods);
  }

  get size(): number {
    return this.#pods.length;
  }

  /** Puts a pod in, in the place of one with the same name and uid. */
  set(pod: Pod): void {
    const index = this.#lowerBound((other) => comparePods(other, pod) < 0);
    const found = this.#pods[index]?.uid === pod.uid && this.#pods[index].name === pod.name;
    this.#pods.splice(index, found ? 1 : 0, pod);
  }

  /** Takes out the pod with this name and uid, which must be there. */
  delete(pod: Pod): void {
    this.#pods.splice(
      this.#lowerBound((other) => comparePods(other, pod) < 0),
      1,
    );
  }

  /** The pods whose names begin with the prefix: a copy, which later changes leave as it is. */
  withPrefix(prefix: string): readonly Pod[] {
    return this.#pods.slice(...this.#rangeOf(prefix));
  }

  /** How many pods have a name that begins with the prefix. */
  countPrefix(prefix: string): number {
    const [from, to] = this.#rangeOf(prefix);
    return to - from;
  }

  /** The pods with this very name: a copy. */
  named(name: string): readonly Pod[] {
    const from = this.#lowerBound((pod) => pod.name < name);
    const to = this.#lowerBound((pod) => pod.name <= name);
    return this.#pods.slice(from, to);
  }

  #rangeOf(prefix: string): [from: number, to: number] {
    return [
      this.#lowerBound(({ name }) => name < prefix),
      this.#lowerBound(({ name }) => name < prefix || name.startsWith(prefix)),
    ];
  }

  /** The index of the first pod that is not before; `isBefore` holds for a (possibly empty) beginning of the order. */
  #lowerBound(isBefore: (pod: Pod) => boolean): number {
    let from = 0;
    let to = this.#pods.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (isBefore(this.#pods[middle]!)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** By name, then uid. */
export function comparePods(a: Pod, b: Pod): number {
  return compareText(a.name, b.name) || compareText(a.uid, b.uid);
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
