// Answers of the API server to reviews, kept for a while: it pays nothing per scrape, and its outage stops no scrape. What is
// kept is bounded, good and bad answers apart, so that nobody drives out the callers by asking for nonsense.
import { ApiError } from "../../discovery/kubernetes/api-error.ts";
import type { Limit } from "../../telemetry/metric-definitions.ts";
import { Outage, type OutageOptions } from "./outage.ts";
import type { ReviewSlots } from "./review-slots.ts";

export interface ReviewCacheOptions<Asked, Good> {
  /** Undefined is a "no". Rejects with an ApiError when there is no answer. */
  readonly review: (asked: Asked) => Promise<Good | undefined>;
  /** KUBERNETES_AUTH_CACHE: how long an answer is good. */
  readonly freshMs: number;
  /** MAX_POD_LIST_AGE: how long a "yes" is good while the API server is away. */
  readonly staleMs: number;
  /** Of good answers, and of bad ones. The least recently used goes. */
  readonly maxEntries: number;
  readonly slots: ReviewSlots;
  readonly outage: Omit<OutageOptions, "now">;
  readonly onLimit: (limit: Limit) => void;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

interface Entry<Good> {
  readonly value: Good | undefined;
  /** When it was asked for: later than that nothing is known. */
  readonly askedMs: number;
}

/** By a key that is no secret. At most one review of a key runs at a time. */
export class ReviewCache<Asked, Good extends object | true> {
  readonly #options: ReviewCacheOptions<Asked, Good>;
  readonly #now: () => number;
  readonly #outage: Outage;
  readonly #good = new Map<string, Entry<Good>>();
  readonly #bad = new Map<string, Entry<Good>>();
  readonly #running = new Map<string, Promise<Good | undefined>>();

  constructor(options: ReviewCacheOptions<Asked, Good>) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#outage = new Outage({ ...options.outage, now: this.#now });
  }

  /** Rejects with an ApiError, or a ReviewsBusyError, when it is not known and cannot be had. */
  async get(key: string, asked: Asked): Promise<Good | undefined> {
    const { freshMs, staleMs } = this.#options;
    const entry = this.#good.get(key) ?? this.#bad.get(key);
    const ageMs = entry === undefined ? Number.POSITIVE_INFINITY : this.#now() - entry.askedMs;
    if (entry !== undefined && ageMs < freshMs) {
      this.#keep(key, entry);
      return entry.value;
    }
    const isKnown = entry?.value !== undefined && ageMs < staleMs;
    if (isKnown && this.#outage.isOn) {
      // Nobody waits for a server that is away; whether it is back shows behind him.
      if (this.#outage.mayTry()) this.#review(key, asked, { isKnown }).catch(() => undefined);
      return entry.value;
    }
    try {
      return await this.#review(key, asked, { isKnown });
    } catch (error) {
      if (isKnown && isOutage(error) && this.#now() - entry.askedMs < staleMs) return entry.value;
      throw error;
    }
  }

  #review(key: string, asked: Asked, o: { isKnown: boolean }): Promise<Good | undefined> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const review = this.#ask(key, asked, o).finally(() => this.#running.delete(key));
    this.#running.set(key, review);
    return review;
  }

  async #ask(key: string, asked: Asked, { isKnown }: { isKnown: boolean }): Promise<Good | undefined> {
    const { slots, review } = this.#options;
    const leave = slots.enter(isKnown ? "known" : "unknown");
    const askedMs = this.#now();
    try {
      const value = await review(asked);
      this.#keep(key, { value, askedMs });
      this.#outage.over();
      return value;
    } catch (error) {
      if (error instanceof ApiError) this.#outage.failed(error, { isAway: isOutage(error) });
      throw error;
    } finally {
      leave();
    }
  }

  /** As the latest of its kind. */
  #keep(key: string, entry: Entry<Good>): void {
    const { maxEntries, onLimit } = this.#options;
    this.#good.delete(key);
    this.#bad.delete(key);
    const entries = entry.value === undefined ? this.#bad : this.#good;
    if (entries.size >= maxEntries) {
      const [oldest] = entries.keys();
      entries.delete(oldest!);
      onLimit("authentication_cache");
    }
    entries.set(key, entry);
  }
}

/**
 * The API server is away, or not itself. Not when it refuses the proxy's own account (401, 403) or a review as such: then it is
 * there, and nobody can know what it would say.
 */
function isOutage(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  const { problem, status = 0 } = error;
  return (
    problem === "unreachable" ||
    problem === "untrusted" ||
    problem === "busy" ||
    (problem === "refused" && status >= 500)
  );
}
