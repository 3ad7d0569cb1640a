// All pods of one merge at once: who is asked when, and when it is over. Every pod settles exactly once, none later than the
// deadline, and none at another's expense.
import type { ClaimedFormat } from "../exposition/negotiation/pod-content-type.ts";
import type { Target } from "../targets/target.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { BufferBudget, BufferLease } from "./buffer-budget.ts";
import type { ConnectionSlots, SlotLane, SlotUser } from "./connection-slots.ts";
import type { Deadline } from "./deadline.ts";
import type { PodConnections } from "./pod-connections.ts";
import { podIsGone } from "./pod-failure.ts";
import {
  type BodyParserLike,
  type HeldBody,
  type PodResult,
  PodScrape,
  type ScrapeProtocol,
} from "./scrape-pod.ts";

export interface PodScraperOptions {
  readonly connections: PodConnections;
  readonly slots: ConnectionSlots;
  readonly budget: BufferBudget;
  /** MAX_BODY_SIZE. */
  readonly maxBodyBytes: number;
  /** MAX_CONNECTIONS_PER_SCRAPE. */
  readonly maxConnectionsPerScrape: number;
  /** For example `k8s-prometheus-proxy/1.0.0`. */
  readonly userAgent: string;
  readonly metrics: Pick<Metrics, "limitHit" | "podScraped">;
}

export type PodOutcome<Body extends HeldBody> = PodResult<Body> & {
  readonly target: Target;
  /** From the moment at which the pod was asked; 0 for one that was not. */
  readonly durationSeconds: number;
};

export interface ScrapedPods<Body extends HeldBody> {
  /** In the order of the targets. */
  readonly outcomes: readonly PodOutcome<Body>[];
  /** To be called once the bodies are not needed any more: until then they count against MAX_BUFFERED_BYTES. */
  readonly release: () => void;
}

// Before the first pod has answered; a small exporter's body.
const firstGuessBytes = 64 * 1024;

/** One scrape of many pods. */
export interface PodScrapeRequest<Body extends HeldBody> {
  /** The caller's Authorization, where FORWARD_AUTHORIZATION says so. */
  readonly authorization?: string | undefined;
  /** The caller's is for the proxy: no setting passes it on. */
  readonly keepsAuthorization?: boolean | undefined;
  readonly deadline: Deadline;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly protocol: ScrapeProtocol;
  /** Called for each pod that begins to answer, with the format that it says. */
  readonly createBodyParser: (claimed: ClaimedFormat) => BodyParserLike<Body>;
  /**
   * Whether the address is still the pod's. Asked of each pod before it is dialled, when its body is whole, and once more when all
   * have answered. One that is gone by then fails: its address may be another pod's.
   */
  readonly isCurrent: (target: Target) => boolean;
}

export class PodScraper {
  readonly #options: PodScraperOptions;
  /** What a pod's body has taken lately, as a moving average. */
  #typicalBytes = firstGuessBytes;

  constructor(options: PodScraperOptions) {
    this.#options = options;
  }

  /** Memory that the bodies of so many targets will take, going by the bodies before them. */
  expectedBytes(targets: number): number {
    return this.#typicalBytes * targets;
  }

  /**
   * Asks every target. Rejects with a BufferBudgetError when there is no memory for another scrape before the deadline, and with
   * the signal's reason when that is aborted; then every connection of the scrape is destroyed. Otherwise resolves, at the
   * deadline at the latest.
   */
  async scrape<Body extends HeldBody>(
    targets: readonly Target[],
    {
      deadline,
      signal,
      protocol,
      createBodyParser,
      isCurrent,
      authorization,
      keepsAuthorization,
    }: PodScrapeRequest<Body>,
  ): Promise<ScrapedPods<Body>> {
    const expectedBytes = this.#typicalBytes;
    const lease = await this.#options.budget.admit({
      expectedBytes: this.expectedBytes(targets.length),
      deadline,
      signal,
    });
    const run = new ScrapeRun(targets, {
      ...this.#options,
      authorization,
      keepsAuthorization,
      protocol,
      createBodyParser,
      isCurrent,
      deadline,
      lease,
      expectedBytes,
    });
    const release = () => {
      for (const { result } of run.pods) if (result?.up === true) result.body.release();
      lease.release();
    };
    try {
      await run.finished(signal);
      run.dropGone();
      this.#learn(run.pods);
      return { outcomes: run.pods.map(outcomeOf), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  #learn(pods: readonly PodScrape<HeldBody>[]): void {
    const { metrics } = this.#options;
    for (const { result, heldBytes, bodyBytes } of pods) {
      metrics.podScraped(result!.up ? "up" : result!.reason, bodyBytes);
      if (result!.up) this.#typicalBytes += (heldBytes - this.#typicalBytes) / 64;
    }
  }
}

function outcomeOf<Body extends HeldBody>(pod: PodScrape<Body>): PodOutcome<Body> {
  return { ...pod.result!, target: pod.target, durationSeconds: pod.durationMs / 1000 };
}

interface ScrapeRunOptions<Body extends HeldBody> extends PodScraperOptions {
  readonly authorization: string | undefined;
  readonly keepsAuthorization: boolean | undefined;
  readonly protocol: ScrapeProtocol;
  readonly createBodyParser: (claimed: ClaimedFormat) => BodyParserLike<Body>;
  readonly isCurrent: (target: Target) => boolean;
  readonly deadline: Deadline;
  readonly lease: BufferLease;
  /** Per pod: what the lease was claimed with. */
  readonly expectedBytes: number;
}

class ScrapeRun<Body extends HeldBody> {
  readonly pods: readonly PodScrape<Body>[];
  readonly #options: ScrapeRunOptions<Body>;
  readonly #lane: SlotLane;
  #unsettled: number;
  #allSettled: () => void = () => {};

  constructor(targets: readonly Target[], options: ScrapeRunOptions<Body>) {
    this.#options = options;
    this.#lane = options.slots.openLane({
      limit: options.maxConnectionsPerScrape,
      patienceMs: options.deadline.totalMs / 4,
    });
    this.#unsettled = targets.length;
    options.lease.shed = () => this.#shedLargest();
    this.pods = targets.map((target) => this.#createPod(target));
  }

  /** Resolves when every pod is settled; rejects, with all of them given up, when the signal is aborted. */
  async finished(signal: AbortSignal): Promise<void> {
    const { deadline, lease } = this.#options;
    const timer = setTimeout(() => this.#giveUp("the deadline came"), deadline.remainingMs());
    const onAbort = () => this.#giveUp("the client is gone");
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    try {
      if (this.#unsettled > 0) await new Promise<void>((resolve) => (this.#allSettled = resolve));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      // From here on the bodies belong to whoever writes the answer.
      lease.shed = () => false;
    }
    signal.throwIfAborted();
  }

  #createPod(target: Target): PodScrape<Body> {
    const { lease, expectedBytes, deadline } = this.#options;
    let heldBytes = 0;
    let claimedBytes = expectedBytes;
    const pod = new PodScrape<Body>(target, {
      ...this.#options,
      heldBytesChanged: () => {
        const held = pod.heldBytes - heldBytes;
        heldBytes = pod.heldBytes;
        const claim = pod.result === undefined ? Math.max(heldBytes, expectedBytes) : heldBytes;
        const claimed = claim - claimedBytes;
        claimedBytes = claim;
        if (held !== 0 || claimed !== 0) lease.change({ heldBytes: held, claimedBytes: claimed });
      },
      settled: () => {
        this.#lane.leave(user);
        if (--this.#unsettled === 0) this.#allSettled();
      },
    });
    const user: SlotUser = {
      granted: () => pod.start(deadline),
      lost: () =>
        pod.fail({
          reason: "timeout",
          detail: "took a quarter of the deadline while other pods waited for a connection",
        }),
    };
    this.#lane.join(user);
    return pod;
  }

  /** Once all pods are settled. */
  dropGone(): void {
    for (const pod of this.pods) {
      if (pod.result?.up === true && !this.#options.isCurrent(pod.target)) pod.fail(podIsGone);
    }
  }

  #giveUp(why: string): void {
    for (const pod of this.pods) {
      if (pod.result !== undefined) continue;
      if (pod.started) pod.fail({ reason: "timeout", detail: `${why} before the pod had answered` });
      else pod.fail({ reason: "not_tried", detail: `${why} before there was a connection for the pod` });
    }
  }

  /** The largest first: what one huge pod takes is worth many ordinary ones. */
  #shedLargest(): boolean {
    let largest: PodScrape<Body> | undefined;
    for (const pod of this.pods) {
      if (pod.heldBytes > (largest?.heldBytes ?? 0)) largest = pod;
    }
    largest?.fail({ reason: "too_large", detail: "had to make room for older scrapes (MAX_BUFFERED_BYTES)" });
    return largest !== undefined;
  }
}
