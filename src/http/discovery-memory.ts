// Memory for answers of `/sd`: each stands in memory as a whole, because its tag comes before it. It counts like the bodies of a merge
// against MAX_BUFFERED_BYTES, and gives way like them: an answer that is not made yet ends when older ones need its room.
import { type BufferBudget, BufferBudgetError } from "../scrape/buffer-budget.ts";
import type { Deadline } from "../scrape/deadline.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { HttpError } from "./http-error.ts";

export interface DiscoveryMemoryOptions {
  readonly budget: BufferBudget;
  /** MAX_RESPONSE_SIZE. */
  readonly maxResponseBytes: number;
  readonly metrics: Pick<Metrics, "limitHit">;
}

/** The memory of one answer. */
export interface DiscoveryMemoryLease {
  /**
   * For a part of the answer that was made. Throws a BufferBudgetError when the room is needed by others, and an HttpError when the answer
   * is longer than any may be.
   */
  readonly take: (bytes: number) => void;
  /** The answer is complete: from here on it cannot give way. */
  readonly keep: () => void;
  /** Once it is sent. Harmless when repeated. */
  readonly release: () => void;
}

/** A target with the labels of an ordinary pod, before there was an answer to learn from. */
const firstGuessBytes = 2500;
const averagedTargets = 1000;

export class DiscoveryMemory {
  readonly #options: DiscoveryMemoryOptions;
  #bytesPerTarget = firstGuessBytes;

  constructor(options: DiscoveryMemoryOptions) {
    this.#options = options;
  }

  /** Rejects with a BufferBudgetError when there is no room before the deadline, and with the signal's reason. */
  async admit(
    targets: number,
    { deadline, signal }: { deadline: Deadline; signal: AbortSignal },
  ): Promise<DiscoveryMemoryLease> {
    const { budget, maxResponseBytes, metrics } = this.#options;
    // A longer one is refused anyway.
    const expectedBytes = Math.min(targets * this.#bytesPerTarget, maxResponseBytes);
    const lease = await budget.admit({ expectedBytes, deadline, signal });
    let heldBytes = 0;
    let hasGivenWay = false;
    lease.shed = () => {
      if (hasGivenWay) return false;
      hasGivenWay = true;
      lease.change({ heldBytes: -heldBytes, claimedBytes: -Math.max(heldBytes, expectedBytes) });
      return true;
    };
    return {
      take: (bytes) => {
        if (hasGivenWay) throw new BufferBudgetError();
        const claimedBytes = Math.max(heldBytes + bytes, expectedBytes) - Math.max(heldBytes, expectedBytes);
        heldBytes += bytes;
        lease.change({ heldBytes: bytes, claimedBytes });
        if (hasGivenWay) throw new BufferBudgetError();
        if (heldBytes <= maxResponseBytes) return;
        metrics.limitHit("max_response_size");
        throw new HttpError(
          502,
          `Cannot answer: the list of targets has more than ${maxResponseBytes} bytes (MAX_RESPONSE_SIZE)`,
        );
      },
      keep: () => {
        lease.shed = () => false;
        if (hasGivenWay) throw new BufferBudgetError();
        this.#learn(heldBytes, targets);
        lease.change({ heldBytes: 0, claimedBytes: heldBytes - Math.max(heldBytes, expectedBytes) });
      },
      release: () => lease.release(),
    };
  }

  /** An average over some thousand targets: one list of a few must not be the measure for all. */
  #learn(bytes: number, targets: number): void {
    if (targets === 0) return;
    const weight = Math.min(targets / averagedTargets, 1);
    this.#bytesPerTarget += (bytes / targets - this.#bytesPerTarget) * weight;
  }
}
