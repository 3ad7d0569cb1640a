// How many reviews are asked of the API server at a time. Never queues: beyond it a caller is told to come again. Whoever was
// accepted before has places of his own, so that strangers cannot keep him out.
import { ConcurrencyLimit } from "../concurrency-limit.ts";

/** More reviews are needed than may run at a time. */
export class ReviewsBusyError extends Error {
  override readonly name = "ReviewsBusyError";

  constructor() {
    super("Cannot ask the API server: too many reviews at a time");
  }
}

export type ReviewKind = "known" | "unknown";

export class ReviewSlots {
  readonly #limits: Readonly<Record<ReviewKind, ConcurrencyLimit>>;
  readonly #onFull: () => void;

  constructor({ each, onFull }: { each: number; onFull: () => void }) {
    this.#limits = { known: new ConcurrencyLimit(each), unknown: new ConcurrencyLimit(each) };
    this.#onFull = onFull;
  }

  /** Gives the way out, to be taken once. Throws ReviewsBusyError. */
  enter(kind: ReviewKind): () => void {
    const limit = this.#limits[kind];
    if (limit.tryEnter()) return () => limit.leave();
    this.#onFull();
    throw new ReviewsBusyError();
  }
}
