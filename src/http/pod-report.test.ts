import { expect, test } from "vitest";

import { type Pod, readPod } from "../discovery/pod.ts";
import type { SelectedPods } from "../targets/select-pods.ts";
import type { FailureReason } from "../telemetry/failure-reason.ts";
import { PodLabels } from "./pod-labels.ts";
import {
  countReasons,
  describeFailures,
  type PodReport,
  reportPods,
  type TargetOutcome,
} from "./pod-report.ts";

const podLabels = new PodLabels({
  extra: [{ source: "container", name: "container" }],
  namespace: false,
  port: false,
  containers: [],
});

function pod(name: string, uid = name, ports: Pod["ports"] = []): Pod {
  const containers = ports.map(({ container, name, port }) => ({
    name: container,
    ports: [{ name, containerPort: port }],
  }));
  const pod = readPod({ metadata: { uid, name, namespace: "team-a" }, spec: { containers } });
  return pod as Pod;
}

const target = (of: Pod, port: number) => ({
  pod: of,
  namespace: of.namespace,
  podName: of.name,
  ip: "10.0.0.1",
  port,
  tls: false,
  path: "/metrics",
});
const up = (of: Pod, durationSeconds: number, samples: number, port = 1): TargetOutcome => ({
  target: target(of, port),
  durationSeconds,
  up: true,
  body: { samples },
});
const down = (of: Pod, durationSeconds: number, reason: FailureReason, port = 1): TargetOutcome => ({
  target: target(of, port),
  durationSeconds,
  up: false,
  reason,
  detail: `because of ${reason}`,
});
const selected = (withoutPort: Pod[] = [], portNotAllowed: Pod[] = []): SelectedPods => ({
  targets: [],
  failed: [
    ...withoutPort.map((pod) => ({ pod, reason: "no_port" as const, detail: "no port" })),
    ...portNotAllowed.map((pod) => ({ pod, reason: "not_allowed" as const, detail: "not allowed" })),
  ],
  outsideCidr: 0,
});
const summary = ({ podName, up, durationSeconds, samples, reason }: PodReport) => [
  podName,
  up,
  durationSeconds,
  samples,
  reason,
];

test("reportPods() has one report a pod, in the order of names, then uids", () => {
  const reports = reportPods(
    selected([pod("b")], [pod("d")]),
    [up(pod("c"), 1, 5), up(pod("a", "2"), 2, 6), down(pod("a", "1"), 3, "parse")],
    { addressOf: () => "10.0.0.9", podLabels },
  );
  expect(reports.map(summary)).toEqual([
    ["a", false, 3, 0, "parse"],
    ["a", true, 2, 6, undefined],
    ["b", false, 0, 0, "no_port"],
    ["c", true, 1, 5, undefined],
    ["d", false, 0, 0, "not_allowed"],
  ]);
  expect(reports[2]?.labels).toEqual([
    { name: "podname", value: "b" },
    { name: "podip", value: "10.0.0.9" },
  ]);
});

test("reportPods() combines the ports of a pod: up only when all are, samples added, the longest time, the first reason", () => {
  const one = pod("a");
  const reports = reportPods(
    selected(),
    [up(one, 1, 5, 1), down(one, 4, "timeout", 2), down(one, 2, "parse", 3), up(one, 3, 7, 4)],
    { addressOf: () => undefined, podLabels },
  );
  expect(reports.map(summary)).toEqual([["a", false, 4, 12, "timeout"]]);
});

test("reportPods() gives a pod the container of its ports, where all have the same", () => {
  const ports = [1, 2, 3].map((port) => ({
    container: port < 3 ? "web" : "mesh",
    name: "",
    port,
    protocol: "TCP",
  }));
  const pods = [pod("a", "1", ports), pod("b", "2", ports), pod("c", "3", ports)];
  const reports = reportPods(
    selected([pods[2]!]),
    [up(pods[0]!, 1, 1, 1), down(pods[0]!, 1, "parse", 2), up(pods[1]!, 1, 1, 1), up(pods[1]!, 1, 1, 3)],
    { addressOf: () => "10.0.0.1", podLabels },
  );
  expect(reports.map(({ labels }) => labels.find(({ name }) => name === "container")?.value)).toEqual([
    "web",
    undefined,
    undefined,
  ]);
});

test("countReasons() counts, the most frequent first", () => {
  const pods = ["a", "b", "c", "d"].map((name) => pod(name));
  const reports = reportPods(
    selected([], [pods[0]!]),
    [up(pods[1]!, 1, 1), down(pods[2]!, 1, "parse"), down(pods[3]!, 1, "parse")],
    { addressOf: () => "", podLabels },
  );
  expect(countReasons(reports)).toBe("parse 2, not_allowed 1");
});

test("describeFailures() names at most 20 failed pods and counts the rest", () => {
  const reports = reportPods(
    selected(),
    [up(pod("aa"), 1, 1), ...Array.from({ length: 25 }, (_, i) => down(pod(`p${10 + i}`), 1, "parse"))],
    { addressOf: () => "", podLabels },
  );
  const { named, unnamed } = describeFailures(reports);
  expect([named.length, named[0], unnamed]).toEqual([20, "p10: parse, because of parse", 5]);
});

test("describeFailures() stays short for long names", () => {
  const reports = reportPods(
    selected(),
    Array.from({ length: 10 }, (_, i) => down(pod(`${i}${"x".repeat(250)}`), 1, "connect")),
    { addressOf: () => "", podLabels },
  );
  const { named, unnamed } = describeFailures(reports);
  expect(named.join("").length).toBeLessThan(1500);
  expect(named.length + unnamed).toBe(10);
});
