// The few fields of a Kubernetes pod that this program uses, and the reader that takes them from untrusted JSON or YAML.
// Never keeps a part of the object that was read: a store of thousands of pods must not hold on to their documents.
import { canonicalIp } from "./canonical-ip.ts";
import { isObject, objectAt, objectsAt, stringAt, type UnknownObject } from "./untrusted-object.ts";

const annotationPrefix = "prometheus.io/";

/** A port that a container declares. `name` is empty when the container gave none; `port` is 1 to 65535. */
interface ContainerPort {
  readonly container: string;
  readonly name: string;
  readonly port: number;
  /** `TCP`, `UDP` or `SCTP`. */
  readonly protocol: string;
}

/** A pod, which is its uid. Immutable: a pod that changes is a new value. */
export interface Pod {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Canonical (RFC 5952): status.podIP first, then status.podIPs, none twice. What does not parse is left out. */
  readonly ips: readonly string[];
  /** status.phase; empty when it is missing. */
  readonly phase: string;
  /** The condition `Ready` is `True`. */
  readonly ready: boolean;
  readonly nodeName: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Those that begin with `prometheus.io/`. */
  readonly annotations: ReadonlyMap<string, string>;
  /** Of containers and of sidecars (init containers that go on running), in that order. */
  readonly ports: readonly ContainerPort[];
  /** The container, in a pod that has one beside its init containers and sidecars; empty in others. */
  readonly onlyContainer: string;
}

/** Why an object is not a pod that can be used. */
export interface PodProblem {
  /** Words that complete "Cannot read pod: ". */
  readonly problem: string;
}

/**
 * Reads a v1 Pod. Its uid, namespace and name must be there, and its labels must be strings, as the Kubernetes API holds
 * them; any other field of an unexpected shape counts as missing. Never throws, whatever the object is.
 */
export function readPod(object: unknown): Pod | PodProblem {
  if (!isObject(object)) return { problem: "it is not an object" };
  const metadata = objectAt(object, "metadata");
  const spec = objectAt(object, "spec");
  const status = objectAt(object, "status");
  const [uid, namespace, name] = [
    stringAt(metadata, "uid"),
    stringAt(metadata, "namespace"),
    stringAt(metadata, "name"),
  ];
  if (uid === "") return { problem: "metadata.uid is missing" };
  if (namespace === "") return { problem: "metadata.namespace is missing" };
  if (name === "") return { problem: "metadata.name is missing" };
  const labels = readStrings(objectAt(metadata, "labels"), "");
  if (typeof labels === "string")
    return { problem: `the value of label ${JSON.stringify(labels)} is not a string` };
  const annotations = readStrings(objectAt(metadata, "annotations"), annotationPrefix);
  if (typeof annotations === "string") {
    return { problem: `the value of annotation ${JSON.stringify(annotations)} is not a string` };
  }
  return {
    uid,
    namespace,
    name,
    ips: readIps(status),
    phase: stringAt(status, "phase"),
    ready: objectsAt(status, "conditions").some(({ type, status }) => type === "Ready" && status === "True"),
    nodeName: stringAt(spec, "nodeName"),
    labels,
    annotations,
    ports: readPorts(spec),
    onlyContainer: readOnlyContainer(spec),
  };
}

/** The entries whose key begins with the prefix, or the key of the first one that is no string. */
function readStrings(object: UnknownObject, prefix: string): ReadonlyMap<string, string> | string {
  const strings = new Map<string, string>();
  for (const [key, value] of Object.entries(object)) {
    if (!key.startsWith(prefix)) continue;
    // The API server reads null as an empty string.
    if (typeof value !== "string" && value !== null) return key;
    strings.set(key, value ?? "");
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

function readPorts(spec: UnknownObject): readonly ContainerPort[] {
  const sidecars = objectsAt(spec, "initContainers").filter(
    ({ restartPolicy }) => restartPolicy === "Always",
  );
  return [...objectsAt(spec, "containers"), ...sidecars].flatMap((container) =>
    objectsAt(container, "ports").flatMap((port) => {
      const { containerPort } = port;
      if (typeof containerPort !== "number" || !isPort(containerPort)) return [];
      return {
        container: stringAt(container, "name"),
        name: stringAt(port, "name"),
        port: containerPort,
        protocol: stringAt(port, "protocol") || "TCP",
      };
    }),
  );
}

/** Not the names of all: ten thousand pods are held, and no other is asked for. */
function readOnlyContainer(spec: UnknownObject): string {
  const [container, ...others] = objectsAt(spec, "containers");
  return container === undefined || others.length > 0 ? "" : stringAt(container, "name");
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}
