// What a client asked, read from the request line as an API server reads it. Reading only: no state and no answer here.
import type { IncomingMessage } from "node:http";

import type { PodObject } from "./pod-objects.ts";

/** `other`: discovery documents and all that is no pod. */
export type Verb = "list" | "watch" | "get" | "other";

export interface ApiRequest {
  readonly verb: Verb;
  /** Empty: the whole cluster. */
  readonly namespace: string;
  /** Of the pod that is asked for; empty for lists and watches. */
  readonly name: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** The header as it came. */
  readonly authorization: string | undefined;
  /** When the head was read, in milliseconds of performance.now(). */
  readonly timeMs: number;
  /** Tells connections apart. */
  readonly remotePort: number;
}

export function readApiRequest(message: IncomingMessage): ApiRequest {
  const { pathname: path, searchParams: query } = new URL(message.url ?? "/", "http://fake");
  const pods = /^\/api\/v1\/(?:namespaces\/(?<namespace>[^/]+)\/pods(?:\/(?<name>[^/]+))?|pods)$/u.exec(path);
  const { namespace = "", name = "" } = pods?.groups ?? {};
  const isWatch = ["true", "1"].includes(query.get("watch") ?? "");
  return {
    verb: pods === null ? "other" : name !== "" ? "get" : isWatch ? "watch" : "list",
    namespace,
    name,
    path,
    query,
    authorization: message.headers.authorization,
    timeMs: performance.now(),
    remotePort: message.socket.remotePort ?? 0,
  };
}

/** Which pods a request is about. */
export interface PodSelection {
  /** There is a selector: pods are then not counted in `remainingItemCount`. */
  readonly hasSelector: boolean;
  /** The selector that was not understood; nothing matches then. */
  readonly refused: string | undefined;
  matches(pod: PodObject): boolean;
}

/**
 * Understands `=`, `==` and `!=`, joined by commas, and refuses all else: a fake that showed pods that were not asked for
 * would prove nothing.
 */
export function readSelection({ namespace, query }: ApiRequest): PodSelection {
  const terms: ((pod: PodObject) => boolean)[] = [];
  let refused: string | undefined;
  const read = (selector: string, valueOf: (pod: PodObject, key: string) => string | undefined) => {
    for (const text of selector === "" ? [] : selector.split(",")) {
      const [, key, operator, value] = /^([\w./-]+)(==?|!=)([\w.-]*)$/u.exec(text) ?? [];
      if (key === undefined) refused ??= selector;
      else terms.push((pod) => (valueOf(pod, key) === value) === (operator !== "!="));
    }
  };
  read(query.get("fieldSelector") ?? "", fieldOf);
  read(query.get("labelSelector") ?? "", ({ metadata }, key) => metadata.labels?.[key]);
  return {
    hasSelector: terms.length > 0,
    refused,
    matches: (pod) =>
      refused === undefined &&
      (namespace === "" || pod.metadata.namespace === namespace) &&
      terms.every((term) => term(pod)),
  };
}

function fieldOf(pod: PodObject, key: string): string | undefined {
  switch (key) {
    case "metadata.name":
      return pod.metadata.name;
    case "metadata.namespace":
      return pod.metadata.namespace;
    case "spec.nodeName":
      return pod.spec.nodeName ?? "";
    case "status.phase":
      return pod.status.phase;
    case "status.podIP":
      return pod.status.podIP ?? "";
    default:
      return undefined;
  }
}
