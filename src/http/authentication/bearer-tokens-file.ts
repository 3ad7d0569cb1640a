// BEARER_TOKENS_FILE: the tokens of callers, one a line, read again when they change. A file that cannot be used leaves the last
// good tokens in use. Never keeps, logs or shows a token.
import type { PollOptions } from "../../files/poll.ts";
import { FileTooLargeError, readBoundedFile } from "../../files/read-bounded-file.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { ReloadedFiles } from "../reloaded-files.ts";
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

/** Reads the file at intervals and compares its content. */
export class BearerTokensFile {
  readonly #file: ReloadedFiles<TokensText, TokenDigests>;

  constructor({ path, logger, metrics, intervalMs = defaultIntervalMs, sleep }: BearerTokensFileOptions) {
    this.#file = new ReloadedFiles({
      read: () => readTokens(path),
      create: ({ text }) => createTokens(path, text),
      apply: () => {},
      onAccepted: ({ size: tokens }) => {
        if (tokens > 0) logger.info({ path, tokens }, "Tokens read from BEARER_TOKENS_FILE");
        // It is what whoever takes the last token away means, so it counts.
        else logger.warn({ path }, "BEARER_TOKENS_FILE holds no token: nobody is let in by it");
      },
      onRefused: ({ cause }) => {
        if (cause instanceof FileTooLargeError) metrics.limitHit("bearer_tokens_file_size");
      },
      messages: {
        refused: "BEARER_TOKENS_FILE cannot be used, its last good tokens stay in use",
        recovered: "BEARER_TOKENS_FILE can be used again",
      },
      fields: { path },
      logger,
      intervalMs,
      sleep,
    });
  }

  /** Loads the file for the first time and goes on watching it. Rejects, and watches nothing, when it cannot be used. */
  async start(): Promise<void> {
    await this.#file.load();
    this.#file.watch();
  }

  /** Ends the watch; a read that runs is waited for. */
  async stop(): Promise<void> {
    await this.#file.stop();
  }

  has(token: string): boolean {
    return this.#file.value?.has(token) === true;
  }
}

interface TokensText {
  readonly text: string;
  readonly hash: string;
}

async function readTokens(path: string): Promise<TokensText> {
  try {
    const { bytes, hash } = await readBoundedFile(path, { maxBytes: maxTokensFileBytes });
    return { text: bytes.toString("latin1"), hash };
  } catch (error) {
    throw unusable(path, error);
  }
}

function createTokens(path: string, text: string): TokenDigests {
  try {
    return new TokenDigests(parseTokens(text));
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): Error {
  const text = `Cannot read tokens from BEARER_TOKENS_FILE ${JSON.stringify(path)}`;
  return new Error(`${text}: ${(cause as Error).message}`, { cause });
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
