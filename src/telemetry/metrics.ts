// The proxy's own metrics behind typed methods: callers cannot invent a label value, so the number of series
// is bounded whatever is sent to the proxy. Must never use the client library's global registry.
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "@prometheus-io/client";
import {
  type AuthenticationFailure,
  authenticationFailures,
  type ClientRefusal,
  clientRefusals,
  durationBuckets,
  type Limit,
  limits,
  maxNamespaceSeries,
  metricDefinitions,
  metricPrefix,
  type PodScrapeOutcome,
  podScrapeOutcomes,
  type Route,
  type SdSkipReason,
  sdSkipReasons,
  statusCodes,
  type WatchRestartReason,
  watchRestartReasons,
} from "./metric-definitions.ts";

/** What is read whenever the metrics are rendered. A value that is not known yet (`undefined`) leaves no sample. */
export interface MetricSources {
  readonly scrapesInFlight: () => number;
  readonly connectionsOpen: () => number;
  readonly bufferedBytes: () => number;
  readonly podListAgeSeconds: () => number | undefined;
  readonly podListLastContactTimestampSeconds: () => number | undefined;
  readonly certificateExpiryTimestampSeconds: () => number | undefined;
  /** 1 or 0. */
  readonly certificateReloadSuccess: () => number | undefined;
}

export interface Metrics {
  /** Counts one answered request. `seconds` is the time from its arrival to the end of its answer. */
  scrapeFinished(route: Route, code: number, seconds: number): void;
  /** Counts one pod of a scrape. `bytes` is what was read from it, decompressed. */
  podScraped(outcome: PodScrapeOutcome, bytes: number): void;
  limitHit(limit: Limit): void;
  /** Counts a client of HTTPS that its certificate kept out. */
  clientRefused(reason: ClientRefusal): void;
  /** Counts a watch of pods that ended. */
  watchRestarted(reason: WatchRestartReason): void;
  /** Counts one page of a list of pods asked of the API server. */
  listRequested(): void;
  /** Counts a request that was refused because of who asks. */
  authenticationFailed(reason: AuthenticationFailure): void;
  /** Counts the families of one answer on whose TYPE pods disagreed. */
  typeConflicts(families: number): void;
  /** Replaces the counts of what an answer of /sd leaves out. */
  setSdTargetsSkipped(countByReason: ReadonlyMap<SdSkipReason, number>): void;
  /**
   * Replaces the pods known per namespace. The first 100 namespaces by name have their own series, the others
   * (and one that is itself called `other`) share `other`.
   */
  setPods(countByNamespace: ReadonlyMap<string, number>): void;
  /** Registers the sources of the gauges. Throws when called a second time. */
  observe(sources: MetricSources): void;
  /** Text exposition 0.0.4 of everything above and of Node's process metrics. Rejects when a source throws. */
  render(): Promise<{ contentType: string; body: string }>;
}

/** Own metrics on a registry of their own, with every known counter present at 0 so that `rate()` sees its first step. */
export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry();
  let sources: MetricSources | undefined;

  const scrapes = new Counter(describe("scrapes"));
  const scrapeDuration = new Histogram({ ...describe("scrapeDuration"), buckets: [...durationBuckets] });
  const podScrapes = new Counter(describe("podScrapes"));
  const podScrapeBytes = new Counter(describe("podScrapeBytes"));
  createSourceGauge("scrapesInFlight", () => sources?.scrapesInFlight());
  createSourceGauge("connectionsOpen", () => sources?.connectionsOpen());
  createSourceGauge("bufferedBytes", () => sources?.bufferedBytes());
  const limitHits = new Counter(describe("limitHits"));
  const pods = new Gauge(describe("pods"));
  createSourceGauge("podListAge", () => sources?.podListAgeSeconds());
  createSourceGauge("podListLastContact", () => sources?.podListLastContactTimestampSeconds());
  const watchRestarts = new Counter(describe("watchRestarts"));
  const listRequests = new Counter(describe("listRequests"));
  createSourceGauge("certificateExpiry", () => sources?.certificateExpiryTimestampSeconds());
  createSourceGauge("certificateReloadSuccess", () => sources?.certificateReloadSuccess());
  const clientsRefused = new Counter(describe("clientsRefused"));
  const sdTargetsSkipped = new Gauge(describe("sdTargetsSkipped"));
  const callerFailures = new Counter(describe("authenticationFailures"));
  const typeConflictFamilies = new Counter(describe("typeConflicts"));
  new Gauge(describe("buildInfo")).set({ version }, 1);

  for (const outcome of podScrapeOutcomes) podScrapes.inc({ outcome }, 0);
  for (const limit of limits) limitHits.inc({ limit }, 0);
  for (const reason of clientRefusals) clientsRefused.inc({ reason }, 0);
  for (const reason of watchRestartReasons) watchRestarts.inc({ reason }, 0);
  for (const reason of authenticationFailures) callerFailures.inc({ reason }, 0);
  collectDefaultMetrics({ register: registry });
  dropUnboundedProcessMetrics(registry);

  return {
    scrapeFinished(route, code, seconds) {
      scrapes.inc({ route, code: statusCodes.includes(code) ? String(code) : "other" });
      scrapeDuration.observe({ route }, seconds);
    },
    podScraped(outcome, bytes) {
      podScrapes.inc({ outcome });
      podScrapeBytes.inc(bytes);
    },
    limitHit(limit) {
      limitHits.inc({ limit });
    },
    clientRefused(reason) {
      clientsRefused.inc({ reason });
    },
    watchRestarted(reason) {
      watchRestarts.inc({ reason });
    },
    listRequested() {
      listRequests.inc();
    },
    authenticationFailed(reason) {
      callerFailures.inc({ reason });
    },
    typeConflicts(families) {
      typeConflictFamilies.inc(families);
    },
    setSdTargetsSkipped(countByReason) {
      for (const reason of sdSkipReasons) sdTargetsSkipped.set({ reason }, countByReason.get(reason) ?? 0);
    },
    setPods(countByNamespace) {
      pods.reset();
      for (const [namespace, count] of boundNamespaces(countByNamespace)) pods.set({ namespace }, count);
    },
    observe(given) {
      if (sources !== undefined)
        throw new Error("Cannot observe metric sources: they are already registered");
      sources = given;
    },
    async render() {
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };

  function describe<K extends keyof typeof metricDefinitions>(key: K) {
    type Label = (typeof metricDefinitions)[K]["labels"][number];
    const { name, help, labels } = metricDefinitions[key];
    return { name: metricPrefix + name, help, labelNames: labels as readonly Label[], registers: [registry] };
  }

  function createSourceGauge(key: keyof typeof metricDefinitions, read: () => number | undefined): Gauge {
    return new Gauge({
      ...describe(key),
      labelNames: [],
      collect() {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  }
}

function boundNamespaces(countByNamespace: ReadonlyMap<string, number>): Map<string, number> {
  const bounded = new Map<string, number>();
  let others: number | undefined;
  for (const [namespace, count] of [...countByNamespace].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (bounded.size < maxNamespaceSeries && namespace !== "other") bounded.set(namespace, count);
    else others = (others ?? 0) + count;
  }
  if (others !== undefined) bounded.set("other", others);
  return bounded;
}

/** These have one series per kind of handle that the runtime or a library invents; their `_total` twins stay. */
function dropUnboundedProcessMetrics(registry: Registry): void {
  for (const name of ["nodejs_active_handles", "nodejs_active_requests", "nodejs_active_resources"]) {
    registry.removeSingleMetric(name);
  }
}
