// Whether reviews get answers at present, and the log lines about it: when they stop, and when they begin again. Never logs what
// the API server said: it may repeat a token.
import type { ApiError } from "../../discovery/kubernetes/api-error.ts";
import type { Logger } from "../../telemetry/logger.ts";

/** Between two attempts while it is on. */
const pauseMs = 1_000;
/** Between two lines: callers can make reviews fail. */
const logPauseMs = 10_000;

export interface OutageOptions {
  /** Names the reviews in the log. */
  readonly kind: "TokenReview" | "SubjectAccessReview";
  readonly logger: Pick<Logger, "info" | "warn">;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export class Outage {
  readonly #options: OutageOptions;
  #isOn = false;
  #triedMs = Number.NEGATIVE_INFINITY;
  #loggedMs = Number.NEGATIVE_INFINITY;
  #isLogged = false;

  constructor(options: OutageOptions) {
    this.#options = options;
  }

  /** The API server was away when it was asked last. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** True once in a while: then it is to be asked again. */
  mayTry(): boolean {
    const nowMs = this.#options.now();
    if (nowMs - this.#triedMs < pauseMs) return false;
    this.#triedMs = nowMs;
    return true;
  }

  /** `isAway`: else it is there, and refuses. */
  failed({ problem, message, status }: ApiError, { isAway }: { isAway: boolean }): void {
    const { kind, logger, now } = this.#options;
    const nowMs = now();
    this.#isOn = isAway;
    this.#triedMs = nowMs;
    if (nowMs - this.#loggedMs < logPauseMs) return;
    this.#loggedMs = nowMs;
    this.#isLogged = true;
    const hint = problem === "forbidden" ? ": the proxy's account may not create it" : "";
    logger.warn({ kind, problem, status }, `Cannot review callers (KUBERNETES_AUTH): ${message}${hint}`);
  }

  over(): void {
    this.#isOn = false;
    if (!this.#isLogged) return;
    this.#isLogged = false;
    this.#options.logger.info({ kind: this.#options.kind }, "Callers can be reviewed again");
  }
}
