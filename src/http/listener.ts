// One listener of HTTP or HTTPS, with the settings that hold for all of them: how long a client may take, how much it may send, one line of
// text for every failure, and an orderly end. Knows no route.
import type { IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";

import type { Logger } from "../telemetry/logger.ts";
import type { ClientRefusal } from "../telemetry/metric-definitions.ts";
import { clientStallMs, destroyStalledClient } from "./answer-writer.ts";
import { sendError, toHttpError } from "./error-response.ts";
import { HttpError } from "./http-error.ts";
import { makeRoomWhenFull } from "./make-room.ts";
import { maxTlsConnections, TlsConnections, type TlsPolicy, tlsServerOptions } from "./tls-connections.ts";
import { stripUrlPrefix } from "./url-prefix.ts";
import { type CheckedTarget, checkRequest } from "./request-guard.ts";
import type { ServingCertificate } from "./serving-certificate.ts";
import { closeWith, isHttpProblem, unreadableRequest } from "./unreadable-request.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The checked raw target, without the prefix; set before any route runs. */
    checkedTarget: CheckedTarget;
    /** False for what a prefix excludes: of that, only the root is served. True without a prefix. */
    underPrefix: boolean;
    /** `performance.now()` when the head of the request had been read. */
    arrivedMs: number;
  }
}

// Constants, not options: nobody has to tune them, but each of them is a limit.
const clientLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  /** Longer than the usual scrape intervals, so that a scraper finds its connection again. */
  keepAliveTimeoutMs: 75_000,
  connectionsCheckingIntervalMs: 2_000,
  maxHeaderBytes: 16 * 1024,
  maxConnections: 8192,
  /** What a connection has grown goes with it, and clients spread over the instances that there are now. */
  maxRequestsPerConnection: 1000,
  /** What a queue of 511, Node's own, has no room for is lost while the kernel calls it open: it ends in a reset, seconds later. */
  maxUnacceptedConnections: 4096,
} as const;

/** Refusals that may wait on one connection behind an answer. */
const maxQueuedAnswers = 16;

export interface ListenerOptions {
  readonly logger: Logger;
  /** HTTPS; needs `useCertificate()` before `listen()`. */
  readonly tls?: boolean;
  /** As in `/a/b`: the routes, added without it, are served below it. The root is served without it too. Default: "". */
  readonly urlPrefix?: string;
  /** Called for every request that could be read, before the guard looks at it. */
  readonly onRequest?: (request: FastifyRequest, reply: FastifyReply) => void;
  /** Called with what the guard or a handler threw. */
  readonly onRefused?: (error: unknown, request: FastifyRequest) => void;
  /** Called when a client asks again before it has its answer. */
  readonly onPipelined?: () => void;
  /** Called when a client was cut off because it did not take its answer. */
  readonly onClientStalled?: () => void;
  /** Called when the head of a request was too long. */
  readonly onHeadTooLong?: () => void;
  /** Called when a connection was refused because there are too many. */
  readonly onConnectionRefused?: () => void;
  /** Called when a TLS handshake was not finished in time, or had to make room for others. */
  readonly onHandshakeRefused?: () => void;
  /** Called when a client had no certificate, or none that lets it in. */
  readonly onClientRefused?: (refusal: ClientRefusal) => void;
  /** Further headers of every answer, by lower-case name, as they are at that moment. */
  readonly answerHeaders?: () => Readonly<Record<string, string>>;
  /** Called for every request before anything else looks at it; what it throws becomes the answer. */
  readonly admitRequest?: () => void;
}

export interface ListenAddress {
  /** All addresses when absent. */
  readonly address: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  /** For messages: the variables that set the port. */
  readonly variable: string;
}

export class Listener {
  /** For adding routes. Handlers throw; what they throw becomes the answer. */
  readonly app: FastifyInstance;
  readonly #options: ListenerOptions;
  readonly #prefix: string;
  readonly #tls: TlsConnections | undefined;
  /** How many answers are under way on each socket: more than one when requests are pipelined, and refused for that. */
  readonly #answersOn = new Map<Socket, number>();
  readonly #condemned = new WeakSet<Socket>();
  readonly #requestsOn = new WeakMap<Socket, number>();
  #draining = false;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#prefix = options.urlPrefix ?? "";
    const http = {
      headersTimeout: clientLimits.headersTimeoutMs,
      connectionsCheckingInterval: clientLimits.connectionsCheckingIntervalMs,
      maxHeaderSize: clientLimits.maxHeaderBytes,
      insecureHTTPParser: false,
      // The guard asks for exactly one, and answers with a text.
      requireHostHeader: false,
      noDelay: true,
    };
    // The types tell the two servers apart, the code that uses them need not.
    const transport = (options.tls ? { https: { ...http, ...tlsServerOptions } } : { http }) as {
      http: object;
    };
    this.app = fastify({
      ...transport,
      logger: false,
      keepAliveTimeout: clientLimits.keepAliveTimeoutMs,
      requestTimeout: clientLimits.requestTimeoutMs,
      // A request that arrives while the listener closes is still answered.
      return503OnClosing: false,
      routerOptions: { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false },
      // The only place that takes the prefix off: router, guard, routes and metrics see what is left. What is not below it is not
      // changed, and refused by a hook.
      rewriteUrl: ({ url = "" }) => stripUrlPrefix(url, this.#prefix) ?? url,
      clientErrorHandler: (error, socket) => this.#answerUnreadable(error, socket),
      // A target that fastify cannot decode reaches no hook; the guard would have refused it as well.
      frameworkErrors: (_error, request, reply) => {
        this.#begin(request, reply);
        void sendError(reply, badTarget());
      },
    });
    const { server } = this.app;
    // Their size is bounded. Beyond a number Node.js would leave the rest out, and the guard could not see a second Host there.
    server.maxHeadersCount = 0;
    server.maxConnections = options.tls ? maxTlsConnections : clientLimits.maxConnections;
    if (options.onConnectionRefused !== undefined) server.on("drop", options.onConnectionRefused);
    makeRoomWhenFull(server);
    this.#tls = options.tls
      ? new TlsConnections(server, {
          onHandshakeRefused: options.onHandshakeRefused,
          onClientRefused: options.onClientRefused,
        })
      : undefined;
    this.#refuseUnusualRequests();
    this.#addHooks();
  }

  /** For connections from now on. Throws, and leaves the one before in use, when TLS refuses it. */
  useCertificate(certificate: ServingCertificate, policy?: TlsPolicy): void {
    if (this.#tls === undefined) throw new Error("Cannot use a certificate: this listener speaks plain HTTP");
    this.#tls.useCertificate(certificate, policy);
  }

  /** Opens the listener. Rejects with an error that names the variable when the address cannot be had. */
  async listen({ address, port, variable }: ListenAddress): Promise<AddressInfo> {
    try {
      await this.#listenOn(address ?? "::", port).catch((error: unknown) => {
        // A machine without IPv6.
        if (address !== undefined || !["EAFNOSUPPORT", "EADDRNOTAVAIL"].includes(codeOf(error))) throw error;
        return this.#listenOn("0.0.0.0", port);
      });
    } catch (error) {
      const state = listenProblems[codeOf(error)] ?? codeOf(error);
      throw new Error(`Cannot listen on port ${port} (${variable}): ${state}`, { cause: error });
    }
    return this.app.server.address() as AddressInfo;
  }

  /** From now on every answer closes its connection, so that clients turn to another instance by themselves. */
  drain(): void {
    this.#draining = true;
  }

  /** Accepts nothing more and resolves when the last answer is out; answers that take longer than `graceMs` are cut off. */
  close(o: { graceMs: number }): Promise<void> {
    return (this.#closing ??= this.#close(o));
  }

  async #close({ graceMs }: { graceMs: number }): Promise<void> {
    this.drain();
    const closed = this.app.close();
    const cutOff = setTimeout(() => this.#idle?.(), graceMs);
    if (this.#answersOn.size > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    clearTimeout(cutOff);
    // Node closes idle connections at once, but waits for one that has sent nothing yet as for a request.
    this.app.server.closeAllConnections();
    this.#tls?.destroyAll();
    await closed;
  }

  async #listenOn(host: string, port: number): Promise<void> {
    await this.app.ready();
    const { server } = this.app;
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, backlog: clientLimits.maxUnacceptedConnections }, () => {
        server.off("error", reject);
        resolve();
      });
    });
  }

  #addHooks(): void {
    const { app } = this;
    app.decorateRequest("checkedTarget");
    app.decorateRequest("underPrefix", true);
    app.decorateRequest("arrivedMs", 0);
    app.addHook("onRequest", (request, reply, done) => {
      this.#begin(request, reply);
      this.#refusePipelined(request.raw.socket);
      this.#options.admitRequest?.();
      request.checkedTarget = this.#checkUnlessCondemned(request.raw);
      if (!request.underPrefix && request.checkedTarget.path.text !== "/") throw this.#outsidePrefix();
      done();
    });
    app.setNotFoundHandler((_request, reply) =>
      sendError(reply, new HttpError(404, "Cannot find this path: nothing is served here")),
    );
    app.setErrorHandler((error, request, reply) => {
      this.#options.onRefused?.(error, request);
      const { httpError, unexpected } = toHttpError(error);
      if (unexpected) this.#options.logger.error({ err: error }, "Cannot answer a request: unexpected error");
      return sendError(reply, httpError);
    });
  }

  get #answerHeaders(): Readonly<Record<string, string>> {
    return this.#options.answerHeaders?.() ?? {};
  }

  #outsidePrefix(): HttpError {
    return new HttpError(
      404,
      `Cannot find this path: all paths but the root begin with "${this.#prefix}/" (APP_URL_PREFIX)`,
    );
  }

  /** Takes note of an answer that begins, until its end. */
  #begin(request: FastifyRequest, reply: FastifyReply): void {
    const { socket } = request.raw;
    const response = reply.raw;
    // Those who wait for its end: this file, the route, the framework and stream.pipeline. Each response is short-lived.
    response.setMaxListeners(20);
    request.arrivedMs = performance.now();
    request.underPrefix = stripUrlPrefix(request.originalUrl, this.#prefix) !== undefined;
    this.#answersOn.set(socket, (this.#answersOn.get(socket) ?? 0) + 1);
    response.once("close", () => {
      const others = (this.#answersOn.get(socket) ?? 1) - 1;
      if (others > 0) this.#answersOn.set(socket, others);
      else this.#answersOn.delete(socket);
      if (this.#answersOn.size === 0) this.#idle?.();
    });
    destroyStalledClient(response, {
      stallMs: clientStallMs,
      onStall: () => this.#options.onClientStalled?.(),
    });
    for (const [name, value] of Object.entries(this.#answerHeaders)) response.setHeader(name, value);
    // Not by `server.maxRequestsPerSocket`: that answers 503 to whatever has come behind the last request.
    const requests = (this.#requestsOn.get(socket) ?? 0) + 1;
    this.#requestsOn.set(socket, requests);
    if (this.#draining || requests >= clientLimits.maxRequestsPerConnection)
      response.setHeader("connection", "close");
    this.#options.onRequest?.(request, reply);
  }

  /**
   * Scrapers wait for an answer before they ask again. A client that does not could take every place with one connection,
   * and its leaving would go unseen while Node holds back what it sends.
   */
  #refusePipelined(socket: Socket): void {
    const answers = this.#answersOn.get(socket) ?? 0;
    // Also after a refusal Node hands over what it has read already: thousands of requests, each with its refusal.
    if (answers > maxQueuedAnswers) socket.destroy();
    if (answers <= 1 || this.#condemned.has(socket)) return;
    this.#options.onPipelined?.();
    this.#condemned.add(socket);
    throw new HttpError(503, "Cannot answer: the request came before the answer to the one before it", {
      closeConnection: true,
    });
  }

  /**
   * After a refusal that closes the connection, Node still hands over what follows on it: the bytes of a refused body would
   * run as requests whose answers nobody gets.
   */
  #checkUnlessCondemned(request: IncomingMessage): CheckedTarget {
    if (this.#condemned.has(request.socket)) throw badTarget();
    try {
      return checkRequest(request, { prefix: this.#prefix });
    } catch (error) {
      if (error instanceof HttpError && error.options.closeConnection === true)
        this.#condemned.add(request.socket);
      throw error;
    }
  }

  /** Events for which Node has an answer of its own (100, 417, a destroyed socket) get the guard's instead. */
  #refuseUnusualRequests(): void {
    const { server } = this.app;
    const answerAsUsual = (request: IncomingMessage, response: unknown) =>
      server.emit("request", request, response);
    server.on("checkContinue", answerAsUsual);
    server.on("checkExpectation", answerAsUsual);
    server.on("connect", (_request: IncomingMessage, socket: Socket) => {
      closeWith(
        socket,
        new HttpError(405, "Cannot answer CONNECT: only GET, HEAD are allowed", { allow: "GET, HEAD" }),
        this.#answerHeaders,
      );
    });
  }

  /** Answers a connection whose bytes are no request. */
  #answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
    const httpError = unreadableRequest(error.code, clientLimits);
    if (httpError.status === 431) this.#options.onHeadTooLong?.();
    // Bytes written now would land in the middle of the answer that is under way. And only what HTTP objects to has somebody to
    // answer: not a connection that broke, nor one whose TLS handshake failed.
    if (this.#answersOn.has(socket) || !socket.writable || !isHttpProblem(error.code)) socket.destroy();
    else closeWith(socket, httpError, this.#answerHeaders);
  }
}

const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: "the address is in use",
  EADDRNOTAVAIL: "LISTEN_ADDRESS is not an address of this machine",
  EACCES: "this port needs privileges",
};

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function badTarget(): HttpError {
  return new HttpError(400, "Cannot read the request: its target is not valid", { closeConnection: true });
}
