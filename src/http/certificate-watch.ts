// Serves HTTPS with what is in the certificate's files now: authorities renew certificates every few weeks, and nobody restarts a
// proxy for that. Files that do not fit each other leave the last good ones in use.
import type { CertificateFiles } from "../config/listener-settings.ts";
import type { Logger } from "../telemetry/logger.ts";
import { ReloadedFiles } from "./reloaded-files.ts";
import {
  type CertificateContents,
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
  /** Unix time at which the certificate in use, or one of its chain, expires first; absent without a certificate. */
  readonly expirySeconds?: number;
  /** 1; 0 when the files could not be used when they were last read. */
  readonly reloadSuccess: 0 | 1;
}

export class CertificateWatch {
  readonly #files: ReloadedFiles<CertificateContents & { readonly hash: string }, ServingCertificate>;

  constructor({ files, apply, logger, intervalMs = defaultIntervalMs }: CertificateWatchOptions) {
    this.#files = new ReloadedFiles({
      read: () => readCertificateFiles(files),
      create: createServingCertificate,
      apply,
      onAccepted: (certificate) =>
        logCertificate(certificate, { setting: "CERT_FILE", path: files.certFile, logger }),
      messages: {
        refused: "The certificate's files cannot be used, the last good ones stay in use",
        recovered: "The certificate's files can be used again",
      },
      logger,
      intervalMs,
    });
  }

  /** Undefined until the first certificate is in use. */
  get status(): CertificateStatus | undefined {
    const { value, reloadSuccess } = this.#files;
    return value === undefined ? undefined : { expirySeconds: value.expiresMs / 1000, reloadSuccess };
  }

  /** Puts the first certificate to use and goes on watching. Rejects, and watches nothing, when there is no good one. */
  async start(): Promise<void> {
    await this.#files.load();
    this.#files.watch();
  }

  /** Ends the watch; a read that runs is waited for. */
  async stop(): Promise<void> {
    await this.#files.stop();
  }
}

/** Tells which certificate is in use from now on, and what clients will object to. */
export function logCertificate(
  certificate: ServingCertificate,
  { setting, path, logger }: { setting: string; path: string; logger: Pick<Logger, "info" | "warn"> },
): void {
  const expires = new Date(certificate.expiresMs).toISOString();
  logger.info({ path, expires }, `Certificate read from ${setting}`);
  const problem = findValidityProblem(certificate, Date.now());
  if (problem !== undefined)
    logger.warn({ path, problem }, `Clients will refuse the certificate in ${setting}`);
}
