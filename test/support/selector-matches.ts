// What a label selector says of a pod with these labels, put together as those that look pods up do it.
import { type Pod, readPod } from "../../src/discovery/pod.ts";
import type { LabelSelector } from "../../src/targets/label-selector.ts";

export function selectorMatches(selector: LabelSelector, labels: ReadonlyMap<string, string>): boolean {
  const metadata = { uid: "1", namespace: "a", name: "b", labels: Object.fromEntries(labels) };
  const pod = readPod({ metadata }) as Pod;
  return (
    selector.terms.every(({ property, values }) =>
      property.valuesOf(pod).some((value) => values.has(value)),
    ) && selector.restMatches(pod.labels)
  );
}
