// Starts a real Prometheus on a port of its own with an empty data folder, and removes both again. Nothing outlives
// stop(); every wait has a limit and fails with what Prometheus logged.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PrometheusApi } from "./prometheus-api.ts";
import { ServerProcess } from "./server-process.ts";
import { prometheusPaths, type PrometheusVersion } from "./tool-paths.ts";

const startTimeoutMs = 20_000;
const pollMs = 50;

export interface PrometheusOptions {
  readonly version: PrometheusVersion;
  /** prometheus.yml as text, or as an object, which is written as JSON (a part of YAML). */
  readonly config: string | object;
  /** More command line flags, e.g. `--enable-feature=native-histograms`. */
  readonly flags?: readonly string[];
}

/** Resolves when Prometheus is ready to answer. The caller must stop it (or hold it with `await using`). */
export async function startPrometheus(options: PrometheusOptions): Promise<PrometheusServer> {
  const { prometheus } = prometheusPaths(options.version);
  const folder = await mkdtemp(join(tmpdir(), "prometheus-"));
  const configFile = join(folder, "prometheus.yml");
  const { config } = options;
  await writeFile(configFile, typeof config === "string" ? config : JSON.stringify(config));
  const process = new ServerProcess({
    name: `Prometheus ${options.version}`,
    file: prometheus,
    args: [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
      // A hidden flag, by default 5 seconds: how late a changed list of targets takes effect. (The first targets are
      // scraped 5 seconds after the start all the same; no flag changes that.)
      "--scrape.discovery-reload-interval=100ms",
      ...(options.flags ?? []),
    ],
  });
  try {
    return await PrometheusServer.whenReady(process, folder);
  } catch (error) {
    await end(process, folder);
    throw error;
  }
}

/** Kills at once: nobody needs the data. */
async function end(process: ServerProcess, folder: string): Promise<void> {
  await process.stop();
  await rm(folder, { recursive: true, force: true });
}

export class PrometheusServer extends PrometheusApi implements AsyncDisposable {
  /** e.g. `http://127.0.0.1:34737`. */
  readonly baseUrl: string;
  readonly #process: ServerProcess;
  readonly #folder: string;

  private constructor(baseUrl: string, process: ServerProcess, folder: string) {
    super(baseUrl);
    this.baseUrl = baseUrl;
    this.#process = process;
    this.#folder = folder;
  }

  /** @internal use startPrometheus() */
  static async whenReady(process: ServerProcess, folder: string): Promise<PrometheusServer> {
    const [, address] = await process.line(/msg="Listening on".* address=(\S+)/u, startTimeoutMs);
    const baseUrl = `http://${address}`;
    const isReady = async (signal: AbortSignal) => (await fetch(`${baseUrl}/-/ready`, { signal })).ok;
    await process.ready(isReady, startTimeoutMs);
    return new PrometheusServer(baseUrl, process, folder);
  }

  /** The last lines that Prometheus logged, for messages of failed tests. */
  get logs(): string {
    return this.#process.logs;
  }

  /**
   * Asks again and again until the probe gives something other than undefined or false, and returns that.
   * @throws Error after `timeoutMs` (default 15 seconds), with the probe's last error and the log
   */
  async waitFor<Found>(
    what: string,
    probe: (prometheus: this) => Promise<Found | undefined | false>,
    timeoutMs = 15_000,
  ): Promise<Found> {
    const end = performance.now() + timeoutMs;
    let cause: unknown;
    do {
      try {
        const found = await probe(this);
        if (found !== undefined && found !== false) {
          return found;
        }
        cause = undefined;
      } catch (error) {
        cause = error;
      }
      await delay(pollMs);
    } while (performance.now() < end);
    throw new Error(`Cannot see ${what}: not there within ${timeoutMs} ms\n${this.logs}`, { cause });
  }

  async stop(): Promise<void> {
    await end(this.#process, this.#folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
