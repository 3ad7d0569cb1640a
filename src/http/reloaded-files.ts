// What the program reads from files at the start and again whenever they change, as operators replace them: certificates, users, tokens.
// Contents that cannot be used leave the last good ones in use, and are told once, not at every look.
import { poll, type PollOptions } from "../files/poll.ts";
import type { Logger } from "../telemetry/logger.ts";

export interface ReloadedFilesOptions<Contents extends { readonly hash: string }, Value> {
  /** Reads all files. `hash` is equal for equal contents. */
  readonly read: () => Promise<Contents>;
  /** Throws when the contents cannot be used. Called once for each contents. */
  readonly create: (contents: Contents) => Value;
  /** Puts a value to use. What it throws counts as a fault of the contents. */
  readonly apply: (value: Value) => void;
  /** Tells that a value is in use. */
  readonly onAccepted: (value: Value) => void;
  /** Called each time that a problem is told. */
  readonly onRefused?: (problem: Error) => void;
  /** Log messages. */
  readonly messages: { readonly refused: string; readonly recovered: string };
  /** What they tell beside. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly logger: Pick<Logger, "info" | "warn">;
  readonly intervalMs: number;
  readonly sleep?: PollOptions["sleep"];
}

export class ReloadedFiles<Contents extends { readonly hash: string }, Value> {
  readonly #options: ReloadedFilesOptions<Contents, Value>;
  readonly #stop = new AbortController();
  #polling: Promise<void> | undefined;
  #accepted: { readonly hash: string; readonly value: Value } | undefined;
  #refused: { readonly hash: string; readonly problem: Error } | undefined;
  #loggedProblem: string | undefined;

  constructor(options: ReloadedFilesOptions<Contents, Value>) {
    this.#options = options;
  }

  /** What is in use; undefined before the first good one. */
  get value(): Value | undefined {
    return this.#accepted?.value;
  }

  /** 0 when the files could not be used when they were last read. */
  get reloadSuccess(): 0 | 1 {
    return this.#loggedProblem === undefined ? 1 : 0;
  }

  /** Reads the files and puts them to use if they are new. Rejects when they cannot be used. */
  async load(): Promise<void> {
    const { read, create, apply, onAccepted } = this.#options;
    const contents = await read();
    const { hash } = contents;
    if (hash === this.#accepted?.hash) return;
    if (hash === this.#refused?.hash) throw this.#refused.problem;
    try {
      const value = create(contents);
      apply(value);
      this.#accepted = { hash, value };
    } catch (error) {
      this.#refused = { hash, problem: error as Error };
      throw error;
    }
    onAccepted(this.#accepted.value);
  }

  /** Reads the files again at intervals, from now on. */
  watch(): void {
    const { intervalMs, sleep } = this.#options;
    this.#polling = poll(() => this.#look(), { intervalMs, sleep, signal: this.#stop.signal });
  }

  /** Ends the watch; a read that runs is waited for. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
  }

  async #look(): Promise<void> {
    try {
      await this.load();
      this.#logRecovery();
    } catch (error) {
      this.#logProblem(error as Error);
    }
  }

  #logProblem(problem: Error): void {
    const logged = `${problem.message} ${this.#refused?.hash}`;
    if (this.#loggedProblem === logged) return;
    this.#loggedProblem = logged;
    const { logger, messages, fields, onRefused } = this.#options;
    onRefused?.(problem);
    logger.warn({ ...fields, err: problem }, messages.refused);
  }

  #logRecovery(): void {
    if (this.#loggedProblem === undefined) return;
    this.#loggedProblem = undefined;
    const { logger, messages, fields } = this.#options;
    logger.info({ ...fields }, messages.recovered);
  }
}
