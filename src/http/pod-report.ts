// What became of each pod of a merge: one entry a pod, also where several of its ports were scraped and where none could be.
// Pure: feeds the status families, the log line and the text of a scrape in which nothing worked.
import type { PodStatus } from "../exposition/pod-status.ts";
import type { Pod } from "../discovery/pod.ts";
import type { SelectedPods } from "../targets/select-pods.ts";
import { compareText } from "../targets/compare-text.ts";
import type { Target } from "../targets/target.ts";
import type { FailureReason } from "../telemetry/failure-reason.ts";
import type { PodLabels } from "./pod-labels.ts";

/** Part of a PodOutcome of the scraper. */
export type TargetOutcome = { readonly target: Target; readonly durationSeconds: number } & (
  | { readonly up: true; readonly body: { readonly samples: number } }
  | { readonly up: false; readonly reason: FailureReason; readonly detail: string }
);

export interface PodReport extends PodStatus {
  readonly podName: string;
  /** Of the port that failed first in the order of the request. */
  readonly reason: FailureReason | undefined;
  readonly detail: string;
}

/**
 * One report a pod, by name, then uid. With several ports, a pod is up when every port was; its samples are added up, its
 * duration is the longest. `addressOf` gives the address of pods without a target.
 */
export function reportPods(
  selected: SelectedPods,
  outcomes: readonly TargetOutcome[],
  { addressOf, podLabels }: { addressOf: (pod: Pod) => string | undefined; podLabels: PodLabels },
): readonly PodReport[] {
  const reports: (PodReport & { readonly uid: string })[] = [];
  for (const [pod, ofPod] of Map.groupBy(outcomes, ({ target }) => target.pod!)) {
    reports.push({ uid: pod.uid, ...combine(ofPod, podLabels) });
  }
  for (const { pod, reason, detail } of selected.failed) {
    const labels = podLabels.ofPod(pod, addressOf(pod) ?? "", []);
    const { uid, name: podName } = pod;
    reports.push({ uid, podName, labels, up: false, durationSeconds: 0, samples: 0, reason, detail });
  }
  return reports.sort((a, b) => compareText(a.podName, b.podName) || compareText(a.uid, b.uid));
}

/** `outcomes` of one pod; at least one. */
function combine(outcomes: readonly TargetOutcome[], podLabels: PodLabels): PodReport {
  const { target } = outcomes[0]!;
  const failed = outcomes.find((outcome) => !outcome.up);
  return {
    podName: target.podName,
    labels: podLabels.ofPod(
      target.pod!,
      target.ip,
      outcomes.map(({ target: { port } }) => port),
    ),
    up: failed === undefined,
    durationSeconds: Math.max(...outcomes.map(({ durationSeconds }) => durationSeconds)),
    samples: outcomes.reduce((sum, outcome) => sum + (outcome.up ? outcome.body.samples : 0), 0),
    reason: failed?.reason,
    detail: failed?.detail ?? "",
  };
}

/** How often each reason occurs, the most frequent first: `timeout 3, parse 1`. */
export function countReasons(reports: readonly PodReport[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of reports) {
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(", ");
}

// One log line stays below 2 KiB, whatever pods are called and however many there are.
const maxNamedPods = 20;
const maxNamesLength = 1500;

/** The failed pods for one log line: the first ones by name with reason and detail, the rest as a number. */
export function describeFailures(reports: readonly PodReport[]): { named: string[]; unnamed: number } {
  const failed = reports.filter(({ up }) => !up);
  const named: string[] = [];
  let length = 0;
  for (const { podName, reason, detail } of failed.slice(0, maxNamedPods)) {
    const text = `${podName}: ${reason}, ${detail}`;
    length += text.length;
    if (length > maxNamesLength) break;
    named.push(text);
  }
  return { named, unnamed: failed.length - named.length };
}
