// The connections to the API server: their own pools, authority and TLS settings, apart from everything that scrapes pods.
// The server is always verified: no setting and no variable of the environment turns that off. Never follows a redirect and
// never goes through a proxy of the environment.
import { type Dispatcher, Pool } from "undici";

import type { Logger } from "../../telemetry/logger.ts";
import { parseCertificates } from "../../files/parse-certificates.ts";
import { readBoundedFile } from "../../files/read-bounded-file.ts";
import { ApiError } from "./api-error.ts";

export interface ApiTransportOptions {
  /** `https://10.96.0.1:443` or `http://127.0.0.1:8001`, without a path. */
  readonly origin: string;
  /** K8S_CACERT. Undefined: the roots that Node.js trusts. */
  readonly caFile: string | undefined;
  /** True: without this file there is no connection. False: where there is no file, the roots that Node.js trusts. */
  readonly caRequired: boolean;
  readonly logger: Pick<Logger, "info" | "warn">;
  /** Monotonic milliseconds. */
  readonly now?: () => number;
}

interface Pools {
  readonly list: Pool;
  readonly watch: Pool;
  /** Of callers, who must not wait behind lists. */
  readonly review: Pool;
}

export type Purpose = keyof Pools;

export interface ApiTransportRequest {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
}

/** The authority can be replaced under a running program: its file is read again when it is this old, or after a failure. */
const rereadMs = 60_000;
const maxCaBytes = 1024 * 1024;
const connectTimeoutMs = 10_000;
/** Lists are large and cost the server much: so many at a time, however many namespaces begin at once. */
const maxListConnections = 8;
/** With Linux' defaults a dead peer is found within about 25 s. */
const keepAliveInitialDelayMs = 15_000;
const listTimeoutMs = 60_000;
const maxReviewConnections = 32;
const reviewTimeoutMs = 10_000;

export class ApiTransport {
  readonly #options: Required<ApiTransportOptions>;
  #pools: Pools | undefined;
  #caHash: string | undefined;
  #readMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<Pools> | undefined;
  #loggedProblem: string | undefined;
  #closed = false;

  constructor(options: ApiTransportOptions) {
    this.#options = { now: () => performance.now(), ...options };
  }

  /**
   * Sends a GET, or with a body a POST. What comes back has to be read or destroyed. Rejects with an ApiError (`credentials`, `unreachable`, `untrusted`), or with the
   * signal's reason.
   */
  async send(
    purpose: Purpose,
    { path, headers, body, signal }: ApiTransportRequest,
  ): Promise<Dispatcher.ResponseData> {
    const pools = await this.#current();
    try {
      return await pools[purpose].request({
        method: body === undefined ? "GET" : "POST",
        path,
        headers,
        body: body ?? null,
        signal,
      });
    } catch (error) {
      signal.throwIfAborted();
      // The server may show a certificate of a new authority.
      this.#readMs = Number.NEGATIVE_INFINITY;
      const code = codeOf(error);
      throw verificationCodes.test(code)
        ? new ApiError("untrusted", `the API server's certificate cannot be verified (${code})`, {
            cause: error,
          })
        : new ApiError("unreachable", `the API server cannot be reached (${code})`, { cause: error });
    }
  }

  /** Ends every connection at once. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(Object.values(this.#pools ?? {}).map((pool: Pool) => pool.destroy()));
  }

  async #current(): Promise<Pools> {
    if (this.#closed) throw new ApiError("unreachable", "the program is stopping");
    if (this.#pools !== undefined && this.#options.now() - this.#readMs < rereadMs) return this.#pools;
    this.#reading ??= this.#readAuthority().finally(() => (this.#reading = undefined));
    return await this.#reading;
  }

  async #readAuthority(): Promise<Pools> {
    const { caFile, logger, now } = this.#options;
    try {
      const ca = caFile === undefined ? undefined : await this.#readCaFile(caFile);
      const hash = ca?.hash ?? "none";
      if (this.#pools === undefined || hash !== this.#caHash) {
        this.#replacePools(this.#createPools(ca && parseCertificates(ca.bytes.toString("latin1"))), hash);
      }
      if (this.#loggedProblem !== undefined) logger.info({ path: caFile }, "K8S_CACERT can be read again");
      this.#loggedProblem = undefined;
    } catch (error) {
      const problem = `Cannot read K8S_CACERT ${JSON.stringify(caFile)}: ${(error as Error).message}`;
      if (this.#loggedProblem !== problem) {
        logger.warn(
          { path: caFile },
          this.#pools === undefined ? problem : `${problem}; the last one stays in use`,
        );
      }
      this.#loggedProblem = problem;
      if (this.#pools === undefined) {
        throw new ApiError("credentials", "the authority of the API server cannot be read (K8S_CACERT)", {
          cause: error,
        });
      }
    }
    this.#readMs = now();
    return this.#pools!;
  }

  async #readCaFile(path: string): Promise<{ bytes: Buffer; hash: string } | undefined> {
    try {
      return await readBoundedFile(path, { maxBytes: maxCaBytes });
    } catch (error) {
      // An authority that was there once must not be replaced by every authority of the world.
      const mayBeAbsent = !this.#options.caRequired && (this.#caHash ?? "none") === "none";
      if (mayBeAbsent && (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  #createPools(ca: string[] | undefined): Pools {
    const common = {
      allowH2: false,
      pipelining: 1,
      headersTimeout: listTimeoutMs,
      keepAliveTimeout: 10_000,
      keepAliveMaxTimeout: 60_000,
      connect: {
        timeout: connectTimeoutMs,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveInitialDelayMs,
        // Explicit: the default follows NODE_TLS_REJECT_UNAUTHORIZED, and that is for pods alone.
        rejectUnauthorized: true,
        minVersion: "TLSv1.2" as const,
        ...(ca !== undefined && { ca }),
      },
    };
    return {
      list: new Pool(this.#options.origin, {
        ...common,
        connections: maxListConnections,
        bodyTimeout: listTimeoutMs,
      }),
      review: new Pool(this.#options.origin, {
        ...common,
        connections: maxReviewConnections,
        headersTimeout: reviewTimeoutMs,
        bodyTimeout: reviewTimeoutMs,
      }),
      // Who reads a watch has a watchdog of its own.
      watch: new Pool(this.#options.origin, { ...common, bodyTimeout: 0 }),
    };
  }

  /** Requests that run on the old connections may end; their connections close then. */
  #replacePools(pools: Pools, hash: string): void {
    const old = this.#pools;
    this.#pools = pools;
    this.#caHash = hash;
    if (old === undefined) return;
    this.#options.logger.info("The API server is verified by a new K8S_CACERT");
    for (const pool of Object.values(old) as Pool[]) pool.close().catch(() => undefined);
  }
}

/** Of OpenSSL and Node.js, for certificates that are not accepted. */
const verificationCodes =
  /^(CERT_|UNABLE_TO_|DEPTH_ZERO_SELF|SELF_SIGNED_|ERR_TLS_CERT_|INVALID_(CA|PURPOSE)|EE_|CA_|PATH_LENGTH)/;

/** The most telling code: OpenSSL's and the system's hide in causes. */
function codeOf(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, errors } = at as { code?: unknown; errors?: unknown[] };
    if (Array.isArray(errors) && errors[0] instanceof Error) return codeOf(errors[0]);
    if (typeof code === "string") return code;
  }
  return "no code";
}
