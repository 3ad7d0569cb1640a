// The uids of pods that were deleted: that a pod is unknown says nothing where not every namespace is watched, but this does.

/** Some 100 bytes each. The oldest are forgotten: by then nobody asks for them any more. */
const maxRemembered = 10_000;

export class GoneUids {
  /** The latest last. */
  readonly #uids = new Set<string>();

  add(uid: string): void {
    this.#uids.delete(uid);
    this.#uids.add(uid);
    if (this.#uids.size > maxRemembered) this.#uids.delete(this.#uids.values().next().value!);
  }

  delete(uid: string): void {
    this.#uids.delete(uid);
  }

  has(uid: string): boolean {
    return this.#uids.has(uid);
  }
}
