// Starts a real Prometheus on a port of its own with an empty data folder, and removes both again. Nothing outlives
// stop(); every wait has a limit and fails with what Prometheus logged.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { PrometheusApi } from "./prometheus-api.ts";
import { prometheusPaths, type PrometheusVersion } from "./tool-paths.ts";

const startTimeoutMs = 20_000;
const pollMs = 50;
const keptLogLines = 200;

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
  const child = spawn(
    prometheus,
    [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      "--web.listen-address=127.0.0.1:0",
      // A hidden flag, by default 5 seconds: how late a changed list of targets takes effect. (The first targets are
      // scraped 5 seconds after the start all the same; no flag changes that.)
      "--scrape.discovery-reload-interval=100ms",
      ...(options.flags ?? []),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const run = new PrometheusProcess(child, folder);
  try {
    return await PrometheusServer.whenReady(run);
  } catch (cause) {
    await run.stop();
    throw new Error(`Cannot start Prometheus ${options.version}: not ready\n${run.logs}`, { cause });
  }
}

/** The process, its folder and its log. */
class PrometheusProcess {
  /** Becomes the address that Prometheus listens on; rejects when it ends before that. */
  readonly listening: Promise<string>;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #ended: Promise<void>;
  readonly #kill = () => void this.#child.kill("SIGKILL");
  #lines: string[] = [];

  constructor(child: ChildProcess, folder: string) {
    this.#child = child;
    this.#folder = folder;
    const ended = Promise.withResolvers<void>();
    this.#ended = ended.promise;
    const listening = Promise.withResolvers<string>();
    this.listening = listening.promise;
    this.listening.catch(() => undefined);

    child.once("error", (cause) => {
      listening.reject(new Error("Cannot run Prometheus: it did not start", { cause }));
      ended.resolve();
    });
    child.once("close", (code, signal) => {
      listening.reject(new Error(`Cannot run Prometheus: it ended with ${code ?? signal}`));
      ended.resolve();
    });
    createInterface({ input: child.stderr! }).on("line", (line) => {
      this.#lines = [...this.#lines.slice(1 - keptLogLines), line];
      const [, address] = /msg="Listening on".* address=(\S+)/u.exec(line) ?? [];
      if (address !== undefined) {
        listening.resolve(address);
      }
    });
    // A test runner that ends without its cleanup must not leave a server behind.
    process.once("exit", this.#kill);
  }

  get logs(): string {
    return this.#lines.join("\n");
  }

  /** Kills at once: nobody needs the data. */
  async stop(): Promise<void> {
    this.#kill();
    await this.#ended;
    process.removeListener("exit", this.#kill);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

export class PrometheusServer extends PrometheusApi implements AsyncDisposable {
  /** e.g. `http://127.0.0.1:34737`. */
  readonly baseUrl: string;
  readonly #run: PrometheusProcess;

  private constructor(run: PrometheusProcess, baseUrl: string) {
    super(baseUrl);
    this.#run = run;
    this.baseUrl = baseUrl;
  }

  /** @internal use startPrometheus() */
  static async whenReady(run: PrometheusProcess): Promise<PrometheusServer> {
    const giveUp = AbortSignal.timeout(startTimeoutMs);
    const aborted = once(giveUp, "abort").then(() => {
      throw new Error(`Cannot wait for Prometheus: no address within ${startTimeoutMs} ms`);
    });
    const address = await Promise.race([run.listening, aborted]);
    const server = new PrometheusServer(run, `http://${address}`);
    while (!(await fetch(`${server.baseUrl}/-/ready`, { signal: giveUp })).ok) {
      await delay(pollMs, undefined, { signal: giveUp });
    }
    return server;
  }

  /** The last lines that Prometheus logged, for messages of failed tests. */
  get logs(): string {
    return this.#run.logs;
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
    await this.#run.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
