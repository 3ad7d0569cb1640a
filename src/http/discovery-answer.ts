// The answer of `/sd`: one group of HTTP service discovery for each port of each pod, as JSON. Made in slices: ten thousand pods are
// some 100 ms of work, and meanwhile scrapes go on.
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { DiscoveredTarget } from "../targets/discover-targets.ts";
import { addPodMetaLabels, addPortMetaLabels } from "../targets/meta-labels.ts";
import type { PublicAddress } from "./public-address.ts";

export interface DiscoveryAnswerOptions {
  readonly address: PublicAddress;
  /** SD_ANNOTATIONS. */
  readonly showsAnnotation: (key: string) => boolean;
  /** Called with the length of each block that was made. May throw, to end it. */
  readonly onBlock: (bytes: number) => void;
}

export interface DiscoveryAnswer {
  readonly blocks: readonly Buffer[];
  /** Weak: the same whatever coding the answer is sent in. Equal content has an equal tag, on every replica. */
  readonly etag: string;
}

const blockLength = 64 * 1024;
const longestSliceMs = 10;

export async function renderDiscovery(
  targets: readonly DiscoveredTarget[],
  o: DiscoveryAnswerOptions,
): Promise<DiscoveryAnswer> {
  const blocks: Buffer[] = [];
  const hash = createHash("sha256");
  const finishBlock = (text: string) => {
    const block = Buffer.from(text);
    hash.update(block);
    blocks.push(block);
    o.onBlock(block.length);
  };
  const own = JSON.stringify([o.address.host]);
  let text = "[";
  let separator = "";
  let sliceStart = performance.now();
  for (const target of targets) {
    text += `${separator}{"targets":${own},"labels":{${labelsOf(target, o)}}}`;
    separator = ",\n";
    if (text.length >= blockLength) {
      finishBlock(text);
      text = "";
    }
    if (performance.now() - sliceStart > longestSliceMs) {
      await setImmediate();
      sliceStart = performance.now();
    }
  }
  finishBlock(`${text}]\n`);
  return { blocks, etag: `W/"${hash.digest("base64url")}"` };
}

/**
 * What is the proxy's own comes first, as in the documentation; then what Prometheus' own discovery would have told. Written member by
 * member: an object of so many keys costs twice as much as its text. The names are those of labels, which need no escapes.
 */
function labelsOf(
  { pod, ip, port, declared, path, tls }: DiscoveredTarget,
  { address, showsAnnotation }: DiscoveryAnswerOptions,
): string {
  let text = `"__scheme__":"${address.scheme}"`;
  const add = (name: string, value: string) => {
    text += `,"${name}":${JSON.stringify(value)}`;
  };
  add("__metrics_path__", `${address.pathPrefix}/kubesd${path}`);
  add("__param_pod", ip);
  add("__param_target_port", String(port));
  add("__param_target_scheme", tls ? "https" : "http");
  add("__param_target_uid", pod.uid);
  // All targets have one address, by which sharding would put them all into one shard.
  add("__tmp_hash", pod.uid);
  add("instance", `${pod.name}:${port}`);
  add("podname", pod.name);
  add("podip", ip);
  add("namespace", pod.namespace);
  addPodMetaLabels(pod, { showsAnnotation, add });
  addPortMetaLabels(pod, { number: port, declared }, { add });
  return text;
}

/** Whether an If-None-Match names this tag; compared weakly (RFC 9110, 13.1.2). */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === "*") return true;
  const opaque = (tag: string) => tag.trim().replace(/^W\//, "");
  return header.split(",").some((tag) => opaque(tag) === opaque(etag));
}
