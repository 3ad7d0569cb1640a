// What every scrape goes through before anything is dialled: known pods, a free place, a deadline, a watch over its client.
import type { FastifyReply, FastifyRequest } from "fastify";

import { type PodLease, type PodSource, PodsUnknownError } from "../discovery/pod-source.ts";
import { createDeadline, type Deadline } from "../scrape/deadline.ts";
import { BufferBudgetError } from "../scrape/buffer-budget.ts";
import type { AccessPolicy, Refusal } from "../targets/access-policy.ts";
import type { NamespaceScope } from "../targets/namespace-scope.ts";
import type { Namespaces } from "../targets/namespace.ts";
import type { PortReference } from "../targets/port.ts";
import type { Limit } from "../telemetry/metric-definitions.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { clientStallMs } from "./answer-writer.ts";
import { breakOff } from "./break-off.ts";
import { ClientGoneError, clientGoneSignal } from "./client-presence.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";
import { refusalError } from "./error-response.ts";
import { unavailable } from "./unavailable.ts";

export interface ScrapeTimes {
  readonly scrapeTimeoutMs: number;
  readonly scrapeTimeoutOffsetMs: number;
  readonly maxScrapeTimeoutMs: number;
}

/** The deadline that the scraper's header asks for. It runs since the request arrived: finding out who asks takes its time. */
export function deadlineOf(
  request: FastifyRequest,
  times: ScrapeTimes,
  metrics: Pick<Metrics, "limitHit">,
): Deadline {
  const header = request.headers["x-prometheus-scrape-timeout-seconds"];
  const deadline = createDeadline(Array.isArray(header) ? undefined : header, {
    ...times,
    startedMs: request.arrivedMs,
  });
  if (deadline.capped) metrics.limitHit("max_scrape_timeout");
  return deadline;
}

/** What a header may be to be sent on as it is. */
const sendable = /^[\x21-\x7e]([\x20-\x7e]{0,8190}[\x21-\x7e])?$/;

/** The caller's Authorization for the pods, with FORWARD_AUTHORIZATION alone: it is no business of theirs otherwise. */
export function authorizationFor(
  { headers }: FastifyRequest,
  { forwardAuthorization }: { forwardAuthorization: boolean },
): string | undefined {
  const { authorization } = headers;
  return forwardAuthorization && authorization !== undefined && sendable.test(authorization)
    ? authorization
    : undefined;
}

/** Throws the refusal, if it is one. */
export function refuse(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw refusalError(refusal);
}

/** Throws the refusal of a port that is a number; what a name means depends on the pod. */
export function refusePorts(policy: Pick<AccessPolicy, "checkPort">, ports: readonly PortReference[]): void {
  for (const port of ports) if (typeof port === "number") refuse(policy.checkPort(port));
}

/** The namespaces that a request is about, or throws the refusal. */
export function admitNamespaces(scope: NamespaceScope, asked: Namespaces): Namespaces {
  const resolved = scope.resolve(asked);
  if ("refused" in resolved) throw refusalError(resolved);
  return resolved.namespaces;
}

/**
 * Waits until the pods of these namespaces (undefined: of all that are configured) are known; they stay known until the answer
 * is over. Throws 503 when they are not within the deadline: an absent pod may only be unknown.
 */
export async function holdPods(
  reply: FastifyReply,
  { pods, namespaces, deadline, signal }: PodsToHold,
): Promise<void> {
  const leases: PodLease[] = [];
  let isOver = false;
  // One listener, however many namespaces there are. Had it closed before, the signal would have been aborted.
  reply.raw.once("close", () => {
    isOver = true;
    for (const lease of leases) lease.release();
  });
  const timeoutMs = deadline.remainingMs();
  const hold = async (namespace: string | undefined) => {
    const lease = await pods.hold(namespace, { timeoutMs, signal });
    // It may come after another namespace was refused.
    if (isOver) lease.release();
    else leases.push(lease);
  };
  try {
    // At once: each may need its first list.
    await Promise.all(Array.from(namespaces, hold));
  } catch (error) {
    if (error instanceof PodsUnknownError) throw unavailable(error.message);
    throw error;
  }
}

interface PodsToHold {
  readonly pods: Pick<PodSource, "hold">;
  readonly namespaces: Iterable<string | undefined>;
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
}

export interface Place {
  readonly limit: ConcurrencyLimit;
  readonly limitName: Limit;
  /** For the text of the refusal. */
  readonly variable: string;
  readonly metrics: Pick<Metrics, "limitHit">;
}

/** Takes a place that is free again when the answer is over, or throws 503. */
export function takePlace(reply: FastifyReply, { limit, limitName, variable, metrics }: Place): void {
  if (!limit.tryEnter()) {
    metrics.limitHit(limitName);
    throw unavailable(`Cannot scrape now: too many scrapes at once (${variable})`);
  }
  reply.raw.once("close", () => limit.leave());
}

interface ScrapeAdmission extends Omit<PodsToHold, "pods" | "namespaces"> {
  readonly namespaces: Namespaces;
  readonly podSource: PodsToHold["pods"];
  readonly limit: ConcurrencyLimit;
  readonly metrics: Pick<Metrics, "limitHit">;
}

/** Waits for the pods, then takes a place of MAX_CONCURRENT_SCRAPES: whoever waits for a first list must not keep others from known pods. */
export async function admitScrape(
  reply: FastifyReply,
  { namespaces, podSource, deadline, signal, limit, metrics }: ScrapeAdmission,
): Promise<void> {
  await holdPods(reply, {
    pods: podSource,
    namespaces: namespaces === "*" ? [undefined] : namespaces,
    deadline,
    signal,
  });
  takePlace(reply, {
    limit,
    limitName: "max_concurrent_scrapes",
    variable: "MAX_CONCURRENT_SCRAPES",
    metrics,
  });
}

/** For a request whose client has left: nobody answers it. Throws any other error: 503 where memory was missing, else what it is. */
export function leaveUnanswered(reply: FastifyReply, error: unknown): void {
  if (error instanceof BufferBudgetError) throw unavailable(error.message);
  if (!(error instanceof ClientGoneError)) throw error;
  reply.hijack();
}

/**
 * Aborted when the client leaves. A client that takes its answer too slowly, however steadily, loses its connection 30 s after
 * the scrape's deadline: by then its own scrape has long timed out, and it must not hold a place and the bodies of pods.
 */
export function watchClient(
  reply: FastifyReply,
  { deadline, metrics }: { deadline: Deadline; metrics: Pick<Metrics, "limitHit"> },
): AbortSignal {
  const response = reply.raw;
  const latest = setTimeout(() => {
    metrics.limitHit("client_stall");
    breakOff(response);
  }, deadline.remainingMs() + clientStallMs);
  response.once("close", () => clearTimeout(latest));
  return clientGoneSignal(response);
}
