// Compares what two ways of discovery tell of the same pods: labels of targets as Prometheus lists them, against pods as the API server
// has them. Finds differences only; whether there was enough to compare is for the test to ask.

export type Labels = Readonly<Record<string, string>>;

/** The fields of a pod by which targets are judged. */
export interface StoredPod {
  readonly metadata: {
    readonly uid: string;
    readonly name: string;
    readonly labels?: Labels;
    readonly annotations?: Labels;
  };
  readonly spec: { readonly containers: readonly StoredContainer[] };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface StoredContainer {
  readonly name: string;
  readonly ports?: readonly { readonly containerPort: number; readonly protocol: string }[];
}

export interface Comparison {
  readonly differences: readonly string[];
  /** Targets that were compared: with a port that a container declares, and with one that none does. */
  readonly declared: number;
  readonly undeclared: number;
  /** Labels of all of them. */
  readonly labels: number;
}

const meta = "__meta_kubernetes_";
const container = `${meta}pod_container_`;
const portNumber = `${container}port_number`;

/** Each target of `ours` must be one of those that `theirs` has of that pod and port. */
export function compareTargets(
  pods: readonly StoredPod[],
  { ours, theirs }: { ours: readonly Labels[]; theirs: readonly Labels[] },
): Comparison {
  const differences: string[] = [];
  const count = { declared: 0, undeclared: 0, labels: 0 };
  const byUid = new Map(pods.map((pod) => [pod.metadata.uid, pod]));
  const candidates = Map.groupBy(theirs, (labels) => labels[`${meta}pod_uid`]!);
  for (const labels of ours) {
    const uid = labels[`${meta}pod_uid`]!;
    const pod = byUid.get(uid);
    const who = `${labels["instance"]} (${uid})`;
    if (pod === undefined) {
      differences.push(`${who}: the API server has no such pod`);
      continue;
    }
    const rest = withoutCollisions(pod, metaOf(labels), (problem) => differences.push(`${who}: ${problem}`));
    const others = (candidates.get(uid) ?? []).map((other) => withoutCollisions(pod, metaOf(other)));
    const isDeclared = labels[portNumber] !== undefined;
    count[isDeclared ? "declared" : "undeclared"] += 1;
    count.labels += Object.keys(rest).length;
    const comparable = isDeclared
      ? others.filter((other) => other[portNumber] === labels[portNumber])
      : others.map((other) => withoutPort(other, { keepsContainer: `${container}name` in rest }));
    if (comparable.some((other) => isEqual(rest, other))) continue;
    differences.push(`${who}: ${explain(rest, comparable)}`);
  }
  return { differences, ...count };
}

/** What of the stored pods the targets do not show, because they are older, or lack something. */
export function findMissing(
  pods: readonly StoredPod[],
  { ours, theirs, ports }: { ours: readonly Labels[]; theirs: readonly Labels[]; ports: readonly number[] },
): string[] {
  const missing: string[] = [];
  const [ofOurs, ofTheirs] = [ours, theirs].map((targets) =>
    Map.groupBy(targets, (labels) => labels[`${meta}pod_uid`]!),
  ) as [Map<string, Labels[]>, Map<string, Labels[]>];
  const known = new Set(pods.map(({ metadata }) => metadata.uid));
  for (const [who, targets] of Object.entries({ "/sd": ofOurs, kubernetes_sd: ofTheirs })) {
    for (const uid of targets.keys()) if (!known.has(uid)) missing.push(`${who} still has ${uid}`);
  }
  for (const pod of pods) {
    const { name, uid } = pod.metadata;
    const isListed = pod.status.phase === "Running" && hasAddress(pod);
    const own = ofOurs.get(uid) ?? [];
    const other = ofTheirs.get(uid) ?? [];
    if (!isListed && own.length > 0) missing.push(`/sd still has ${name}`);
    if (hasAddress(pod) !== other.length > 0) missing.push(`kubernetes_sd: ${name}: ${other.length} targets`);
    for (const labels of [...own, ...other]) {
      if (!isCurrent(pod, labels)) missing.push(`${name} is another one now`);
    }
    if (!isListed) continue;
    for (const [port, container] of firstDeclarations(pod)) {
      if (!ports.includes(port)) continue;
      const found = own.find((labels) => labels[portNumber] === String(port));
      if (found?.[`${meta}pod_container_name`] !== container)
        missing.push(`/sd: ${name}:${port} of container ${container}`);
    }
  }
  return [...new Set(missing)];
}

function hasAddress({ status }: StoredPod): boolean {
  return (status.podIP ?? "") !== "";
}

/** Where two containers declare a port it is the first one's. Init containers have ended when a pod runs. */
function firstDeclarations({ spec }: StoredPod): ReadonlyMap<number, string> {
  const first = new Map<number, string>();
  for (const { name, ports = [] } of spec.containers) {
    for (const { containerPort, protocol } of ports) {
      if (protocol === "TCP" && !first.has(containerPort)) first.set(containerPort, name);
    }
  }
  return first;
}

/** By what the test changes. */
function isCurrent({ metadata, status }: StoredPod, labels: Labels): boolean {
  const ready = status.conditions?.find(({ type }) => type === "Ready")?.status ?? "Unknown";
  return (
    labels[`${meta}pod_ip`] === status.podIP &&
    labels[`${meta}pod_phase`] === status.phase &&
    labels[`${meta}pod_ready`] === ready.toLowerCase() &&
    labels[`${meta}pod_label_generation`] === metadata.labels?.["generation"]
  );
}

function metaOf(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([name]) => name.startsWith(meta)));
}

function withoutPort(labels: Labels, { keepsContainer }: { keepsContainer: boolean }): Labels {
  return Object.fromEntries(
    Object.entries(labels).filter(
      ([name]) => !name.startsWith(keepsContainer ? `${container}port_` : container),
    ),
  );
}

/**
 * Of keys that become the same name Prometheus takes one by chance, and another one the next time: all that can be said is that the value is
 * that of one of them. Such labels are taken away.
 */
function withoutCollisions(
  { metadata }: StoredPod,
  labels: Labels,
  onProblem: (problem: string) => void = () => undefined,
): Labels {
  const rest: Record<string, string> = { ...labels };
  for (const [kind, entries] of Object.entries({
    label: metadata.labels,
    annotation: metadata.annotations,
  })) {
    const names = Map.groupBy(Object.entries(entries ?? {}), ([key]) =>
      key.replaceAll(/[^a-zA-Z0-9_]/g, "_"),
    );
    for (const [name, same] of names) {
      if (same.length === 1) continue;
      const full = `${meta}pod_${kind}_${name}`;
      if (!same.some(([, value]) => value === (labels[full] ?? "")))
        onProblem(`${full} is of none of its keys`);
      delete rest[full];
    }
  }
  return rest;
}

function isEqual(a: Labels, b: Labels): boolean {
  return differingNames(a, b).length === 0;
}

function differingNames(a: Labels, b: Labels): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]);
}

/** Against the most similar one. */
function explain(labels: Labels, others: readonly Labels[]): string {
  const [nearest] = others.toSorted(
    (a, b) => differingNames(labels, a).length - differingNames(labels, b).length,
  );
  if (nearest === undefined) return "kubernetes_sd has no target of it";
  return differingNames(labels, nearest)
    .map((name) => `${name}: ${JSON.stringify(labels[name])} is ${JSON.stringify(nearest[name])} there`)
    .join("; ");
}
