// What the log says of the watches: the first failure at once, then one line a minute for as long as anything fails, however
// many namespaces are affected, and one line when all is well again.
import type { Logger } from "../../telemetry/logger.ts";
import type { ApiError } from "./api-error.ts";
import type { PodScope } from "./pod-scope.ts";
import type { WatchReport } from "./pod-watch.ts";

const repeatMs = 60_000;
const maxNames = 10;
const maxMessageLength = 500;

export class WatchLog implements WatchReport {
  readonly #logger: Pick<Logger, "debug" | "info" | "warn">;
  readonly #redact: (text: string) => string;
  readonly #now: () => number;
  readonly #failing = new Set<string>();
  #loggedMs = Number.NEGATIVE_INFINITY;
  #watchForbiddenLogged = false;

  /** `redact` takes out what a server may have repeated of what it was told. */
  constructor(
    logger: Pick<Logger, "debug" | "info" | "warn">,
    { redact, now = () => performance.now() }: { redact: (text: string) => string; now?: () => number },
  ) {
    this.#redact = redact;
    this.#logger = logger;
    this.#now = now;
  }

  failed({ name }: PodScope, error: ApiError): void {
    const begins = this.#failing.size === 0;
    this.#failing.add(name);
    if (!begins && this.#now() - this.#loggedMs < repeatMs) return;
    this.#loggedMs = this.#now();
    this.#logger.warn(
      {
        problem: error.problem,
        reason: error.message,
        err: error.cause === undefined ? undefined : error,
        namespaces: [...this.#failing].slice(0, maxNames),
        failing: this.#failing.size,
      },
      "Cannot keep up with the pods: the last known ones stay in use",
    );
    if (error.serverMessage === undefined) return;
    // Somebody else's text, for whoever asks for it. Redacted as a whole first: half a token would not be found.
    const serverMessage = this.#redact(error.serverMessage).slice(0, maxMessageLength);
    this.#logger.debug({ serverMessage }, "What the API server said");
  }

  recovered({ name }: PodScope): void {
    if (!this.#failing.delete(name) || this.#failing.size > 0) return;
    this.#logger.info("The pods are up to date again");
  }

  /** Of no more interest. */
  forgotten({ name }: PodScope): void {
    this.#failing.delete(name);
  }

  watchForbidden(): void {
    if (this.#watchForbiddenLogged) return;
    this.#watchForbiddenLogged = true;
    this.#logger.warn(
      "The account may list pods, but not watch them: they are listed for every scrape, at most every 5 s for each namespace. " +
        'Give it the verb "watch" to take this load from the API server',
    );
  }
}
