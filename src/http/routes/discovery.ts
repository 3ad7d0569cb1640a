// `GET /sd`: the targets for Prometheus' HTTP service discovery. Never answers with an empty list because something is not known:
// Prometheus would drop its targets, where it keeps them for any other status than 200.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Config } from "../../config/parse-config.ts";
import type { PodSource } from "../../discovery/pod-source.ts";
import type { PodStore } from "../../discovery/pod-store.ts";
import { BufferBudgetError } from "../../scrape/buffer-budget.ts";
import type { Deadline } from "../../scrape/deadline.ts";
import type { AccessPolicy } from "../../targets/access-policy.ts";
import { type DiscoveredTargets, discoverTargets } from "../../targets/discover-targets.ts";
import { allowedNamespaces, type NamespaceScope } from "../../targets/namespace-scope.ts";
import type { Namespaces } from "../../targets/namespace.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { addressesOutOfReach } from "../authentication/address-access.ts";
import type { Caller } from "../authentication/caller.ts";
import { requireNamespaces, visibleNamespaces } from "../authentication/namespace-access.ts";
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
  watchClient,
} from "../scrape-admission.ts";
import { unavailable } from "../unavailable.ts";
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
  const configured =
    asked.namespaces === undefined ? namespaceScope.all() : admitNamespaces(namespaceScope, asked.namespaces);
  const signal = watchClient(reply, { deadline, metrics });
  let memory: DiscoveryMemoryLease | undefined;
  try {
    const call = { asked: asked.namespaces, configured, reply, deadline, signal };
    const namespaces = await admitCaller(request.caller, call, o);
    const selection = { ...asked.selection, namespaces };
    if (selection.path !== undefined) refuse(policy.checkPath(selection.path));
    for (const port of selection.ports) if (typeof port === "number") refuse(policy.checkPort(port));
    const address = publicAddressOf(request.headers.host, {
      externalUrl: config.externalUrl,
      tls: config.servesTls,
      urlPrefix: config.appUrlPrefix,
    });
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
    const { targets, skipped } = await withinReach(request.caller, discoverTargets(selection, o), o);
    signal.throwIfAborted();
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

interface DiscoveryCall {
  /** Undefined: every namespace that is configured. */
  readonly asked: Namespaces | undefined;
  readonly configured: Namespaces;
  readonly reply: FastifyReply;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
}

/** The namespaces that the answer is about. Throws HttpError 403 when the caller may not see them. */
async function admitCaller(
  caller: Caller,
  { asked, configured, reply, deadline, signal }: DiscoveryCall,
  o: DiscoveryOptions,
): Promise<Namespaces> {
  if (asked !== undefined) await requireNamespaces(caller, asked);
  const known = async () => {
    await holdPods(reply, { pods: o.podSource, namespaces: [undefined], deadline, signal });
    return allowedNamespaces("*", o);
  };
  const namespaces =
    asked === undefined ? await visibleNamespaces(caller, configured, { known }) : configured;
  signal.throwIfAborted();
  return namespaces;
}

/** Without the targets that `/kubesd` would refuse this caller. */
async function withinReach(
  caller: Caller,
  { targets, skipped }: DiscoveredTargets,
  { pods }: DiscoveryOptions,
): Promise<DiscoveredTargets> {
  const outOfReach = await addressesOutOfReach(
    caller,
    targets.map(({ ip }) => ip),
    { pods },
  );
  if (outOfReach.size === 0) return { targets, skipped };
  const reached = targets.filter(({ ip }) => !outOfReach.has(ip));
  const reason = "address_not_allowed";
  const refused = (skipped.get(reason) ?? 0) + targets.length - reached.length;
  return { targets: reached, skipped: new Map([...skipped, [reason, refused]]) };
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
