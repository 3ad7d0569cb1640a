// PODS_FILE: pods from a file that somebody keeps up to date, instead of from the Kubernetes API.
// Never takes a part of a file: a file that cannot be read leaves the pods of the last good one in the store.
import { poll, type PollOptions } from "../../files/poll.ts";
import { FileTooLargeError, readBoundedFile } from "../../files/read-bounded-file.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { type PodLease, type PodSource, type PodSourceStatus, PodsUnknownError } from "../pod-source.ts";
import type { PodStore } from "../pod-store.ts";
import type { Pod, PodReader } from "../pod.ts";
import { parsePodList } from "./parse-pod-list.ts";

/** A list of 5,000 pods has about 27 MB in YAML and 64 MB in indented JSON. */
export const maxPodsFileBytes = 64 * 1024 * 1024;

const defaultIntervalMs = 5000;
const notReadYet = "the pods are not known yet: PODS_FILE is being read";

export interface PodsFileOptions {
  readonly path: string;
  /** Filled by this source alone. */
  readonly store: PodStore;
  readonly readPod: PodReader;
  readonly logger: Pick<Logger, "info" | "warn">;
  readonly metrics: Pick<Metrics, "limitHit">;
  /** How often the file is read. Default: 5 s. */
  readonly intervalMs?: number;
  /** Wall-clock time in ms since 1970. */
  readonly now?: () => number;
  readonly sleep?: PollOptions["sleep"];
}

/**
 * Reads the file at intervals and compares its content. Each successful read counts as contact, also when nothing changed.
 * A problem is logged once for each content, not at every read.
 */
export class PodsFile implements PodSource {
  readonly #options: Required<Omit<PodsFileOptions, "sleep">> & Pick<PodsFileOptions, "sleep">;
  readonly #stop = new AbortController();
  #polling: Promise<void> | undefined;
  #acceptedHash: string | undefined;
  #refused: { readonly hash: string; readonly problem: Error } | undefined;
  #loggedProblem: string | undefined;
  #lastContactMs: number | undefined;

  constructor(options: PodsFileOptions) {
    this.#options = {
      intervalMs: defaultIntervalMs,
      now: Date.now,
      ...options,
    };
  }

  /** Loads the file for the first time and goes on watching it. Rejects, and watches nothing, when it cannot be loaded. */
  async start(): Promise<void> {
    await this.#load();
    const { intervalMs, sleep } = this.#options;
    this.#polling = poll(() => this.#reload(), { intervalMs, sleep, signal: this.#stop.signal });
  }

  /** Ends the watch; a read that runs is waited for. The store keeps its pods. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#polling;
  }

  /** The file has the pods of every namespace, and it serves however old it is: somebody else answers for it. */
  hold(): Promise<PodLease> {
    if (this.#lastContactMs !== undefined) return Promise.resolve({ release() {} });
    return Promise.reject(new PodsUnknownError(`Cannot scrape: ${notReadYet}`));
  }

  get status(): PodSourceStatus {
    const lastContactMs = this.#lastContactMs;
    if (lastContactMs === undefined) return { notReady: notReadYet, ageMs: undefined, lastContactMs };
    return { notReady: undefined, ageMs: Math.max(0, this.#options.now() - lastContactMs), lastContactMs };
  }

  async #reload(): Promise<void> {
    try {
      await this.#load();
      this.#logRecovery();
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#logProblem(error as Error);
    }
  }

  /** Brings the store up to date, or throws and leaves it as it is. */
  async #load(): Promise<void> {
    const { path, store, now, logger } = this.#options;
    try {
      const { bytes, hash } = await readBoundedFile(path, { maxBytes: maxPodsFileBytes });
      if (hash !== this.#acceptedHash) {
        if (hash === this.#refused?.hash) throw this.#refused.problem;
        store.replace(await this.#parse(bytes, hash));
        this.#acceptedHash = hash;
        logger.info({ path, pods: store.size }, "Pods read from PODS_FILE");
      }
      this.#lastContactMs = now();
    } catch (error) {
      throw new Error(
        `Cannot read pods from PODS_FILE ${JSON.stringify(path)}: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  }

  /** Remembers why content was refused: to parse it again at every read would cost seconds. */
  async #parse(bytes: Buffer, hash: string): Promise<readonly Pod[]> {
    const { readPod } = this.#options;
    const { signal } = this.#stop;
    try {
      return await parsePodList(decodeUtf8(bytes), { read: readPod, signal });
    } catch (error) {
      this.#refused = { hash, problem: error as Error };
      throw error;
    }
  }

  #logProblem(problem: Error): void {
    const { path, logger } = this.#options;
    const logged = `${problem.message} ${this.#refused?.hash}`;
    if (this.#loggedProblem === logged) return;
    this.#loggedProblem = logged;
    if (problem.cause instanceof FileTooLargeError) this.#options.metrics.limitHit("pods_file_size");
    logger.warn({ path, err: problem }, "PODS_FILE cannot be read, its last good content stays in use");
  }

  #logRecovery(): void {
    const { path, logger } = this.#options;
    if (this.#loggedProblem === undefined) return;
    this.#loggedProblem = undefined;
    logger.info({ path }, "PODS_FILE can be read again");
  }
}

function decodeUtf8(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new Error("it is not UTF-8 text", { cause: error });
  }
}
