// Which addresses a program has been told of: by documents of Kubernetes that it decoded, and by the `pod=` of its callers.
// Forgets nothing, so that it never finds fault with a list that is being replaced; who holds an address now is for other tests.
import { readFileSync, statSync } from "node:fs";

import { canonicalAddress } from "./address-list.ts";

interface PodDocument {
  readonly metadata?: { readonly namespace?: unknown } | null;
  readonly status?: { readonly podIP?: unknown; readonly podIPs?: unknown } | null;
}

export class KnownPods {
  readonly #namespaces = new Map<string, Set<string>>();
  readonly #named = new Set<string>();
  readonly #file: string | undefined;
  #fileVersion = "";

  /** PODS_FILE, which is looked at whenever there is a question. */
  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** Takes the pods out of a list, an event of a watch, or a pod. */
  told(document: unknown): void {
    if (typeof document !== "object" || document === null) return;
    const { items, object } = document as { items?: unknown; object?: unknown };
    const pods: unknown[] = Array.isArray(items) ? items : [object ?? document];
    for (const pod of pods) {
      if (typeof pod === "object" && pod !== null && "status" in pod) this.#addPod(pod as PodDocument);
    }
  }

  /** What a caller asked for: a target in origin form. */
  named(target: string): void {
    for (const [, value = ""] of target.matchAll(/[?&]pod=([^&]*)/gu)) {
      try {
        const ip = canonicalAddress(decodeURIComponent(value));
        if (ip !== undefined) this.#named.add(ip);
      } catch {
        // No address, then.
      }
    }
  }

  isNamed(ip: string): boolean {
    return this.#named.has(ip);
  }

  /** Undefined: no pod was known to have this address. */
  namespacesOf(ip: string): ReadonlySet<string> | undefined {
    this.#readFile();
    return this.#namespaces.get(ip);
  }

  #addPod({ metadata, status }: PodDocument): void {
    const { podIP, podIPs } = status ?? {};
    const namespace = typeof metadata?.namespace === "string" ? metadata.namespace : "default";
    const others = Array.isArray(podIPs) ? podIPs.map((entry: { ip?: unknown } | null) => entry?.ip) : [];
    for (const text of [podIP, ...others]) {
      if (typeof text === "string") this.#add(text, namespace);
    }
  }

  #add(text: string, namespace: string): void {
    const ip = canonicalAddress(text);
    if (ip === undefined) return;
    const known = this.#namespaces.get(ip);
    if (known === undefined) this.#namespaces.set(ip, new Set([namespace]));
    else known.add(namespace);
  }

  /** YAML or JSON, without a parser of either: a pod's address stands behind its namespace. */
  #readFile(): void {
    if (this.#file === undefined) return;
    try {
      const { mtimeNs, ino, size } = statSync(this.#file, { bigint: true });
      const version = `${mtimeNs} ${ino} ${size}`;
      if (version === this.#fileVersion) return;
      this.#fileVersion = version;
      let namespace = "default";
      const fields = /(?<![\w-])"?(namespace|podIP|ip)"?\s*:\s*["']?([^\s"',}]+)/gu;
      for (const [, name, value = ""] of readFileSync(this.#file, "utf8").matchAll(fields)) {
        if (name === "namespace") namespace = value;
        else this.#add(value, namespace);
      }
    } catch {
      // Between two versions, or not there yet: what was known before counts.
    }
  }
}
