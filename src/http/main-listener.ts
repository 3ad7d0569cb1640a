// The listener that Prometheus scrapes through: its routes, and what is counted about every request.
import type { ServerResponse } from "node:http";
import type { FastifyRequest } from "fastify";

import type { BufferBudget } from "../scrape/buffer-budget.ts";
import type { PassThrough } from "../scrape/pass-through.ts";
import type { PodScraper } from "../scrape/scrape-pods.ts";
import { MalformedRequestError } from "../targets/malformed-request-error.ts";
import { NamespaceScope } from "../targets/namespace-scope.ts";
import type { Route } from "../telemetry/metric-definitions.ts";
import type { Authenticator } from "./authentication/authenticator.ts";
import { type Caller, stranger } from "./authentication/caller.ts";
import { CallerFailures } from "./authentication/caller-failures.ts";
import { ConcurrencyLimit } from "./concurrency-limit.ts";
import { DiscoveryMemory } from "./discovery-memory.ts";
import { HttpError } from "./http-error.ts";
import { Listener } from "./listener.ts";
import { MergePace } from "./merge-pace.ts";
import { addDiscoveryRoute } from "./routes/discovery.ts";
import { addMergePodsRoute } from "./routes/merge-pods.ts";
import { addPassThroughRoute } from "./routes/pass-through-pod.ts";
import type { RouteParts } from "./routes/route-parts.ts";
import { addRootRoute } from "./routes/root.ts";
import type { WebConfigWatch } from "./web-config/web-config-watch.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; set before any route runs. */
    caller: Caller;
  }
}

export interface MainListenerOptions extends RouteParts {
  readonly authenticator: Authenticator;
  readonly version: string;
  readonly budget: BufferBudget;
  /** SD_ANNOTATIONS. */
  readonly showsAnnotation: (key: string) => boolean;
  readonly scraper: Pick<PodScraper, "scrape" | "expectedBytes">;
  readonly passThrough: Pick<PassThrough, "open">;
  /** WEB_CONFIG_FILE. */
  readonly web: Pick<WebConfigWatch, "current" | "rateLimit"> | undefined;
}

export interface MainListener {
  readonly listener: Listener;
  /** Requests to /mproxy, /kubesd and /sd that are being answered. */
  readonly scrapesInFlight: () => number;
}

export function createMainListener(options: MainListenerOptions): MainListener {
  const { config, metrics, web, logger } = options;
  const merges = new ConcurrencyLimit(config.maxConcurrentScrapes);
  const passes = new ConcurrencyLimit(config.maxConcurrentKubesd);
  const callerFailures = new CallerFailures({ metrics, logger });
  const listener = new Listener({
    logger,
    urlPrefix: config.appUrlPrefix,
    tls: config.servesTls,
    onRequest(request, reply) {
      const route = routeOf(request);
      reply.raw.once("close", () => {
        metrics.scrapeFinished(route, codeOf(reply.raw), (performance.now() - request.arrivedMs) / 1000);
      });
    },
    onRefused(error, request) {
      recordCaller(error, request);
      if (error instanceof MalformedRequestError && error.limit !== undefined) metrics.limitHit(error.limit);
    },
    answerHeaders: () => web?.current.headers ?? {},
    admitRequest() {
      if (web === undefined || web.rateLimit.take()) return;
      metrics.limitHit("request_rate");
      throw new HttpError(429, "Cannot answer: too many requests (rate_limit in WEB_CONFIG_FILE)", {
        retryAfterSeconds: 1,
      });
    },
    onClientRefused: (reason) => metrics.clientRefused(reason),
    onPipelined: () => metrics.limitHit("pipelined_requests"),
    onClientStalled: () => metrics.limitHit("client_stall"),
    onHeadTooLong: () => metrics.limitHit("header_size"),
    onConnectionRefused: () => metrics.limitHit("client_connections"),
    onHandshakeRefused: () => metrics.limitHit("client_handshake"),
  });
  identifyCallers(listener, options.authenticator);
  const namespaceScope = new NamespaceScope({
    // PODS_FILE has the pods of every namespace.
    known: config.kubernetes?.namespaces ?? "*",
    whitelist: config.namespaceWhitelist,
    policy: options.policy,
  });
  addRootRoute(listener.app, options);
  const { budget } = options;
  const memory = new DiscoveryMemory({ budget, maxResponseBytes: config.maxResponseBytes, metrics });
  addDiscoveryRoute(listener.app, { ...options, namespaceScope, memory, limit: merges });
  addMergePodsRoute(listener.app, { ...options, namespaceScope, limit: merges, pace: new MergePace() });
  addPassThroughRoute(listener.app, { ...options, limit: passes });
  return { listener, scrapesInFlight: () => merges.active + passes.active };

  function recordCaller(error: unknown, { caller, raw }: FastifyRequest): void {
    const reason = error instanceof HttpError ? error.options.authenticationFailure : undefined;
    if (reason === undefined) return;
    const client = raw.socket.remoteAddress;
    callerFailures.record(reason, { caller: caller.name, client, refusal: (error as HttpError).message });
  }
}

/** Before any route, and also where there is none: all that strangers learn is that they are strangers. The root is for probes. */
function identifyCallers({ app }: Listener, authenticator: Authenticator): void {
  app.decorateRequest("caller");
  app.addHook("onRequest", async (request, reply) => {
    request.caller = stranger;
    if (request.checkedTarget.path.text === "/") return;
    request.caller = await authenticator.identify(request.raw.rawHeaders);
    // Nobody is there any more who could be answered, and nothing would tell the route.
    if (reply.raw.destroyed) reply.hijack();
  });
}

function routeOf({ raw: { url = "" }, underPrefix }: FastifyRequest): Route {
  if (underPrefix && url.startsWith("/mproxy/")) return "mproxy";
  if (underPrefix && url.startsWith("/kubesd/")) return "kubesd";
  if (underPrefix && (url === "/sd" || url.startsWith("/sd?"))) return "sd";
  return url === "/" || url.startsWith("/?") ? "root" : "other";
}

/** 499, as others call it, for an answer that did not get to its end: the client left, or the connection was destroyed. */
function codeOf(response: ServerResponse): number {
  return response.writableFinished ? response.statusCode : 499;
}
