// Why a pod is missing from a merged answer. One closed list serves the answer's own families
// (`k8s_prometheus_proxy_pod_scrape_failure{reason}`), the own metrics and the logs; never widen it with free text.

/** Every reason, in the order in which documentation lists them. */
export const failureReasons = [
  "timeout",
  "not_tried",
  "connect",
  "tls",
  "bad_status",
  "content_type",
  "parse",
  "too_large",
  "too_many_samples",
  "truncated",
  "no_port",
  "not_allowed",
  "gone",
] as const;

export type FailureReason = (typeof failureReasons)[number];
