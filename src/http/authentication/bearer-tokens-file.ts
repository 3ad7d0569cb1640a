// BEARER_TOKENS_FILE: the tokens of callers, one a line, read again when they change. A file that cannot be used leaves the last
// good tokens in use. Never keeps, logs or shows a token.
import { poll, type PollOptions } from "../../files/poll.ts";
import { FileTooLargeError, readBoundedFile } from "../../files/read-bounded-file.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { TokenDigests } from "./token-digests.ts";

export const maxTokensFileBytes = 1024 * 1024;
export const maxTokens = 5_000;
const defaultIntervalMs = 2_000;
/** RFC 6750 `b64token`, and whatever else is visible ASCII: it comes in a header. */
const tokenPattern = /^[\x21-\x7e]+$/;

export interface BearerTokensFileOptions {
  readonly path: string;
  readonly logger: Pick<Logger, "info" | "warn">;
  readonly metrics: Pick<Metrics, "limitHit">;
  /** How often the file is read. Default: 2 s. */
  readonly intervalMs?: number;
  readonly sleep?: PollOptions["sleep"];
}

/** Reads the file at intervals and compares its content. A problem is logged once for each content, not at every read. */
export class BearerTokensFile {
  readonly #options: BearerTokensFileOptions;
  readonly #stop = new AbortController();
  #polling: Promise<void> | undefined;
  #tokens = new TokenDigests([]);
  #hash: string | undefined;
  #loggedProblem: string | undefined;

  constructor(options: BearerTokensFileOptions) {
    this.#options = options;
  }

  /** Loads the file for the first time and goes on watching it. Rejects, and watches nothing, when it cannot be used. */
  async start(): Promise<void> {
    await this.#load();
    const { intervalMs = defaultIntervalMs, sleep } = this.#options;
    this.#polling = poll(() => this.#look(), { intervalMs, sleep, signal: this.#stop.signal });
  }

  /** Ends the watch; a read that runs is waited for. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
  }

  has(token: string): boolean {
    return this.#tokens.has(token);
  }

  async #look(): Promise<void> {
    const { logger, metrics, path } = this.#options;
    try {
      await this.#load();
      if (this.#loggedProblem !== undefined) logger.info({ path }, "BEARER_TOKENS_FILE can be used again");
      this.#loggedProblem = undefined;
    } catch (error) {
      const { message, cause } = error as Error;
      if (this.#loggedProblem === message) return;
      this.#loggedProblem = message;
      if (cause instanceof FileTooLargeError) metrics.limitHit("bearer_tokens_file_size");
      logger.warn(
        { path, err: error },
        "BEARER_TOKENS_FILE cannot be used, its last good tokens stay in use",
      );
    }
  }

  async #load(): Promise<void> {
    const { path, logger } = this.#options;
    try {
      const { bytes, hash } = await readBoundedFile(path, { maxBytes: maxTokensFileBytes });
      if (hash === this.#hash) return;
      this.#tokens = new TokenDigests(parseTokens(bytes.toString("latin1")));
      this.#hash = hash;
    } catch (error) {
      const text = `Cannot read tokens from BEARER_TOKENS_FILE ${JSON.stringify(path)}`;
      throw new Error(`${text}: ${(error as Error).message}`, { cause: error });
    }
    const tokens = this.#tokens.size;
    if (tokens > 0) logger.info({ path, tokens }, "Tokens read from BEARER_TOKENS_FILE");
    // It is what whoever takes the last token away means, so it counts.
    else logger.warn({ path }, "BEARER_TOKENS_FILE holds no token: nobody is let in by it");
  }
}

/** Lines that are empty or begin with # hold none. Throws an Error that names the line, and nothing of it. */
export function parseTokens(text: string): string[] {
  const tokens: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const token = line.trim();
    if (token === "" || token.startsWith("#")) continue;
    if (!tokenPattern.test(token)) throw new Error(`line ${index + 1} holds something else than one token`);
    if (tokens.length === maxTokens) throw new Error(`it holds more than ${maxTokens} tokens`);
    tokens.push(token);
  }
  return tokens;
}
