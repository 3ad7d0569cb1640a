// The few fields of a Kubernetes pod that this program uses, and the reader that takes them from untrusted JSON or YAML.
// Never keeps a part of the object that was read: a store of thousands of pods must not hold on to their documents.
import { canonicalIp } from "./canonical-ip.ts";
import { isObject, objectAt, objectsAt, stringAt, type UnknownObject } from "./untrusted-object.ts";

/** Annotations that say how a pod is scraped begin with it. */
const annotationPrefix = "prometheus.io/";

/** A port that a container declares. `name` is empty when the container gave none; `port` is 1 to 65535. */
interface ContainerPort {
  readonly container: string;
  readonly name: string;
  readonly port: number;
  /** `TCP`, `UDP` or `SCTP`. */
  readonly protocol: string;
}

/** A container that runs as long as its pod: an ordinary one, or a sidecar. */
export interface Container {
  readonly name: string;
  readonly image: string;
  /** Of the container that runs, such as `containerd://…`; empty before it does. */
  readonly id: string;
  /** A sidecar: an init container that goes on running. */
  readonly init: boolean;
}

/** What owns and manages a pod: the entry of its owner references that is its controller. */
interface Controller {
  readonly kind: string;
  readonly name: string;
}

/** A pod, which is its uid. Immutable: a pod that changes is a new value. */
export interface Pod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Canonical (RFC 5952): status.podIP first, then status.podIPs, none twice. What does not parse is left out. */
  readonly ips: readonly string[];
  /** status.podIP as it stands there; empty when it is missing. Only for showing: what is dialled is one of `ips`. */
  readonly podIp: string;
  /** status.hostIP as it stands there; empty when it is missing. */
  readonly hostIp: string;
  /** It shares the addresses of its node with other pods. */
  readonly hostNetwork: boolean;
  /** status.startTime, when its node took it up, in ms since 1970. */
  readonly startedMs: number | undefined;
  /** status.phase; empty when it is missing. */
  readonly phase: string;
  /** The status of the condition `Ready`: `True`, `False` or `Unknown`, which it also is when there is none. */
  readonly readiness: string;
  readonly nodeName: string;
  readonly controller: Controller | undefined;
  readonly labels: ReadonlyMap<string, string>;
  /** Those that begin with `prometheus.io/`, and those that the reader was told to keep. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Containers, then sidecars. */
  readonly containers: readonly Container[];
  /** Of these containers, in their order. */
  readonly ports: readonly ContainerPort[];
}

/** Why an object is not a pod that can be used. */
export interface PodProblem {
  /** Words that complete "Cannot read pod: ". */
  readonly problem: string;
}

export interface PodReading {
  /** Whether an annotation of this key is kept beside those of `prometheus.io/`. Default: none is. */
  readonly keepsAnnotation?: (key: string) => boolean;
  /** Gives one copy of equal texts. Default: each stays what it is. */
  readonly intern?: (text: string) => string;
}

/** `readPod()` with everything but the object decided. */
export type PodReader = (object: unknown) => Pod | PodProblem;

/**
 * Reads a v1 Pod. Its uid, namespace and name must be there, and its labels must be strings, as the Kubernetes API holds
 * them; any other field of an unexpected shape counts as missing. Never throws, whatever the object is.
 */
export function readPod(
  object: unknown,
  { keepsAnnotation, intern = same }: PodReading = {},
): Pod | PodProblem {
  if (!isObject(object)) return { problem: "it is not an object" };
  const metadata = objectAt(object, "metadata");
  const spec = objectAt(object, "spec");
  const status = objectAt(object, "status");
  const uid = stringAt(metadata, "uid");
  const namespace = stringAt(metadata, "namespace");
  const name = stringAt(metadata, "name");
  if (uid === "") return { problem: "metadata.uid is missing" };
  if (namespace === "") return { problem: "metadata.namespace is missing" };
  if (name === "") return { problem: "metadata.name is missing" };
  const labels = readStrings(objectAt(metadata, "labels"), { keeps: () => true, intern });
  if (typeof labels === "string")
    return { problem: `the value of label ${JSON.stringify(labels)} is not a string` };
  const keeps = (key: string) => key.startsWith(annotationPrefix) || keepsAnnotation?.(key) === true;
  const annotations = readStrings(objectAt(metadata, "annotations"), { keeps, intern });
  if (typeof annotations === "string") {
    return { problem: `the value of annotation ${JSON.stringify(annotations)} is not a string` };
  }
  const containers = runningContainers(spec);
  return {
    uid,
    namespace: intern(namespace),
    name,
    ips: readIps(status),
    podIp: stringAt(status, "podIP"),
    hostIp: intern(stringAt(status, "hostIP")),
    hostNetwork: spec["hostNetwork"] === true,
    startedMs: readTime(status),
    phase: intern(stringAt(status, "phase")),
    readiness: intern(readReadiness(status)),
    nodeName: intern(stringAt(spec, "nodeName")),
    controller: readController(metadata, intern),
    labels,
    annotations,
    containers: readContainers(containers, status, intern),
    ports: readPorts(containers, intern),
  };
}

function same(text: string): string {
  return text;
}

/** The entries whose key is kept, or the key of the first one that is no string. */
function readStrings(
  object: UnknownObject,
  { keeps, intern }: { keeps: (key: string) => boolean; intern: (text: string) => string },
): ReadonlyMap<string, string> | string {
  const strings = new Map<string, string>();
  for (const [key, value] of Object.entries(object)) {
    if (!keeps(key)) continue;
    // The API server reads null as an empty string.
    if (typeof value !== "string" && value !== null) return key;
    strings.set(intern(key), intern(value ?? ""));
  }
  return strings;
}

function readIps(status: UnknownObject): readonly string[] {
  const texts = [
    stringAt(status, "podIP"),
    ...objectsAt(status, "podIPs").map((entry) => stringAt(entry, "ip")),
  ];
  return [...new Set(texts.map((text) => canonicalIp(text)))].filter((ip) => ip !== undefined);
}

function readTime(status: UnknownObject): number | undefined {
  const startedMs = Date.parse(stringAt(status, "startTime"));
  return Number.isNaN(startedMs) ? undefined : startedMs;
}

function readReadiness(status: UnknownObject): string {
  const condition = objectsAt(status, "conditions").find(({ type }) => type === "Ready");
  return condition === undefined ? "Unknown" : stringAt(condition, "status");
}

function readController(metadata: UnknownObject, intern: (text: string) => string): Controller | undefined {
  const owner = objectsAt(metadata, "ownerReferences").find(({ controller }) => controller === true);
  return owner && { kind: intern(stringAt(owner, "kind")), name: intern(stringAt(owner, "name")) };
}

interface ContainerSpec {
  readonly spec: UnknownObject;
  readonly init: boolean;
}

function runningContainers(spec: UnknownObject): readonly ContainerSpec[] {
  const sidecars = objectsAt(spec, "initContainers").filter(
    ({ restartPolicy }) => restartPolicy === "Always",
  );
  return [
    ...objectsAt(spec, "containers").map((spec) => ({ spec, init: false })),
    ...sidecars.map((spec) => ({ spec, init: true })),
  ];
}

function readContainers(
  containers: readonly ContainerSpec[],
  status: UnknownObject,
  intern: (text: string) => string,
): readonly Container[] {
  return containers.map(({ spec, init }) => {
    const name = stringAt(spec, "name");
    const statuses = objectsAt(status, init ? "initContainerStatuses" : "containerStatuses");
    const found = statuses.find((status) => stringAt(status, "name") === name);
    const id = found === undefined ? "" : stringAt(found, "containerID");
    return { name: intern(name), image: intern(stringAt(spec, "image")), id, init };
  });
}

function readPorts(
  containers: readonly ContainerSpec[],
  intern: (text: string) => string,
): readonly ContainerPort[] {
  return containers.flatMap(({ spec }) =>
    objectsAt(spec, "ports").flatMap((port) => {
      const { containerPort } = port;
      if (typeof containerPort !== "number" || !isPort(containerPort)) return [];
      return {
        container: intern(stringAt(spec, "name")),
        name: intern(stringAt(port, "name")),
        port: containerPort,
        protocol: intern(stringAt(port, "protocol") || "TCP"),
      };
    }),
  );
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}
