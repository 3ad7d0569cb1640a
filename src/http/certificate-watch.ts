// Serves HTTPS with what is in the certificate's files now: authorities renew certificates every few weeks, and nobody restarts a
// proxy for that. Files that do not fit each other leave the last good ones in use.
import type { CertificateFiles } from "../config/listener-settings.ts";
import { poll } from "../files/poll.ts";
import type { Logger } from "../telemetry/logger.ts";
import {
  createServingCertificate,
  findValidityProblem,
  readCertificateFiles,
  type ServingCertificate,
} from "./serving-certificate.ts";

const defaultIntervalMs = 10_000;

export interface CertificateWatchOptions {
  readonly files: CertificateFiles;
  /** Gets each certificate that is good. What it throws counts as a fault of the certificate. */
  readonly apply: (certificate: ServingCertificate) => void;
  readonly logger: Pick<Logger, "info" | "warn">;
  /** How often the files are read. Default: 10 s. */
  readonly intervalMs?: number;
}

export interface CertificateStatus {
  /** Unix time at which the certificate in use, or one of its chain, expires first. */
  readonly expirySeconds: number;
  /** 1; 0 when the files could not be used when they were last read. */
  readonly reloadSuccess: 0 | 1;
}

/**
 * Reads the files at intervals and compares their content. A problem is logged once for each content, not at every read.
 */
export class CertificateWatch {
  readonly #options: Required<CertificateWatchOptions>;
  readonly #stop = new AbortController();
  #polling: Promise<void> | undefined;
  #accepted: { readonly hash: string; readonly certificate: ServingCertificate } | undefined;
  #refused: { readonly hash: string; readonly problem: Error } | undefined;
  #loggedProblem: string | undefined;

  constructor(options: CertificateWatchOptions) {
    this.#options = { intervalMs: defaultIntervalMs, ...options };
  }

  /** Undefined until the first certificate is in use. */
  get status(): CertificateStatus | undefined {
    if (this.#accepted === undefined) return undefined;
    return {
      expirySeconds: this.#accepted.certificate.expiresMs / 1000,
      reloadSuccess: this.#loggedProblem === undefined ? 1 : 0,
    };
  }

  /** Puts the first certificate to use and goes on watching. Rejects, and watches nothing, when there is no good one. */
  async start(): Promise<void> {
    await this.#load();
    const { intervalMs } = this.#options;
    this.#polling = poll(() => this.#look(), { intervalMs, signal: this.#stop.signal });
  }

  /** Ends the watch; a read that runs is waited for. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
  }

  async #look(): Promise<void> {
    try {
      await this.#load();
      this.#logRecovery();
    } catch (error) {
      this.#logProblem(error as Error);
    }
  }

  async #load(): Promise<void> {
    const { files, apply } = this.#options;
    const contents = await readCertificateFiles(files);
    const { hash } = contents;
    if (hash === this.#accepted?.hash) return;
    if (hash === this.#refused?.hash) throw this.#refused.problem;
    try {
      const certificate = createServingCertificate(contents, files);
      apply(certificate);
      this.#accepted = { hash, certificate };
    } catch (error) {
      this.#refused = { hash, problem: error as Error };
      throw error;
    }
    this.#logAccepted(this.#accepted.certificate);
  }

  #logAccepted(certificate: ServingCertificate): void {
    const { files, logger } = this.#options;
    const expires = new Date(certificate.expiresMs).toISOString();
    logger.info({ path: files.certFile, expires }, "Certificate read from CERT_FILE");
    const problem = findValidityProblem(certificate, Date.now());
    if (problem !== undefined)
      logger.warn({ path: files.certFile, problem }, "Clients will refuse the certificate in CERT_FILE");
  }

  #logProblem(problem: Error): void {
    const logged = `${problem.message} ${this.#refused?.hash}`;
    if (this.#loggedProblem === logged) return;
    this.#loggedProblem = logged;
    this.#options.logger.warn(
      { err: problem },
      "The certificate's files cannot be used, the last good ones stay in use",
    );
  }

  #logRecovery(): void {
    if (this.#loggedProblem === undefined) return;
    this.#loggedProblem = undefined;
    this.#options.logger.info("The certificate's files can be used again");
  }
}
