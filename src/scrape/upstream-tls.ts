// TLS to pods as the UPSTREAM_* settings say: whom to trust, which name to expect, what to show. Read at start and again while
// the program runs; what cannot be used never replaces what can. For pods only: no other connection may use it.
import { createHash } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { poll, type PollOptions } from "../files/poll.ts";
import { parseCertificates } from "../files/parse-certificates.ts";
import { FileTooLargeError, readBoundedFile } from "../files/read-bounded-file.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { parseClientKey } from "./parse-client-key.ts";
import type { PodTls } from "./pod-socket.ts";

/** The roots that operating systems ship have about 220 KB. */
export const maxUpstreamFileBytes = 1024 * 1024;

const defaultIntervalMs = 10_000;

/** Settings by the names that they have in Config. Paths. */
export interface UpstreamTlsSettings {
  /** Without it Node.js' own roots are trusted, with it only what is in the file. */
  readonly upstreamCaFile?: string | undefined;
  /** DNS name or IP literal. Without it the certificate has to be valid for the address that is dialled. */
  readonly upstreamServerName?: string | undefined;
  /** Both or none. */
  readonly upstreamCertFile?: string | undefined;
  readonly upstreamKeyFile?: string | undefined;
  /** Whether pods have to show a certificate that can be verified. */
  readonly verifiesPods: boolean;
}

export interface UpstreamTlsOptions {
  readonly settings: UpstreamTlsSettings;
  readonly logger: Pick<Logger, "info" | "warn">;
  readonly metrics: Pick<Metrics, "limitHit">;
  /** How often the files are read. Default: 10 s. */
  readonly intervalMs?: number;
  readonly sleep?: PollOptions["sleep"];
}

/** Each new connection uses what was read last; PodConnections closes those that were made before, at their next use. */
export class UpstreamTls implements PodTls {
  readonly serverName: string | undefined;
  readonly rejectUnauthorized: boolean;
  readonly #options: UpstreamTlsOptions;
  readonly #stop = new AbortController();
  #polling: Promise<void> | undefined;
  #context: SecureContext | undefined;
  #hash: string | undefined;
  #loggedProblem: string | undefined;

  constructor(options: UpstreamTlsOptions) {
    this.#options = options;
    this.serverName = options.settings.upstreamServerName;
    this.rejectUnauthorized = options.settings.verifiesPods;
  }

  /** Not before start(). */
  get secureContext(): SecureContext {
    if (this.#context === undefined) throw new Error("Cannot dial a pod: start() has to be called first");
    return this.#context;
  }

  /** Rejects, naming the variable and the file, when a file cannot be used. */
  async start(): Promise<void> {
    await this.#load();
    const { settings, intervalMs = defaultIntervalMs, sleep } = this.#options;
    if (settings.upstreamCaFile === undefined && settings.upstreamCertFile === undefined) return;
    this.#polling = poll(() => this.#reload(), { intervalMs, sleep, signal: this.#stop.signal });
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
  }

  async #reload(): Promise<void> {
    const { logger, metrics } = this.#options;
    try {
      if (await this.#load()) logger.info("TLS to pods uses the changed UPSTREAM_* files");
      else if (this.#loggedProblem !== undefined) logger.info("The UPSTREAM_* files can be used again");
      this.#loggedProblem = undefined;
    } catch (error) {
      const { message, cause } = error as Error;
      if (this.#loggedProblem === message) return;
      this.#loggedProblem = message;
      if (cause instanceof FileTooLargeError) metrics.limitHit("upstream_file_size");
      logger.warn({ err: error }, "TLS to pods goes on with the last good UPSTREAM_* files");
    }
  }

  /** False when nothing has changed. Throws and changes nothing when any of the files cannot be used. */
  async #load(): Promise<boolean> {
    const { upstreamCaFile, upstreamCertFile, upstreamKeyFile } = this.#options.settings;
    const ca = await readUpstreamFile("UPSTREAM_CA_FILE", upstreamCaFile);
    const cert = await readUpstreamFile("UPSTREAM_CERT_FILE", upstreamCertFile);
    const key = await readUpstreamFile("UPSTREAM_KEY_FILE", upstreamKeyFile);
    const hash = hashOf([ca, cert, key]);
    if (hash === this.#hash) return false;
    const certificates = cert?.use(parseCertificates);
    this.#context = createSecureContext({
      minVersion: "TLSv1.2",
      // A certificate in the file is trusted itself, also where its issuer is not in it: as in Prometheus (Go).
      ...(ca !== undefined && { ca: ca.use(parseCertificates), allowPartialTrustChain: true }),
      ...(certificates !== undefined &&
        key !== undefined && {
          cert: certificates.join("\n"),
          key: key.use((text) => parseClientKey(text, certificates[0]!)),
        }),
    });
    this.#hash = hash;
    return true;
  }
}

interface UpstreamFile {
  readonly hash: string;
  /** What the parser makes of the text; its errors get the names of the variable and of the file. */
  use<T>(parse: (text: string) => T): T;
}

async function readUpstreamFile(
  variable: string,
  path: string | undefined,
): Promise<UpstreamFile | undefined> {
  if (path === undefined) return undefined;
  const explain = (error: unknown) =>
    new Error(`Cannot use ${variable} ${JSON.stringify(path)}: ${(error as Error).message}`, {
      cause: error,
    });
  try {
    const { bytes, hash } = await readBoundedFile(path, { maxBytes: maxUpstreamFileBytes });
    return {
      hash,
      use(parse) {
        try {
          return parse(bytes.toString("latin1"));
        } catch (error) {
          throw explain(error);
        }
      },
    };
  } catch (error) {
    throw explain(error);
  }
}

function hashOf(files: readonly (UpstreamFile | undefined)[]): string {
  return createHash("sha256")
    .update(JSON.stringify(files.map((file) => file?.hash)))
    .digest("base64");
}
