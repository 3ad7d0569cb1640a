// How much memory the bodies of all merges may take together (MAX_BUFFERED_BYTES).
//
// One rule makes it free of deadlock: nobody ever waits for memory while holding some. A scrape waits before it holds anything,
// in order of arrival, until what it is expected to need is free (or until it is alone). Once admitted it is never stopped; if
// scrapes need more than was expected and the budget is exceeded, the youngest one that still runs gives up its largest body,
// again and again until the rest fits. So the oldest scrape always gets to its end, and with it, in turn, everyone.
import type { Metrics } from "../telemetry/metrics.ts";
import type { Deadline } from "./deadline.ts";

/** There was no room for a scrape before its deadline: the caller should come again. */
export class BufferBudgetError extends Error {
  override readonly name = "BufferBudgetError";

  constructor() {
    super("Cannot answer now: what other scrapes and lists of targets hold takes all of MAX_BUFFERED_BYTES");
  }
}

export interface BufferBudgetOptions {
  /** MAX_BUFFERED_BYTES. Exceeded by what one chunk adds to one body, at most, and only for a moment. */
  readonly maxBytes: number;
  readonly metrics: Pick<Metrics, "limitHit">;
}

export interface AdmissionRequest {
  /** An estimate: what the scrape's bodies will take together. */
  readonly expectedBytes: number;
  readonly deadline: Deadline;
  /** Aborted when nobody waits for the scrape any more. */
  readonly signal: AbortSignal;
}

interface Waiting {
  readonly expectedBytes: number;
  admitted(lease: BufferLease): void;
}

export class BufferBudget {
  readonly #maxBytes: number;
  readonly #metrics: Pick<Metrics, "limitHit">;
  /** The oldest first. */
  readonly #leases = new Set<BufferLease>();
  readonly #waiting = new Set<Waiting>();
  #heldBytes = 0;
  #claimedBytes = 0;

  constructor(o: BufferBudgetOptions) {
    this.#maxBytes = o.maxBytes;
    this.#metrics = o.metrics;
  }

  /** Memory that bodies hold now. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Rejects with a BufferBudgetError at the deadline, with the signal's reason when that is aborted. */
  admit({ expectedBytes, deadline, signal }: AdmissionRequest): Promise<BufferLease> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      if (this.#waiting.size === 0 && this.#hasRoomFor(expectedBytes))
        return resolve(this.#createLease(expectedBytes));
      this.#metrics.limitHit("max_buffered_bytes");
      const waiting: Waiting = {
        expectedBytes,
        admitted: (lease) => {
          stopWaiting();
          resolve(lease);
        },
      };
      const stopWaiting = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
        this.#waiting.delete(waiting);
      };
      const giveUp = (reason: Error) => {
        stopWaiting();
        reject(reason);
        // The one behind may need less.
        this.#admitNext();
      };
      const onAbort = () => giveUp(signal.reason as Error);
      const timer = setTimeout(() => giveUp(new BufferBudgetError()), deadline.remainingMs());
      signal.addEventListener("abort", onAbort);
      this.#waiting.add(waiting);
    });
  }

  #hasRoomFor(expectedBytes: number): boolean {
    return this.#leases.size === 0 || this.#claimedBytes + expectedBytes <= this.#maxBytes;
  }

  #createLease(expectedBytes: number): BufferLease {
    const lease = new BufferLease(expectedBytes, {
      changed: (heldBytes, claimedBytes) => {
        this.#heldBytes += heldBytes;
        this.#claimedBytes += claimedBytes;
        if (heldBytes > 0 && this.#heldBytes > this.#maxBytes) this.#makeRoom();
        if (claimedBytes < 0) this.#admitNext();
      },
      released: () => {
        this.#leases.delete(lease);
        this.#admitNext();
      },
    });
    this.#leases.add(lease);
    this.#claimedBytes += expectedBytes;
    return lease;
  }

  #admitNext(): void {
    // Nobody overtakes: the first in the line would starve if smaller ones took every bit of room.
    for (const waiting of this.#waiting) {
      if (!this.#hasRoomFor(waiting.expectedBytes)) return;
      waiting.admitted(this.#createLease(waiting.expectedBytes));
    }
  }

  #makeRoom(): void {
    this.#metrics.limitHit("max_buffered_bytes");
    for (const lease of [...this.#leases].toReversed()) {
      while (this.#heldBytes > this.#maxBytes && lease.shed()) {
        // Again, until the rest fits or the scrape has nothing left.
      }
    }
  }
}

interface BufferLeaseEvents {
  changed(heldBytes: number, claimedBytes: number): void;
  released(): void;
}

/** One scrape's part of the budget, from its admission until its answer has been written. */
export class BufferLease {
  readonly #events: BufferLeaseEvents;
  #heldBytes = 0;
  #claimedBytes: number;
  #released = false;

  /**
   * Gives up the scrape's largest body; false when there is none. Set by the scrape while it runs: bodies that are being written
   * to a client cannot be taken back.
   */
  shed: () => boolean = () => false;

  constructor(expectedBytes: number, events: BufferLeaseEvents) {
    this.#claimedBytes = expectedBytes;
    this.#events = events;
  }

  /** Tells by how much the memory changed that is held, and that is held or expected. May call shed(). */
  change(by: { heldBytes: number; claimedBytes: number }): void {
    if (this.#released) return;
    this.#heldBytes += by.heldBytes;
    this.#claimedBytes += by.claimedBytes;
    this.#events.changed(by.heldBytes, by.claimedBytes);
  }

  /** Gives everything back. Harmless when repeated. */
  release(): void {
    if (this.#released) return;
    this.shed = () => false;
    this.change({ heldBytes: -this.#heldBytes, claimedBytes: -this.#claimedBytes });
    this.#released = true;
    this.#events.released();
  }
}
