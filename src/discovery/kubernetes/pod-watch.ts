// Keeps the pods of one scope as the API server has them: lists once, then watches, goes on where a watch ended, and lists
// again only where nothing else helps. A failure leaves the last known pods in the store; how old they are is told.
import { setTimeout as delay } from "node:timers/promises";

import type { WatchRestartReason } from "../../telemetry/metric-definitions.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { PodStore } from "../pod-store.ts";
import type { PodReader } from "../pod.ts";
import type { ApiClient } from "./api-client.ts";
import type { ApiError } from "./api-error.ts";
import { listPods } from "./list-pods.ts";
import type { PodScope } from "./pod-scope.ts";
import { readWatch, WatchIdleError } from "./read-watch.ts";
import { compareResourceVersions } from "./resource-version.ts";
import { ScopeCache } from "./scope-cache.ts";
import { unknownPods } from "./unknown-pods.ts";
import { needsList, requireApiError, restartReasonOf } from "./watch-failure.ts";
import { createWatchTiming, type WatchTiming } from "./watch-timing.ts";

export interface PodWatchOptions {
  readonly scope: PodScope;
  readonly client: Pick<ApiClient, "getJson" | "openStream">;
  readonly store: PodStore;
  readonly readPod: PodReader;
  readonly metrics: Pick<Metrics, "listRequested" | "limitHit" | "watchRestarted">;
  readonly report: WatchReport;
  /** MAX_POD_LIST_AGE. */
  readonly maxAgeMs: number;
  readonly timing?: Partial<WatchTiming>;
}

/** Told what happens, for the log. */
export interface WatchReport {
  failed(scope: PodScope, error: ApiError): void;
  recovered(scope: PodScope): void;
  /** The account may list, but not watch. */
  watchForbidden(scope: PodScope): void;
}

/** The server ends a watch after 5 to 10 minutes, as client-go asks it to: spread, so that not all come back together. */
const watchSeconds = () => 300 + Math.floor(Math.random() * 301);

/** So many refusals in a row, over some five seconds, are the account's rights and no passing state of the server. */
const lastingRefusals = 3;

/**
 * Not even a bookmark in so many watches: the server may have been restored from a backup. It says nothing then until it has
 * come to the version that it was asked to go on from, and that may be never. Nor does a quiet one say anything for a while:
 * kube-apiserver 1.20 sends no bookmark before the next change of any pod. So the pods are listed, but not soon.
 */
const longestSilence = 10;

export class PodWatch {
  readonly #options: PodWatchOptions;
  readonly #timing: WatchTiming;
  readonly #cache: ScopeCache;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #listing: Promise<void> | undefined;
  #synced = false;
  #open = false;
  /** How often in a row the account was told that it may not watch: then scrapes list. */
  #watchRefusals = 0;
  /** How many watches in a row were opened and ended without an event. */
  #silentWatches = 0;
  /** How long the last watch was open; 0 when it could not be opened. */
  #livedMs = 0;
  #failure: ApiError | undefined;
  #contactMs = 0;
  #contactWallMs = 0;
  /** When the last attempt to list began. */
  #listBeganMs = Number.NEGATIVE_INFINITY;
  /** After one for a scrape has failed. */
  #listNotBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(options: PodWatchOptions) {
    this.#options = options;
    this.#timing = createWatchTiming(options.timing);
    this.#cache = new ScopeCache(options.scope, options);
  }

  /** The first complete list is in the store. */
  get synced(): boolean {
    return this.#synced;
  }

  /** What the last attempt failed for; undefined while all is well. */
  get failure(): ApiError | undefined {
    return this.#failure;
  }

  /** 0 while a watch is open, else the time since the server was last heard; undefined before the first list. */
  get ageMs(): number | undefined {
    if (!this.#synced) return undefined;
    return this.#open ? 0 : performance.now() - this.#contactMs;
  }

  /** Wall clock; undefined before the first list. */
  get lastContactMs(): number | undefined {
    return this.#synced ? this.#contactWallMs : undefined;
  }

  start(): void {
    this.#running = this.#run(this.#stop.signal);
  }

  /** Nothing changes the store from here on; resolves when nothing runs any more. The pods stay. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#listing?.catch(() => undefined);
  }

  /** Stops, and takes the pods out of the store, at once. */
  forget(): void {
    void this.stop();
    this.#cache.clear();
  }

  /**
   * Resolves when the pods in the store can be relied on. Rejects with a PodsUnknownError: at once while the next attempt to
   * list waits for its time, else after `timeoutMs` at the latest.
   */
  async known({ timeoutMs }: { timeoutMs: number }): Promise<void> {
    const { scope, maxAgeMs } = this.#options;
    // Half of the time where pods are known: the last known ones are better than none.
    if (!this.#synced) await this.#settled(timeoutMs);
    else if (this.#watchRefusals > 0) await this.#listIfOld(timeoutMs / 2);
    const { ageMs } = this;
    if (ageMs === undefined) throw unknownPods(scope, this.#failure);
    if (ageMs > maxAgeMs) throw unknownPods(scope, this.#failure, { ageMs });
  }

  /** Waits for the list that is on its way, if one is, to come or fail, but not longer than this. */
  async #settled(timeoutMs: number): Promise<void> {
    if (this.#listing === undefined) return;
    const giveUp = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: giveUp.signal }).catch(() => undefined);
    await Promise.race([this.#listing.catch(() => undefined), late]);
    giveUp.abort();
  }

  /** Where the account may not watch: one list for all scrapes of the next seconds, also when it fails. */
  async #listIfOld(timeoutMs: number): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#listBeganMs >= this.#timing.listedAgeMs && nowMs >= this.#listNotBeforeMs) {
      this.#list().catch((thrown: unknown) => {
        if (this.#stop.signal.aborted) return;
        const error = requireApiError(thrown);
        this.#fail(error);
        this.#listNotBeforeMs =
          performance.now() + Math.max(this.#timing.backoff.next(), error.retryAfterMs ?? 0);
      });
    }
    await this.#settled(timeoutMs);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#cache.resourceVersion === undefined) await this.#list();
        const openedMs = performance.now();
        this.#livedMs = 0;
        await this.#watch(signal);
        this.#restarted("closed");
        let waitMs = this.#timing.shortestWatchMs - (performance.now() - openedMs);
        if (this.#silentWatches >= longestSilence) {
          this.#cache.expire();
          waitMs = Math.max(waitMs, this.#timing.relistBackoff.next());
        }
        await this.#sleep(waitMs);
      } catch (error) {
        if (signal.aborted) return;
        await this.#sleep(this.#recoverFrom(error));
      }
    }
  }

  /** One list at a time: whoever wants one meanwhile gets the same. */
  #list(): Promise<void> {
    this.#listing ??= this.#listOnce().finally(() => (this.#listing = undefined));
    return this.#listing;
  }

  async #listOnce(): Promise<void> {
    const { client, scope, readPod, metrics } = this.#options;
    this.#listBeganMs = performance.now();
    const before = this.#cache.resourceVersion;
    const list = await listPods({ client, scope, readPod, metrics, signal: this.#stop.signal });
    // A list that a stop overtook must not bring forgotten pods back.
    this.#stop.signal.throwIfAborted();
    // A watch that was opened meanwhile may be further than this list, which would undo what it told.
    // Where none has, an older list is the truth: of a server that was restored from a backup.
    const now = this.#cache.resourceVersion ?? "";
    if (this.#open || (now !== before && compareResourceVersions(list.resourceVersion, now) === -1)) return;
    this.#cache.replace(list);
    this.#synced = true;
    this.#silentWatches = 0;
    this.#contact();
    this.#recovered();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, scope } = this.#options;
    const body = await client.openStream({
      path: scope.path,
      query: {
        watch: "true",
        resourceVersion: this.#cache.resourceVersion!,
        allowWatchBookmarks: "true",
        timeoutSeconds: String(watchSeconds()),
      },
      signal,
    });
    this.#watchRefusals = 0;
    this.#silentWatches++;
    this.#open = true;
    const openedMs = performance.now();
    // An answer of 200 that is followed by an error at once is no recovery.
    const settled = setTimeout(() => this.#recovered(), this.#timing.shortestWatchMs);
    try {
      await readWatch(body, {
        onEvent: (event) => {
          this.#cache.apply(event);
          this.#silentWatches = 0;
          this.#contact();
          this.#recovered();
        },
        idleMs: this.#timing.idleMs,
        signal,
      });
    } finally {
      clearTimeout(settled);
      this.#open = false;
      this.#livedMs = performance.now() - openedMs;
    }
    // To have had nothing to say for a while is a word of the server too; to hang up at once is none.
    if (this.#livedMs >= this.#timing.shortestWatchMs) this.#contact();
  }

  /** Takes note of a failure; how long to wait before the next attempt. */
  #recoverFrom(thrown: unknown): number {
    const error = requireApiError(thrown);
    const { report, scope } = this.#options;
    if (this.#cache.resourceVersion !== undefined) {
      this.#restarted(restartReasonOf(error));
      if (error.problem === "forbidden") {
        // No failure: lists do as well. An API server that has just started may refuse for a moment what it will allow.
        if (++this.#watchRefusals === lastingRefusals) report.watchForbidden(scope);
        return this.#timing.forbiddenBackoff.next();
      }
      const tooSilent = this.#silentWatches >= longestSilence;
      if (needsList(error) || tooSilent) {
        this.#cache.expire();
        // A quiet cluster is no failure.
        if (!(error instanceof WatchIdleError)) this.#fail(error);
        return Math.max(this.#timing.relistBackoff.next(), error.retryAfterMs ?? 0);
      }
      // Whether it is only quiet, the next attempt tells.
      if (error instanceof WatchIdleError) return 0;
      // It had gone well: a load balancer that cuts connections every minute must not make the pods old.
      if (
        error.problem === "unreachable" &&
        this.#livedMs > 0 &&
        this.#livedMs >= this.#timing.shortestWatchMs
      ) {
        return this.#timing.shortestWatchMs * Math.random();
      }
    }
    this.#fail(error);
    return Math.max(this.#timing.backoff.next(), error.retryAfterMs ?? 0);
  }

  #fail(error: ApiError): void {
    this.#failure = error;
    if (error.limit !== undefined) this.#options.metrics.limitHit(error.limit);
    this.#options.report.failed(this.#options.scope, error);
  }

  #recovered(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.report.recovered(this.#options.scope);
  }

  #restarted(reason: WatchRestartReason): void {
    this.#options.metrics.watchRestarted(reason);
  }

  #contact(): void {
    this.#contactMs = performance.now();
    this.#contactWallMs = Date.now();
  }

  async #sleep(ms: number): Promise<void> {
    if (ms <= 0) return;
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }
}
