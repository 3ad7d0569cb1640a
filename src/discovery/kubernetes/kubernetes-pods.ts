// Pods from the Kubernetes API: which namespaces are watched, since when and for how long. Holds no pods itself.
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { type PodLease, type PodSource, type PodSourceStatus, PodsUnknownError } from "../pod-source.ts";
import type { PodStore } from "../pod-store.ts";
import type { PodReader } from "../pod.ts";
import type { ApiClient } from "./api-client.ts";
import { clusterScope, namespaceScope, type PodScope } from "./pod-scope.ts";
import { PodWatch } from "./pod-watch.ts";
import { describeUnknown } from "./unknown-pods.ts";
import { WatchLog } from "./watch-log.ts";
import type { WatchTiming } from "./watch-timing.ts";

export interface KubernetesPodsOptions {
  readonly client: Pick<ApiClient, "getJson" | "openStream" | "redact">;
  readonly store: PodStore;
  readonly readPod: PodReader;
  readonly metrics: Pick<Metrics, "listRequested" | "limitHit" | "watchRestarted">;
  readonly logger: Pick<Logger, "debug" | "info" | "warn">;
  /** Watched from the start to the end: namespaces, or `*` for the cluster. Empty: each namespace from its first use on. */
  readonly namespaces: readonly string[] | "*";
  /** MAX_POD_LIST_AGE. */
  readonly maxAgeMs: number;
  /** Called at the end, when nothing uses the client any more. */
  readonly closeClient?: () => Promise<void>;
  readonly timing?: Partial<WatchTiming>;
  /** Monotonic milliseconds: for how long a namespace has not been used. */
  readonly now?: () => number;
}

/** Of namespaces that are watched because somebody asked for them. */
const maxNamespacesOnDemand = 100;
const idleNamespaceMs = 15 * 60_000;
const sweepMs = 60_000;
const rateWindowMs = 60_000;
const maxOpenedInWindow = 200;

interface Entry {
  readonly scope: PodScope;
  readonly watch: PodWatch;
  leases: number;
  lastUseMs: number;
}

export class KubernetesPods implements PodSource {
  readonly #options: KubernetesPodsOptions;
  readonly #now: () => number;
  readonly #log: WatchLog;
  readonly #onDemand: boolean;
  /** By namespace, "*" for the cluster; on demand in the order of use, the latest last. */
  readonly #entries = new Map<string, Entry>();
  #sweeper: NodeJS.Timeout | undefined;
  /** When namespaces were taken up within the last minute. */
  #openedMs: number[] = [];

  constructor(options: KubernetesPodsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#log = new WatchLog(options.logger, { redact: (text) => options.client.redact(text) });
    this.#onDemand = options.namespaces.length === 0;
  }

  /** Does not wait for the API server: a program that starts during an outage must be there when it ends. */
  start(): Promise<void> {
    const { namespaces } = this.#options;
    if (namespaces === "*") this.#open(clusterScope);
    else for (const namespace of namespaces) this.#open(namespaceScope(namespace));
    if (this.#onDemand) this.#sweeper = setInterval(() => this.forgetIdle(), sweepMs).unref();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    const stopped = [...this.#entries.values()].map(({ watch }) => watch.stop());
    // At once: a handshake that hangs knows nothing of the end.
    await Promise.all([...stopped, this.#options.closeClient?.()]);
  }

  async hold(
    namespace: string | undefined,
    { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
  ): Promise<PodLease> {
    const entries = this.#entriesFor(namespace);
    for (const entry of entries) this.#use(entry);
    const release = () => {
      for (const entry of entries) entry.leases--;
    };
    try {
      await unlessAborted(Promise.all(entries.map(({ watch }) => watch.known({ timeoutMs }))), signal);
    } catch (error) {
      release();
      throw error;
    }
    return { release };
  }

  get status(): PodSourceStatus {
    const watches = [...this.#entries.values()];
    const waiting = this.#onDemand ? undefined : watches.find(({ watch }) => !watch.synced);
    const ages = watches.map(({ watch }) => watch.ageMs).filter((age) => age !== undefined);
    const contacts = watches
      .map(({ watch }) => watch.lastContactMs)
      .filter((contact) => contact !== undefined);
    return {
      notReady: waiting === undefined ? undefined : describeUnknown(waiting.scope, waiting.watch.failure),
      ageMs: ages.length === 0 ? undefined : Math.max(...ages),
      lastContactMs: contacts.length === 0 ? undefined : Math.min(...contacts),
    };
  }

  /** Forgets the namespaces that nobody has asked for since 15 minutes. */
  forgetIdle(): void {
    for (const entry of this.#entries.values()) {
      if (entry.leases === 0 && this.#now() - entry.lastUseMs >= idleNamespaceMs) this.#forget(entry);
    }
  }

  #entriesFor(namespace: string | undefined): readonly Entry[] {
    if (namespace === undefined) return this.#onDemand ? [] : [...this.#entries.values()];
    const entry = this.#entries.get(clusterScope.name) ?? this.#entries.get(namespace);
    if (entry !== undefined) return [entry];
    if (!this.#onDemand) {
      throw new PodsUnknownError(`Cannot scrape: namespace "${namespace}" is not watched (WATCH_NAMESPACES)`);
    }
    this.#limitRate();
    this.#makeRoom();
    this.#openedMs.push(this.#now());
    return [this.#open(namespaceScope(namespace))];
  }

  #use(entry: Entry): void {
    entry.leases++;
    entry.lastUseMs = this.#now();
    this.#entries.delete(entry.scope.name);
    this.#entries.set(entry.scope.name, entry);
  }

  #open(scope: PodScope): Entry {
    const { client, store, readPod, metrics, maxAgeMs, timing = {} } = this.#options;
    const report = this.#log;
    const watch = new PodWatch({ scope, client, store, readPod, metrics, maxAgeMs, timing, report });
    const entry: Entry = { scope, watch, leases: 0, lastUseMs: this.#now() };
    this.#entries.set(scope.name, entry);
    watch.start();
    return entry;
  }

  /** Each new namespace costs the API server a list and a watch, whether it exists or not. */
  #limitRate(): void {
    const nowMs = this.#now();
    this.#openedMs = this.#openedMs.filter((openedMs) => nowMs - openedMs < rateWindowMs);
    if (this.#openedMs.length >= maxOpenedInWindow) {
      this.#options.metrics.limitHit("watched_namespaces");
      throw new PodsUnknownError(
        `Cannot scrape: ${maxOpenedInWindow} namespaces have been asked for the first time within a minute, and no more are taken`,
      );
    }
  }

  /**
   * The least recently used goes, but one without pods first: whoever asks for namespaces that do not exist must not drive
   * out those that others scrape. Throws a PodsUnknownError when all of them are being scraped at this moment.
   */
  #makeRoom(): void {
    if (this.#entries.size < maxNamespacesOnDemand) return;
    this.#options.metrics.limitHit("watched_namespaces");
    const unused = [...this.#entries.values()].filter(({ leases }) => leases === 0);
    const { store } = this.#options;
    const isEmpty = ({ scope, watch }: Entry) =>
      // One whose first list is on its way is not known to be empty.
      (watch.synced || watch.failure !== undefined) && store.countIn(scope.name) === 0;
    const victim = unused.find(isEmpty) ?? unused[0];
    if (victim === undefined) {
      throw new PodsUnknownError(
        `Cannot scrape: ${maxNamespacesOnDemand} other namespaces are being scraped, and no more are watched at a time`,
      );
    }
    this.#forget(victim);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.scope.name);
    entry.watch.forget();
    this.#log.forgotten(entry.scope);
  }
}

/** Rejects with the signal's reason as soon as it is aborted; what was waited for goes on. */
async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort);
  if (signal.aborted) onAbort();
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
    work.catch(() => undefined);
  }
}
