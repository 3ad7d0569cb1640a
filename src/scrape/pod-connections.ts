// The connections to pods: one request at a time on each, kept alive between scrapes, never shared between two pods.
// A connection is handed out exclusively and comes back only after a complete response; otherwise it is destroyed.
import type { Socket } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";

import { Client, type Dispatcher } from "undici";

import type { Target } from "../targets/target.ts";
import { ResponseFilter } from "./response-filter.ts";
import { openPodSocket, type PodSocketOptions, type PodTls } from "./pod-socket.ts";

export interface PodConnectionsOptions {
  /** CONNECT_TIMEOUT: TCP and TLS together. */
  readonly connectTimeoutMs: number;
  /** How long an idle connection is kept, unless the pod announces less. Longer than the usual scrape interval. */
  readonly keepAliveTimeoutMs?: number;
  /** Idle connections in all; beyond it the one that has been idle the longest is closed. */
  readonly maxIdleConnections?: number;
  /** How pods are verified: against Node.js' own roots when absent. */
  readonly tls?: PodTls;
}

/** Which pod, at which address. Part of a target. */
export type PodAddress = Pick<Target, "pod" | "candidates" | "ip" | "port" | "tls">;

export interface ConnectionStats {
  /** Sockets connected to pods now, idle ones included. */
  readonly open: number;
  readonly idle: number;
  /** Pods (by uid, address, port and scheme) that have idle connections. */
  readonly idlePods: number;
}

// Constant: what is dialled is decided by the connect function alone, so no address is ever formatted into a URL.
const placeholderOrigin = "http://pod.invalid";
const maxHeaderBytes = 16 * 1024;
// A pod that announces N seconds closes at N: stop using the connection a little earlier.
const keepAliveMarginMs = 2000;

export class PodConnections {
  readonly #socketOptions: PodSocketOptions;
  readonly #keepAliveTimeoutMs: number;
  readonly #maxIdleConnections: number;
  readonly #all = new Set<PodConnection>();
  readonly #idle = new Map<string, PodConnection[]>();
  /** In the order in which they became idle. */
  readonly #idleOrder = new Set<PodConnection>();
  #open = 0;
  #closed = false;

  constructor(o: PodConnectionsOptions) {
    this.#socketOptions = {
      connectTimeoutMs: o.connectTimeoutMs,
      tls: o.tls ?? {
        // Made once: making one per connection reads all root certificates again.
        secureContext: createSecureContext({ minVersion: "TLSv1.2" }),
        rejectUnauthorized: true,
        serverName: undefined,
      },
    };
    this.#keepAliveTimeoutMs = o.keepAliveTimeoutMs ?? 75_000;
    this.#maxIdleConnections = o.maxIdleConnections ?? 4096;
  }

  /** A connection for one request: an idle one of this very pod, else (or when `fresh`) one that has yet to be dialled. */
  take(address: PodAddress, o: { fresh: boolean }): PodConnection {
    if (this.#closed) throw new Error("Cannot connect to a pod: the connections are closed");
    const key = keyOf(address);
    const idle = o.fresh ? undefined : this.#takeIdle(key);
    if (idle !== undefined) return idle;
    const connection = new PodConnection(address, {
      key,
      socketOptions: this.#socketOptions,
      keepAliveTimeoutMs: this.#keepAliveTimeoutMs,
      socketOpened: () => void this.#open++,
      socketClosed: () => {
        this.#open--;
        // While a request waits on the connection, undici dials anew by itself.
        if (this.#idleOrder.has(connection)) this.destroy(connection);
      },
    });
    this.#all.add(connection);
    return connection;
  }

  /** Connections that were verified by what does not hold any more are closed instead. */
  #takeIdle(key: string): PodConnection | undefined {
    for (let idle = this.#idle.get(key)?.at(-1); idle !== undefined; idle = this.#idle.get(key)?.at(-1)) {
      if (idle.verifiedByCurrent) {
        this.#leaveIdle(idle);
        return idle;
      }
      this.destroy(idle);
    }
    return undefined;
  }

  /** Takes a connection back after a complete response. */
  giveBack(connection: PodConnection): void {
    // A turn of the event loop, so that bytes which came right after the response, or its end, are seen before the next request.
    setImmediate(() => {
      if (!this.#all.has(connection)) return;
      if (!connection.reusable || !connection.verifiedByCurrent || this.#closed) {
        this.destroy(connection);
        return;
      }
      const others = this.#idle.get(connection.key);
      if (others === undefined) this.#idle.set(connection.key, [connection]);
      else others.push(connection);
      this.#idleOrder.add(connection);
      if (this.#idleOrder.size > this.#maxIdleConnections) {
        for (const oldest of this.#idleOrder) {
          this.destroy(oldest);
          break;
        }
      }
    });
  }

  /** Closes a connection at once, whatever is on it. Harmless when it is closed already. */
  destroy(connection: PodConnection): void {
    this.#leaveIdle(connection);
    if (this.#all.delete(connection)) connection.destroy();
  }

  get stats(): ConnectionStats {
    return { open: this.#open, idle: this.#idleOrder.size, idlePods: this.#idle.size };
  }

  /** Destroys every connection, also those in use. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#all) this.destroy(connection);
  }

  #leaveIdle(connection: PodConnection): void {
    if (!this.#idleOrder.delete(connection)) return;
    const others = this.#idle.get(connection.key)!;
    others.splice(others.indexOf(connection), 1);
    if (others.length === 0) this.#idle.delete(connection.key);
  }
}

interface PodConnectionOptions {
  readonly key: string;
  readonly socketOptions: PodSocketOptions;
  readonly keepAliveTimeoutMs: number;
  socketOpened(): void;
  socketClosed(): void;
}

/** One connection, dialled at its first request. Belongs to whoever took it until it is given back or destroyed. */
export class PodConnection {
  readonly key: string;
  readonly #client: Client;
  #socket: Socket | undefined;
  #dialling = false;
  #filter: ResponseFilter | undefined;
  #requests = 0;
  #socketError: Error | undefined;
  readonly #tls: PodTls | undefined;
  #context: SecureContext | undefined;

  constructor(address: PodAddress, o: PodConnectionOptions) {
    this.key = o.key;
    this.#tls = address.tls ? o.socketOptions.tls : undefined;
    this.#client = new Client(placeholderOrigin, {
      pipelining: 1,
      allowH2: false,
      // Explicit, because the default is taken from the environment.
      useMilo: false,
      maxHeaderSize: maxHeaderBytes,
      // Both only measure the time between bytes; the scrape's own deadline covers everything.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: o.keepAliveTimeoutMs,
      // Without it a pod decides how long the connection is kept.
      keepAliveMaxTimeout: o.keepAliveTimeoutMs,
      keepAliveTimeoutThreshold: keepAliveMarginMs,
      connect: (_options, callback) => {
        const socket = openPodSocket(address, o.socketOptions, (error, opened) => {
          this.#dialling = false;
          if (error !== null) return callback(error, null);
          o.socketOpened();
          opened.once("close", () => o.socketClosed());
          this.#filter = new ResponseFilter(opened);
          callback(null, opened);
        });
        // Before undici's own listener: at a reset, undici ends a body that has no length as if it were complete.
        // The first one counts: after an alert of TLS undici breaks the connection off with an error of its own.
        socket.on("error", (error) => (this.#socketError ??= error));
        this.#socket = socket;
        this.#context = this.#tls?.secureContext;
        this.#dialling = true;
        this.#requests = 0;
        this.#socketError = undefined;
      },
    });
  }

  /** Sends a GET. The handler calls requestStarted() as soon as the request is on its way. */
  dispatch(path: string, headers: string[], handler: Dispatcher.DispatchHandler): void {
    this.#client.dispatch({ method: "GET", path, headers }, handler);
  }

  /** What comes from here on belongs to the request. */
  requestStarted(o: { maxWireBytes: number }): void {
    this.#requests++;
    this.#filter?.expectResponse(o);
  }

  /** The current request went out on a socket that had carried another one before. */
  get reused(): boolean {
    return this.#requests > 1;
  }

  /** What broke the socket, if anything did. */
  get socketError(): Error | undefined {
    return this.#socketError;
  }

  /** Still connected. undici has broken the connection off if anything came after the response. */
  get reusable(): boolean {
    return this.#socket?.destroyed === false;
  }

  /** No file of UPSTREAM_* has changed since the handshake; always true without TLS. */
  get verifiedByCurrent(): boolean {
    return this.#context === this.#tls?.secureContext;
  }

  /** For PodConnections only: others give the connection back to it. */
  destroy(): void {
    // The client does not know the socket before TCP and TLS are through.
    if (this.#dialling) this.#socket?.destroy();
    this.#client.destroy(() => {});
  }
}

/**
 * Two addresses have the same key only if they are the same: the parts before the uids cannot contain a space. All that may be meant
 * are in it: a pod that has gone, but whose process still answers, must not answer for the one that came.
 */
function keyOf({ pod, candidates = [], ip, port, tls }: PodAddress): string {
  return `${tls ? "tls" : "tcp"} ${ip} ${port} ${JSON.stringify(pod === undefined ? candidates : [pod.uid])}`;
}
