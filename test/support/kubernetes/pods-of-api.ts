// The source of pods under test, with real connections to a server of a test and everything it told on the way.
import { ApiClient } from "../../../src/discovery/kubernetes/api-client.ts";
import { ApiTransport } from "../../../src/discovery/kubernetes/api-transport.ts";
import { type BearerToken, FixedToken } from "../../../src/discovery/kubernetes/bearer-token.ts";
import { KubernetesPods } from "../../../src/discovery/kubernetes/kubernetes-pods.ts";
import type { WatchTiming } from "../../../src/discovery/kubernetes/watch-timing.ts";
import { PodStore } from "../../../src/discovery/pod-store.ts";
import { readPod } from "../../../src/discovery/pod.ts";

export interface PodsOfApiOptions {
  readonly url: string;
  readonly namespaces?: readonly string[] | "*";
  readonly token?: BearerToken;
  readonly caFile?: string;
  readonly maxAgeMs?: number;
  readonly timing?: Partial<WatchTiming>;
  readonly now?: () => number;
}

/** Failures wait 10 ms and watches may be short, unless `timing` says otherwise. */
export function createPodsOfApi(o: PodsOfApiOptions) {
  const store = new PodStore();
  const log: { text: string; fields: Record<string, unknown> }[] = [];
  const write = (fields: Record<string, unknown> | string, text?: string) =>
    void log.push(typeof fields === "string" ? { text: fields, fields: {} } : { text: text ?? "", fields });
  const logger = { debug: write, info: write, warn: write } as never;
  const counts = { lists: 0, restarts: [] as string[], limits: [] as string[] };
  const metrics = {
    listRequested: () => void counts.lists++,
    watchRestarted: (reason: string) => void counts.restarts.push(reason),
    limitHit: (limit: string) => void counts.limits.push(limit),
  };
  const transport = new ApiTransport({
    origin: o.url,
    caFile: o.caFile,
    caRequired: o.caFile !== undefined,
    logger,
  });
  const client = new ApiClient({
    transport,
    token: o.token ?? new FixedToken("token"),
    pathPrefix: "",
    userAgent: "test",
  });
  const source = new KubernetesPods({
    client,
    closeClient: () => transport.close(),
    readPod,
    store,
    metrics,
    logger,
    namespaces: o.namespaces ?? "*",
    maxAgeMs: o.maxAgeMs ?? 3_600_000,
    timing: {
      shortestWatchMs: 0,
      backoff: { next: () => 10 },
      relistBackoff: { next: () => 10 },
      ...o.timing,
    },
    ...(o.now !== undefined && { now: o.now }),
  });
  /** As a scrape does: resolves with the names of the pods, or rejects. */
  const scrape = async (namespace: string, timeoutMs = 5000): Promise<string[]> => {
    const lease = await source.hold(namespace, { timeoutMs, signal: new AbortController().signal });
    lease.release();
    return store.inNamespace(namespace).map(({ name }) => name);
  };
  return { source, store, log, counts, scrape };
}
