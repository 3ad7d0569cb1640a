// EXTRA_LABELS: what the proxy tells of a pod on each of its samples, beside the pod's name and address.
// Never lets a name pass that means something to Prometheus or to the merge: that would damage every scrape, silently.
import * as z from "zod";
import { list } from "./list-kinds.ts";
import type { ValueKind } from "./value-kinds.ts";

/** A label of the answer, and where its value comes from. */
export type ExtraLabel =
  | { readonly source: "namespace" | "node" | "container"; readonly name: string }
  /** Of the pod's labels the one with this key. */
  | { readonly source: "label"; readonly name: string; readonly key: string };

/** Each of them is written into each sample. */
const maxExtraLabels = 32;

/** Distinct names, in the order given. */
export function extraLabelList(): ValueKind<ExtraLabel[]> {
  const { schema, ...labels } = list({
    placeholder: "label,...",
    wanted:
      "a comma separated list of namespace, node, container and label:<key>[=<name>], such as " +
      "namespace,label:app.kubernetes.io/name=app",
    item: readExtraLabel,
  });
  return { ...labels, schema: schema.superRefine(refuseRepeated) };
}

function refuseRepeated(labels: readonly ExtraLabel[], context: z.RefinementCtx): void {
  const names = new Set<string>();
  for (const [index, { name }] of labels.entries()) {
    const refuse = (message: string) => context.addIssue({ code: "custom", path: [index], message });
    if (names.has(name)) refuse(`a second label with the name ${name}`);
    if (index === maxExtraLabels) refuse(`at most ${maxExtraLabels} labels are added`);
    names.add(name);
  }
}

function readExtraLabel(text: string): { value: ExtraLabel } | { reason: string } {
  if (text === "namespace" || text === "node" || text === "container")
    return { value: { source: text, name: text } };
  const [, key, given] = /^label:([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  if (key === undefined) return { reason: "neither namespace, node nor container, nor label:<key>" };
  if (!isLabelKey(key)) return { reason: "the key is not one that a label of a pod can have" };
  // As Prometheus' own pod discovery does, from which people take labels with labelmap.
  const name = given ?? key.replaceAll(/[^a-zA-Z0-9_]/g, "_");
  const problem = findNameProblem(name);
  if (problem === undefined) return { value: { source: "label", key, name } };
  return { reason: given === undefined ? `${problem}; choose another with label:${key}=<name>` : problem };
}

/** Kubernetes' qualified name: a name, optionally after a DNS subdomain and a slash. */
function isLabelKey(text: string): boolean {
  const slash = text.indexOf("/");
  return isKeyName(text.slice(slash + 1)) && (slash === -1 || isKeyPrefix(text.slice(0, slash)));
}

function isKeyName(text: string): boolean {
  return text.length <= 63 && /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(text);
}

function isKeyPrefix(text: string): boolean {
  const part = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
  return text.length <= 253 && new RegExp(`^${part}(?:\\.${part})*$`).test(text);
}

const takenNames: Readonly<Record<string, string>> = {
  podname: "the proxy adds podname anyway",
  podip: "the proxy adds podip anyway",
  namespace: "namespace is the pod's namespace, for which there is the entry namespace",
  port: "port tells the ports of a pod apart",
  reason: "reason tells why a pod failed",
  job: "Prometheus sets job itself",
  instance: "Prometheus sets instance itself",
  le: "le tells the buckets of a histogram apart",
  quantile: "quantile tells the quantiles of a summary apart",
};

function findNameProblem(name: string): string | undefined {
  if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name))
    return "a label name has letters, digits and _, and does not begin with a digit";
  if (name.startsWith("__")) return "names that begin with __ are kept for Prometheus itself";
  return Object.hasOwn(takenNames, name) ? takenNames[name] : undefined;
}
