// `GET /sd`: the targets for Prometheus' HTTP service discovery. Never answers with an empty list because something is not known:
// Prometheus would drop its targets, where it keeps them for any other status than 200.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Deadline } from "../../scrape/deadline.ts";
import { type DiscoveredTargets, discoverTargets } from "../../targets/discover-targets.ts";
import { allowedNamespaces, type NamespaceScope } from "../../targets/namespace-scope.ts";
import type { Namespaces } from "../../targets/namespace.ts";
import { divideByReach } from "../authentication/address-access.ts";
import type { Caller } from "../authentication/caller.ts";
import { requireNamespaces, visibleNamespaces } from "../authentication/namespace-access.ts";
import { chooseCoding, readAcceptEncoding } from "../accept-encoding.ts";
import { writeAnswer } from "../answer-writer.ts";
import type { ConcurrencyLimit } from "../concurrency-limit.ts";
import { type DiscoveryAnswer, matchesEtag, renderDiscovery } from "../discovery-answer.ts";
import type { DiscoveryMemory, DiscoveryMemoryLease } from "../discovery-memory.ts";
import { publicAddressOf } from "../public-address.ts";
import {
  admitNamespaces,
  admitScrape,
  deadlineOf,
  holdPods,
  leaveUnanswered,
  refuse,
  refusePorts,
  watchClient,
} from "../scrape-admission.ts";
import type { RouteParts } from "./route-parts.ts";
import { parseDiscoveryRequest } from "./discovery-request.ts";

export interface DiscoveryOptions extends RouteParts {
  readonly namespaceScope: NamespaceScope;
  /** SD_ANNOTATIONS. */
  readonly showsAnnotation: (key: string) => boolean;
  readonly memory: DiscoveryMemory;
  readonly limit: ConcurrencyLimit;
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
    refusePorts(policy, selection.ports);
    const address = publicAddressOf(request.headers.host, {
      externalUrl: config.externalUrl,
      tls: config.servesTls,
      urlPrefix: config.appUrlPrefix,
    });
    await admitScrape(reply, { ...o, namespaces, deadline, signal });
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
    leaveUnanswered(reply, error);
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
  let namespaces = configured;
  if (asked === undefined) {
    const known = async () => {
      await holdPods(reply, { pods: o.podSource, namespaces: [undefined], deadline, signal });
      return allowedNamespaces("*", o);
    };
    namespaces = await visibleNamespaces(caller, configured, { known });
  } else await requireNamespaces(caller, asked);
  signal.throwIfAborted();
  return namespaces;
}

/** Without the targets that `/kubesd` would refuse this caller. */
async function withinReach(
  caller: Caller,
  { targets, skipped }: DiscoveredTargets,
  { pods }: DiscoveryOptions,
): Promise<DiscoveredTargets> {
  const { within, beyond } = await divideByReach(caller, targets, { pods });
  if (beyond.length === 0) return { targets, skipped };
  const reason = "address_not_allowed";
  return {
    targets: within,
    skipped: new Map([...skipped, [reason, (skipped.get(reason) ?? 0) + beyond.length]]),
  };
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
