/**
 * The families that tell the health of each pod of a scrape. Written as an exposition of its own, which is then
 * merged like a pod's body: so they are valid, and first in their families, by the same code as everything else.
 */
import type { ExpositionFormat } from "./format.ts";
import { formatLabel, type Label } from "./label.ts";

const prefix = "k8s_prometheus_proxy_pod";

/** Also those that only stand in an answer where pods failed. */
export const podStatusFamilies: readonly string[] = [
  `${prefix}_up`,
  `${prefix}_scrape_duration_seconds`,
  `${prefix}_scrape_samples`,
  `${prefix}_scrape_failure`,
];

export interface PodStatus {
  /** The labels that the pod's samples get. */
  readonly labels: readonly Label[];
  readonly up: boolean;
  readonly durationSeconds: number;
  /** Samples taken over from the pod; 0 when it is down. */
  readonly samples: number;
  /** Why the pod is not up. */
  readonly reason?: string | undefined;
}

/** One sample a pod in each family; the failure family only has the pods that failed. */
export function renderPodStatus(pods: readonly PodStatus[], format: ExpositionFormat): Buffer {
  const gauge = (name: string, help: string, samples: string[]) =>
    samples.length === 0
      ? []
      : [`# HELP ${prefix}_${name} ${help}`, `# TYPE ${prefix}_${name} gauge`, ...samples];
  const sample = (name: string, { labels }: PodStatus, value: number, extra: Label[] = []) =>
    `${prefix}_${name}{${[...labels, ...extra].map(formatLabel).join(",")}} ${value}`;
  const failed = pods.filter(({ reason }) => reason !== undefined);

  const lines = [
    ...gauge(
      "up",
      "Whether the pod's metrics are part of this scrape.",
      pods.map((pod) => sample("up", pod, pod.up ? 1 : 0)),
    ),
    ...gauge(
      "scrape_duration_seconds",
      "How long the pod took to answer, or to fail.",
      pods.map((pod) => sample("scrape_duration_seconds", pod, pod.durationSeconds)),
    ),
    ...gauge(
      "scrape_samples",
      "Samples that the pod contributed.",
      pods.map((pod) => sample("scrape_samples", pod, pod.samples)),
    ),
    ...gauge(
      "scrape_failure",
      "1 for the reason why the pod's metrics are missing.",
      failed.map((pod) => sample("scrape_failure", pod, 1, [{ name: "reason", value: pod.reason! }])),
    ),
  ];
  // But for its end, such an exposition is the same in both formats.
  if (format === "openmetrics") lines.push("# EOF");
  return Buffer.from(lines.map((line) => `${line}\n`).join(""));
}
