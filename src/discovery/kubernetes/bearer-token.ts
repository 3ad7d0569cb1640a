// The token for the API server: from K8S_GLOBAL_TOKEN, or from TOKEN_FILE, which is read again because Kubernetes replaces
// it (bound tokens live about an hour). Never logs, never shows a token, never gives one to anything but the API client.
import type { Logger } from "../../telemetry/logger.ts";
import { readBoundedFile } from "../../files/read-bounded-file.ts";
import { ApiError } from "./api-error.ts";

export interface BearerToken {
  /** Rejects with an ApiError `credentials` when there has never been a usable token. */
  read(): Promise<string>;
  /** The server did not take this token: the next read() looks at the source again. False: there is no other to come. */
  refused(token: string): boolean;
}

/** K8S_GLOBAL_TOKEN. */
export class FixedToken implements BearerToken {
  readonly #token: string;

  constructor(token: string) {
    this.#token = token;
  }

  read(): Promise<string> {
    return Promise.resolve(this.#token);
  }

  refused(): boolean {
    return false;
  }
}

/** As in client-go: a token is at most this old. */
const rereadMs = 60_000;
const maxFileBytes = 64 * 1024;
/** RFC 6750 `b64token`, and whatever else is visible ASCII: it becomes a header. */
const tokenPattern = /^[\x21-\x7e]+$/;
const assignment = "K8S_GLOBAL_TOKEN=";

export interface FileTokenOptions {
  readonly path: string;
  readonly logger: Pick<Logger, "info" | "warn">;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

/**
 * TOKEN_FILE: the token alone, or `K8S_GLOBAL_TOKEN=<token>` as the original also takes it. Blanks and line ends around it
 * do not count. A file that is missing, empty or holds something else leaves the last token in use, and is logged once.
 */
export class FileToken implements BearerToken {
  readonly #path: string;
  readonly #logger: Pick<Logger, "info" | "warn">;
  readonly #now: () => number;
  #token: string | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<string> | undefined;
  #loggedProblem: string | undefined;

  constructor({ path, logger, now = () => performance.now() }: FileTokenOptions) {
    this.#path = path;
    this.#logger = logger;
    this.#now = now;
  }

  async read(): Promise<string> {
    if (this.#token !== undefined && this.#now() - this.#readMs < rereadMs) return this.#token;
    this.#reading ??= this.#readFile().finally(() => (this.#reading = undefined));
    return await this.#reading;
  }

  refused(token: string): boolean {
    // Another request may have found the new one already.
    if (token === this.#token) this.#readMs = Number.NEGATIVE_INFINITY;
    return true;
  }

  async #readFile(): Promise<string> {
    try {
      const { bytes } = await readBoundedFile(this.#path, { maxBytes: maxFileBytes });
      this.#token = parseTokenFile(bytes.toString("latin1"));
      if (this.#loggedProblem !== undefined)
        this.#logger.info({ path: this.#path }, "TOKEN_FILE can be read again");
      this.#loggedProblem = undefined;
    } catch (error) {
      const problem = `Cannot read a token from TOKEN_FILE ${JSON.stringify(this.#path)}: ${(error as Error).message}`;
      if (this.#loggedProblem !== problem) {
        this.#logger.warn(
          { path: this.#path },
          this.#token === undefined ? problem : `${problem}; the last one stays in use`,
        );
      }
      this.#loggedProblem = problem;
      if (this.#token === undefined)
        throw new ApiError("credentials", "there is no token (TOKEN_FILE)", { cause: error });
    }
    this.#readMs = this.#now();
    return this.#token;
  }
}

/** Throws an Error that never holds a part of the text. */
export function parseTokenFile(text: string): string {
  const trimmed = text.trim();
  const token = trimmed.startsWith(assignment) ? trimmed.slice(assignment.length).trim() : trimmed;
  if (token === "") throw new Error("it is empty");
  if (!tokenPattern.test(token)) throw new Error("it holds something else than one token");
  return token;
}
