// SD_ANNOTATIONS: which annotations of pods are told to whoever asks for targets. The keys are the pods', so the answer to each is
// remembered for a bounded number of them.
import { RE2JS } from "re2js";

const maxRemembered = 10_000;

export class AnnotationKeys {
  readonly #pattern: RE2JS | undefined;
  readonly #remembered = new Map<string, boolean>();

  /** RE2 syntax, for whole keys; "" matches none. Throws when it is not. */
  constructor(pattern: string) {
    this.#pattern = pattern === "" ? undefined : RE2JS.compile(pattern);
  }

  matches(key: string): boolean {
    if (this.#pattern === undefined) return false;
    const known = this.#remembered.get(key);
    if (known !== undefined) return known;
    if (this.#remembered.size >= maxRemembered) this.#remembered.clear();
    const matches = this.#pattern.testExact(key);
    this.#remembered.set(key, matches);
    return matches;
  }
}
