// Counts and logs callers who were refused. Never a credential, and no more lines than somebody can read: a client that tries again
// and again is one line every ten seconds.
import type { Logger } from "../../telemetry/logger.ts";
import type { AuthenticationFailure } from "../../telemetry/metric-definitions.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

const logPauseMs = 10_000;
const maxNameLength = 200;

export interface CallerFailuresOptions {
  readonly metrics: Pick<Metrics, "authenticationFailed">;
  readonly logger: Pick<Logger, "warn">;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

export class CallerFailures {
  readonly #options: CallerFailuresOptions;
  /** By reason: when it was logged, and how many came since. */
  readonly #logged = new Map<AuthenticationFailure, { atMs: number; unlogged: number }>();

  constructor(options: CallerFailuresOptions) {
    this.#options = options;
  }

  /** `caller`: what the API server calls him. `refusal`: the text that he got. */
  record(
    reason: AuthenticationFailure,
    { caller, client, refusal }: { caller: string | undefined; client: string | undefined; refusal: string },
  ): void {
    const { metrics, logger, now = () => performance.now() } = this.#options;
    metrics.authenticationFailed(reason);
    const last = this.#logged.get(reason);
    if (last !== undefined && now() - last.atMs < logPauseMs) {
      last.unlogged++;
      return;
    }
    this.#logged.set(reason, { atMs: now(), unlogged: 0 });
    logger.warn(
      { reason, client, caller: caller?.slice(0, maxNameLength), refusal, unlogged: last?.unlogged ?? 0 },
      "A caller was refused",
    );
  }
}
