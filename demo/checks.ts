/** What the demo's scrapes must show. Reads expositions the simple way: it knows who wrote them. */
import type { SamplePod } from "./sample-pods.ts";

export interface PodHealth {
  readonly name: string;
  readonly up: boolean;
  readonly samples: number;
  readonly reason: string | undefined;
}

const statusLine =
  /^k8s_prometheus_proxy_pod_(\w+)\{podname="([^"]*)",podip="[^"]*"(?:,reason="([^"]*)")?\} (\S+)$/gm;

/** The per-pod health that a merged answer carries. */
export function podHealth(merged: string): PodHealth[] {
  const status = [...merged.matchAll(statusLine)].map(([, family, name, reason, value]) => ({
    family,
    name: name!,
    reason,
    value: Number(value),
  }));
  return status
    .filter(({ family }) => family === "up")
    .map(({ name, value }) => ({
      name,
      up: value === 1,
      samples: status.find((other) => other.family === "scrape_samples" && other.name === name)?.value ?? 0,
      reason: status.find((other) => other.family === "scrape_failure" && other.name === name)?.reason,
    }));
}

/** What is wrong with the merged answer: nothing, or a sentence each. */
export function checkMerged(merged: string, pods: readonly SamplePod[]): string[] {
  const problems: string[] = [];
  const health = new Map(podHealth(merged).map((pod) => [pod.name, pod]));
  for (const { name, fails } of pods) {
    const is = health.get(name);
    const samples = merged
      .split("\n")
      .filter((line) => line.includes(`{podname="${name}",`) && !line.startsWith("k8s_"));
    if (is === undefined) problems.push(`${name} has no health`);
    else if (fails === undefined && !is.up)
      problems.push(`${name} is down (${is.reason}), but it is healthy`);
    else if (fails === undefined && samples.length !== is.samples) {
      problems.push(`${name} has ${samples.length} samples instead of ${is.samples}`);
    } else if (fails !== undefined && (is.up || is.reason !== fails || samples.length > 0)) {
      const state = is.up ? "up" : `down (${is.reason})`;
      problems.push(`${name} is ${state} with ${samples.length} samples instead of down (${fails})`);
    }
  }
  const types = merged.split("\n").filter((line) => line.startsWith("# TYPE "));
  if (new Set(types).size !== types.length) problems.push("a family has more than one TYPE line");
  return problems;
}

/** What is wrong with the answer of one pod. */
export function checkPassedThrough(body: string): string[] {
  const problems: string[] = [];
  if (!/^sample_app_scrapes_total [1-9]/m.test(body)) problems.push("the pod's own metrics are missing");
  if (/podname=/.test(body)) problems.push("labels were added to the answer of one pod");
  return problems;
}

interface ListedTarget {
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The targets in an answer of /sd. */
export function readTargets(answer: string): readonly ListedTarget[] {
  const groups = JSON.parse(answer) as { targets: string[]; labels: Record<string, string> }[];
  return groups.flatMap(({ targets, labels }) => targets.map((address) => ({ address, labels })));
}

/** What is wrong with the list of targets. */
export function checkTargets(answer: string, pods: readonly SamplePod[]): string[] {
  const listed = readTargets(answer).map(({ labels }) => labels["instance"]);
  const wanted = pods.map(({ name, port }) => `${name}:${port}`);
  return [
    ...wanted.filter((name) => !listed.includes(name)).map((name) => `${name} is not listed as a target`),
    ...listed.filter((name) => !wanted.includes(name!)).map((name) => `${name} is listed, but is no pod`),
  ];
}
