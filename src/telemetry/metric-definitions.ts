// The proxy's own metrics: name, type, labels and meaning of each. `createMetrics` and docs/metrics.md are
// both made from this table. Label values are closed lists here, so that no request can add a series.
import { failureReasons } from "./failure-reason.ts";

export const metricPrefix = "k8s_prometheus_proxy_";

/** The ways into the proxy; a path that matches no route counts as `other`. */
export const routes = ["mproxy", "kubesd", "sd", "root", "other"] as const;
export type Route = (typeof routes)[number];

/**
 * The statuses that the proxy itself sends, and 499 for an answer that did not get to its end. `/kubesd` passes a pod's
 * status on, so any other number counts as `other`.
 */
export const statusCodes: readonly number[] = [
  200, 304, 400, 401, 403, 404, 405, 429, 499, 500, 502, 503, 504,
];

/** Outcomes of asking one pod: in the answer, or the reason why not. */
export const podScrapeOutcomes = ["up", ...failureReasons] as const;
export type PodScrapeOutcome = (typeof podScrapeOutcomes)[number];

/** The limits that can be hit, most of them named after the variable that sets them. */
export const limits = [
  "max_concurrent_scrapes",
  "max_concurrent_kubesd",
  "max_connections",
  "max_connections_per_scrape",
  "max_body_size",
  "max_samples_per_pod",
  "max_response_size",
  "max_buffered_bytes",
  "max_scrape_timeout",
  "path_length",
  "query_length",
  "upstream_ports",
  "selector_length",
  "request_namespaces",
  "family_filter",
  "pipelined_requests",
  "header_size",
  "client_connections",
  "client_stall",
  "client_handshake",
  "pods_file_size",
  "watched_namespaces",
  "api_response_size",
  "api_event_size",
  "api_pods",
  "upstream_file_size",
  "bearer_tokens_file_size",
  "authentication_reviews",
  "authentication_cache",
  "request_rate",
] as const;
export type Limit = (typeof limits)[number];

/**
 * Why a watch of pods ended: `closed` by the server, as it does every few minutes; `idle` (silent for 90 s), `unreachable`
 * (the connection broke), `expired` (410: the pods are listed again), `regressed` (the server went back in time), `refused`
 * (any other status), `malformed`.
 */
export const watchRestartReasons = [
  "closed",
  "idle",
  "unreachable",
  "expired",
  "regressed",
  "refused",
  "malformed",
] as const;
export type WatchRestartReason = (typeof watchRestartReasons)[number];

/** Why a client of HTTPS was refused: it showed no certificate, one that could not be verified, or one for other names. */
export const clientRefusals = ["missing", "unverified", "name"] as const;
export type ClientRefusal = (typeof clientRefusals)[number];

/**
 * Why `/sd` does not list a pod that matches, or one of its ports: it has no such port, an annotation of it cannot be used, or
 * PORT_WHITELIST, METRICS_PATH_WHITELIST, CIDR_WHITELIST (or NAMESPACE_WHITELIST, for an address that others share) does not allow it.
 */
export const sdSkipReasons = [
  "no_port",
  "bad_annotation",
  "port_not_allowed",
  "path_not_allowed",
  "address_not_allowed",
] as const;
export type SdSkipReason = (typeof sdSkipReasons)[number];

/**
 * Why a caller was refused: without credentials, with some of a kind that is not taken, with wrong ones, without permission for
 * the namespace; or because nobody could tell: too many were being verified (`busy`), or the API server gave no review
 * (`unavailable`).
 */
export const authenticationFailures = [
  "no_credentials",
  "unusable_credentials",
  "wrong_credentials",
  "not_permitted",
  "busy",
  "unavailable",
] as const;
export type AuthenticationFailure = (typeof authenticationFailures)[number];

/** Namespaces with a series of their own in `pods`; the pods of the others are added up under `other`. */
export const maxNamespaceSeries = 100;

/** Seconds. Scrapes end between a few milliseconds and MAX_SCRAPE_TIMEOUT, two minutes by default. */
export const durationBuckets: readonly number[] = [
  0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120,
];

export interface MetricDefinition {
  /** Without the prefix. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly labels: readonly string[];
  readonly help: string;
}

export const metricDefinitions = {
  scrapes: {
    name: "scrapes_total",
    type: "counter",
    labels: ["route", "code"],
    help: "Requests answered, by route and status code. A status that only a pod sends counts as other.",
  },
  scrapeDuration: {
    name: "scrape_duration_seconds",
    type: "histogram",
    labels: ["route"],
    help: "Time from a request's arrival to the end of its answer.",
  },
  podScrapes: {
    name: "pod_scrapes_total",
    type: "counter",
    labels: ["outcome"],
    help: "Pods asked for their metrics, by outcome: up, or the reason why the pod is missing from the answer.",
  },
  podScrapeBytes: {
    name: "pod_scrape_bytes_total",
    type: "counter",
    labels: [],
    help: "Bytes of metrics read from pods, after decompression.",
  },
  scrapesInFlight: {
    name: "scrapes_in_flight",
    type: "gauge",
    labels: [],
    help: "Requests to /mproxy, /kubesd and /sd being answered now.",
  },
  connectionsOpen: {
    name: "connections_open",
    type: "gauge",
    labels: [],
    help: "Connections to pods open now, idle ones included.",
  },
  bufferedBytes: {
    name: "buffered_bytes",
    type: "gauge",
    labels: [],
    help: "Bytes of pod metrics and lists of targets held in memory for all answers together; MAX_BUFFERED_BYTES limits them.",
  },
  limitHits: {
    name: "limit_hits_total",
    type: "counter",
    labels: ["limit"],
    help: "Times that a limit refused, cut short or delayed something, by limit.",
  },
  pods: {
    name: "pods",
    type: "gauge",
    labels: ["namespace"],
    help: "Pods known now, by namespace. From the 101st namespace on, pods are counted under other.",
  },
  podListAge: {
    name: "pod_list_age_seconds",
    type: "gauge",
    labels: [],
    help:
      "How old the list of pods is, in the namespace where it is oldest; 0 while the API server keeps it current. Absent " +
      "before the first list.",
  },
  podListLastContact: {
    name: "pod_list_last_contact_timestamp_seconds",
    type: "gauge",
    labels: [],
    help:
      "Unix time at which the source of pods last answered, in the namespace where that is longest ago. Absent before it " +
      "ever did.",
  },
  watchRestarts: {
    name: "watch_restarts_total",
    type: "counter",
    labels: ["reason"],
    help: "Watches of pods that ended and were opened again, by reason. Only closed is part of ordinary operation.",
  },
  listRequests: {
    name: "list_requests_total",
    type: "counter",
    labels: [],
    help: "Lists of pods asked of the API server; each page of up to 500 pods counts.",
  },
  sdTargetsSkipped: {
    name: "sd_targets_skipped",
    type: "gauge",
    labels: ["reason"],
    help: "Pods, or ports of pods, that match the last request to /sd but are not listed, by reason.",
  },
  authenticationFailures: {
    name: "authentication_failures_total",
    type: "counter",
    labels: ["reason"],
    help: "Requests refused because of who asks, by reason.",
  },
  typeConflicts: {
    name: "type_conflicts_total",
    type: "counter",
    labels: [],
    help: "Metric families of merged answers that lost their TYPE, because pods disagree on it or samples do not fit it.",
  },
  certificateExpiry: {
    name: "certificate_expiry_timestamp_seconds",
    type: "gauge",
    labels: [],
    help: "Unix time at which the certificate that is served, or one of its chain, expires first. Absent without HTTPS.",
  },
  certificateReloadSuccess: {
    name: "certificate_reload_success",
    type: "gauge",
    labels: [],
    help: "Whether the files of the certificate, or WEB_CONFIG_FILE with those that it names, could be used when they were last read; 0: the ones before stay in use. Absent without HTTPS and WEB_CONFIG_FILE.",
  },
  clientsRefused: {
    name: "tls_clients_refused_total",
    type: "counter",
    labels: ["reason"],
    help: "Clients of HTTPS that were refused for their certificate, by reason. See client_auth_type in WEB_CONFIG_FILE.",
  },
  buildInfo: {
    name: "build_info",
    type: "gauge",
    labels: ["version"],
    help: "Always 1; the version of the proxy is the label.",
  },
} as const satisfies Record<string, MetricDefinition>;
