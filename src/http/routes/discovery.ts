// `GET /sd`: the targets for Prometheus' HTTP service discovery. Never answers with an empty list because something is not known:
// Prometheus would drop its targets, where it keeps them for any other status than 200.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Config } from "../../config/parse-config.ts";
import type { PodSource } from "../../discovery/pod-source.ts";
import type { PodStore } from "../../discovery/pod-store.ts";
import { BufferBudgetError } from "../../scrape/buffer-budget.ts";
import type { AccessPolicy } from "../../targets/access-policy.ts";
import { discoverTargets } from "../../targets/discover-targets.ts";
import type { NamespaceScope } from "../../targets/namespace-scope.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { chooseCoding, readAcceptEncoding } from "../accept-encoding.ts";
import { writeAnswer } from "../answer-writer.ts";
import { ClientGoneError } from "../client-presence.ts";
import type { ConcurrencyLimit } from "../concurrency-limit.ts";
import { type DiscoveryAnswer, matchesEtag, renderDiscovery } from "../discovery-answer.ts";
import type { DiscoveryMemory, DiscoveryMemoryLease } from "../discovery-memory.ts";
import { publicAddressOf } from "../public-address.ts";
import {
  admitNamespaces,
  deadlineOf,
  holdPods,
  namespacesToHold,
  refuse,
  takePlace,
  unavailable,
  watchClient,
} from "../scrape-admission.ts";
import { parseDiscoveryRequest } from "./discovery-request.ts";

export interface DiscoveryOptions {
  readonly config: Config;
  readonly pods: PodStore;
  readonly podSource: Pick<PodSource, "hold">;
  readonly policy: AccessPolicy;
  readonly namespaceScope: NamespaceScope;
  /** SD_ANNOTATIONS. */
  readonly showsAnnotation: (key: string) => boolean;
  readonly memory: DiscoveryMemory;
  readonly limit: ConcurrencyLimit;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export function addDiscoveryRoute(app: FastifyInstance, options: DiscoveryOptions): void {
  app.get("/sd", (request, reply) => discover(request, reply, options));
}

async function discover(
  request: FastifyRequest,
  reply: FastifyReply,
  o: DiscoveryOptions,
): Promise<FastifyReply> {
  const { config, policy, metrics, namespaceScope } = o;
  const deadline = deadlineOf(request, config, metrics);
  const asked = parseDiscoveryRequest(request.checkedTarget);
  const namespaces =
    asked.namespaces === undefined ? namespaceScope.all() : admitNamespaces(namespaceScope, asked.namespaces);
  const selection = { ...asked.selection, namespaces };
  if (selection.path !== undefined) refuse(policy.checkPath(selection.path));
  for (const port of selection.ports) if (typeof port === "number") refuse(policy.checkPort(port));
  const address = publicAddressOf(request.headers.host, {
    externalUrl: config.externalUrl,
    tls: config.certificateFiles !== undefined,
    urlPrefix: config.appUrlPrefix,
  });
  const signal = watchClient(reply, { deadline, metrics });
  let memory: DiscoveryMemoryLease | undefined;
  try {
    await holdPods(reply, {
      pods: o.podSource,
      namespaces: namespacesToHold(namespaces),
      deadline,
      signal,
    });
    takePlace(reply, {
      limit: o.limit,
      limitName: "max_concurrent_scrapes",
      variable: "MAX_CONCURRENT_SCRAPES",
      metrics,
    });
    const { targets, skipped } = discoverTargets(selection, o);
    metrics.setSdTargetsSkipped(skipped);
    memory = await o.memory.admit(targets.length, { deadline, signal });
    const answer = await renderDiscovery(targets, {
      address,
      showsAnnotation: o.showsAnnotation,
      onBlock: memory.take,
    });
    memory.keep();
    o.logger.debug({ targets: targets.length, skipped: Object.fromEntries(skipped) }, "Targets listed");
    await send(request, reply, answer);
  } catch (error) {
    if (error instanceof BufferBudgetError) throw unavailable(error.message);
    if (!(error instanceof ClientGoneError)) throw error;
    reply.hijack();
  } finally {
    memory?.release();
  }
  return reply;
}

async function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { blocks, etag }: DiscoveryAnswer,
): Promise<void> {
  const isKnown = matchesEtag(request.headers["if-none-match"], etag);
  const coding = chooseCoding(readAcceptEncoding(request.headers["accept-encoding"]));
  reply.hijack();
  const response = reply.raw;
  response.writeHead(isKnown ? 304 : 200, {
    ...(!isKnown && { "content-type": "application/json" }),
    ...(!isKnown && coding !== "identity" && { "content-encoding": coding }),
    etag,
    // May be kept, but not used again without asking: a list that is older than it has to be is of targets that are down.
    "cache-control": "no-cache",
    vary: "Accept-Encoding",
    "x-content-type-options": "nosniff",
  });
  if (isKnown || request.method === "HEAD") {
    response.end();
    return;
  }
  await writeAnswer(response, blocks, { coding });
}
