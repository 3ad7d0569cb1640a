import { expect, test } from "vitest";
import { BodyParser } from "./body-parser.ts";
import type { ExpositionFormat } from "./format.ts";
import { type PodStatus, renderPodStatus } from "./pod-status.ts";

const pod = (podname: string, more: Partial<PodStatus>): PodStatus => ({
  labels: [
    { name: "podname", value: podname },
    { name: "podip", value: "10.0.0.1" },
  ],
  up: true,
  durationSeconds: 0.25,
  samples: 7,
  ...more,
});

const parse = (body: Buffer, format: ExpositionFormat = "text") => {
  const parser = new BodyParser({ format, maxSamples: 1000, reservedLabels: [], utf8Names: true });
  parser.push(body);
  return parser.finish();
};

test("renderPodStatus() writes a sample of each family for each pod, and the reason of each failure", () => {
  const body = renderPodStatus(
    [pod("a", {}), pod("b", { up: false, durationSeconds: 10, samples: 0, reason: "timeout" })],
    "text",
  );
  expect(body.toString()).toBe(`\
# HELP k8s_prometheus_proxy_pod_up Whether the pod's metrics are part of this scrape.
# TYPE k8s_prometheus_proxy_pod_up gauge
k8s_prometheus_proxy_pod_up{podname="a",podip="10.0.0.1"} 1
k8s_prometheus_proxy_pod_up{podname="b",podip="10.0.0.1"} 0
# HELP k8s_prometheus_proxy_pod_scrape_duration_seconds How long the pod took to answer, or to fail.
# TYPE k8s_prometheus_proxy_pod_scrape_duration_seconds gauge
k8s_prometheus_proxy_pod_scrape_duration_seconds{podname="a",podip="10.0.0.1"} 0.25
k8s_prometheus_proxy_pod_scrape_duration_seconds{podname="b",podip="10.0.0.1"} 10
# HELP k8s_prometheus_proxy_pod_scrape_samples Samples that the pod contributed.
# TYPE k8s_prometheus_proxy_pod_scrape_samples gauge
k8s_prometheus_proxy_pod_scrape_samples{podname="a",podip="10.0.0.1"} 7
k8s_prometheus_proxy_pod_scrape_samples{podname="b",podip="10.0.0.1"} 0
# HELP k8s_prometheus_proxy_pod_scrape_failure 1 for the reason why the pod's metrics are missing.
# TYPE k8s_prometheus_proxy_pod_scrape_failure gauge
k8s_prometheus_proxy_pod_scrape_failure{podname="b",podip="10.0.0.1",reason="timeout"} 1
`);
  expect(parse(body).samples).toBe(7);
});

test("renderPodStatus() leaves out the failures when there are none, and everything without pods", () => {
  expect(renderPodStatus([pod("a", {})], "text").toString()).not.toContain("scrape_failure");
  expect(renderPodStatus([], "text")).toHaveLength(0);
});

test("renderPodStatus() writes what parses, whatever the labels and numbers are", () => {
  const labels = [{ name: "label:a/b", value: 'x"\\\ny' }];
  const body = renderPodStatus([pod("", { labels, durationSeconds: 1e-9 }), pod("", { labels: [] })], "text");
  expect(parse(body).samples).toBe(6);
  expect(body.toString()).toContain('k8s_prometheus_proxy_pod_up{"label:a/b"="x\\"\\\\\\ny"} 1\n');
});

test("renderPodStatus() writes OpenMetrics that parses", () => {
  const pods = [pod("a", {}), pod("b", { up: false, reason: "timeout" })];
  expect(parse(renderPodStatus(pods, "openmetrics"), "openmetrics").samples).toBe(7);
  expect(parse(renderPodStatus([], "openmetrics"), "openmetrics").samples).toBe(0);
});
