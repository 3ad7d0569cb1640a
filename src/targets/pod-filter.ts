// Which pods a request is about: the parameters that `/sd` and `/mproxy` have in common, and how they find pods.
// Never scans the pods that do not match: what can be looked up is.
import type { PodProperty, PodTerm } from "../discovery/namespace-pods.ts";
import type { PodStore } from "../discovery/pod-store.ts";
import type { Pod } from "../discovery/pod.ts";
import { isDnsLabel } from "./dns-name.ts";
import { type LabelSelector, parseLabelSelector } from "./label-selector.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";
import { isRunning } from "./pod-phase.ts";
import { parseFlag } from "./scheme.ts";
import { wantsScrape } from "./scrape-annotations.ts";
import { splitList } from "./split-list.ts";
import { parseWorkload, workloadProperty } from "./workload.ts";

/** Everything must hold. */
export interface PodFilter {
  readonly selector: LabelSelector | undefined;
  /** From parseWorkload(): one of them. Empty: any. */
  readonly workloads: readonly string[];
  /** The pod has one of them, and only their ports are meant. Empty: any. */
  readonly containers: readonly string[];
  readonly readyOnly: boolean;
  /** Only pods with the annotation `prometheus.io/scrape: "true"`. */
  readonly annotatedOnly: boolean;
}

/** For takeReserved(). */
export const podFilterParameters = {
  selector: "once",
  workload: "many",
  container: "many",
  ready: "once",
  annotated: "once",
} as const;

interface FilterValues {
  readonly selector: string | undefined;
  readonly workload: readonly string[];
  readonly container: readonly string[];
  readonly ready: string | undefined;
  readonly annotated: string | undefined;
}

/** Throws MalformedRequestError. */
export function parsePodFilter(values: FilterValues): PodFilter {
  return {
    selector: values.selector === undefined ? undefined : parseLabelSelector(values.selector),
    workloads: splitList(values.workload).map((text) => parseWorkload(text)),
    containers: splitList(values.container).map((text) => parseContainer(text)),
    readyOnly: parseFlag("ready", values.ready),
    annotatedOnly: parseFlag("annotated", values.annotated),
  };
}

/** Whether it says which pods are meant, so that their names need not. */
export function saysWhichPods({
  selector,
  workloads,
  annotatedOnly,
}: {
  selector: unknown;
  workloads: readonly string[];
  annotatedOnly: boolean;
}): boolean {
  return selector !== undefined || workloads.length > 0 || annotatedOnly;
}

/** Whether it may leave out any pod at all. */
export function isNarrow(filter: PodFilter): boolean {
  return saysWhichPods(filter) || filter.containers.length > 0 || filter.readyOnly;
}

/** The running pods with an address, by name, then uid. */
export function findPods(
  pods: Pick<PodStore, "find">,
  { namespace, prefix, filter }: { namespace: string; prefix: string; filter: PodFilter },
): readonly Pod[] {
  const { selector, readyOnly } = filter;
  return pods
    .find(namespace, { prefix, terms: termsOf(filter) })
    .filter(
      (pod) =>
        isRunning(pod) &&
        pod.ips.length > 0 &&
        (!readyOnly || pod.readiness === "True") &&
        (selector === undefined || selector.restMatches(pod.labels)),
    );
}

function termsOf({ selector, workloads, containers, annotatedOnly }: PodFilter): readonly PodTerm[] {
  const terms: PodTerm[] = [...(selector?.terms ?? [])];
  if (workloads.length > 0) terms.push({ property: workloadProperty, values: new Set(workloads) });
  if (containers.length > 0) terms.push({ property: containerProperty, values: new Set(containers) });
  if (annotatedOnly) terms.push({ property: annotatedProperty, values: new Set(["true"]) });
  return terms;
}

const containerProperty: PodProperty = {
  id: "container",
  valuesOf: ({ containers }) => containers.map(({ name }) => name),
};

const annotatedProperty: PodProperty = {
  id: "annotated",
  valuesOf: (pod) => (wantsScrape(pod) ? ["true"] : []),
};

function parseContainer(text: string): string {
  if (isDnsLabel(text)) return text;
  throw new MalformedRequestError(
    "container",
    `Cannot read container ${quote(text)}: not a name that a container can have`,
  );
}
