// WEB_CONFIG_FILE as it is now: read at the start, and again for as long as the program runs. A file that cannot be used leaves the
// last good one in use.
import type { Logger } from "../../telemetry/logger.ts";
import { type CertificateStatus, logCertificate } from "../certificate-watch.ts";
import { ReloadedFiles } from "../reloaded-files.ts";
import {
  createWebConfig,
  type LoadedWebConfig,
  readWebConfig,
  type WebConfigContents,
} from "./load-web-config.ts";
import { TokenBucket } from "./rate-limit.ts";

const defaultIntervalMs = 5000;

export interface WebConfigWatchOptions {
  readonly path: string;
  readonly logger: Pick<Logger, "info" | "warn">;
  /** How often the files are read. Default: 5 s. */
  readonly intervalMs?: number;
}

export class WebConfigWatch {
  readonly #path: string;
  readonly #files: ReloadedFiles<WebConfigContents, LoadedWebConfig>;
  /** Filled as rate_limit says; without it, it never refuses. */
  readonly rateLimit = new TokenBucket();
  #apply: ((config: LoadedWebConfig) => void) | undefined;

  private constructor({ path, logger, intervalMs = defaultIntervalMs }: WebConfigWatchOptions) {
    this.#path = path;
    this.#files = new ReloadedFiles({
      read: () => readWebConfig(path),
      create: createWebConfig,
      apply: (config) => this.#use(config),
      onAccepted: ({ tls, users }) => {
        logger.info({ path, tls: tls !== undefined, users: users.size }, "WEB_CONFIG_FILE read");
        if (tls === undefined) return;
        logCertificate(tls.certificate, { setting: "WEB_CONFIG_FILE", path, logger });
        const { verifies, authorities } = tls.policy.clients;
        if (verifies && authorities === undefined) {
          logger.warn(
            { path },
            "Clients are verified against the public authorities: WEB_CONFIG_FILE has no client_ca_file",
          );
        }
      },
      messages: {
        refused: "WEB_CONFIG_FILE cannot be used, the last good one stays in use",
        recovered: "WEB_CONFIG_FILE can be used again",
      },
      logger,
      intervalMs,
    });
  }

  /** Reads the file for the first time. Rejects when it cannot be used. */
  static async open(options: WebConfigWatchOptions): Promise<WebConfigWatch> {
    const watch = new WebConfigWatch(options);
    await watch.#files.load();
    return watch;
  }

  /** What is in use. */
  get current(): LoadedWebConfig {
    return this.#files.value!;
  }

  get status(): CertificateStatus {
    const { reloadSuccess } = this.#files;
    const { tls } = this.current;
    return tls === undefined
      ? { reloadSuccess }
      : { expirySeconds: tls.certificate.expiresMs / 1000, reloadSuccess };
  }

  /** Applies what is in use, and each that replaces it. What `apply` throws counts as a fault of the file, or is thrown. */
  start(apply: (config: LoadedWebConfig) => void): void {
    apply(this.current);
    this.#apply = apply;
    this.#files.watch();
  }

  /** Ends the watch; a read that runs is waited for. */
  async stop(): Promise<void> {
    await this.#files.stop();
  }

  #use(config: LoadedWebConfig): void {
    const before = this.#files.value;
    // The listener speaks one of both from its start to its end.
    if (before !== undefined && (before.tls === undefined) !== (config.tls === undefined)) {
      throw new Error(
        `Cannot use WEB_CONFIG_FILE ${JSON.stringify(this.#path)}: tls_server_config ` +
          `${config.tls === undefined ? "is gone" : "is new"}, which takes a restart`,
      );
    }
    this.#apply?.(config);
    this.rateLimit.use(config.rateLimit);
  }
}
