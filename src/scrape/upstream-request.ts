// One GET to one pod, as a sequence of calls: head, data, then end or failed. Built from nothing: no header of the caller and no
// header of the pod is ever copied through here. Sends a second time only where the first cannot have been answered.
import type { IncomingHttpHeaders } from "node:http";

import type { Dispatcher } from "undici";

import type { Target } from "../targets/target.ts";
import type { PodConnection, PodConnections } from "./pod-connections.ts";
import {
  codeOf,
  failureBeforeHead,
  failureInBody,
  isDeadConnection,
  type PodFailure,
  podIsGone,
} from "./pod-failure.ts";
import { isTlsCode } from "./tls-failure.ts";

interface UpstreamHeaders {
  readonly accept: string;
  readonly acceptEncoding: string;
  readonly userAgent: string;
  /** The caller's, where FORWARD_AUTHORIZATION says so. */
  readonly authorization?: string | undefined;
  /** Seconds that are left, for pods that adapt to it. */
  readonly timeoutSeconds: string;
}

/** Is called once for the head, any number of times for data, then once for end or failed; nothing after abort(). */
export interface ResponseReceiver {
  head(status: number, headers: IncomingHttpHeaders): void;
  /** The chunk is the receiver's: nobody writes to it again. */
  data(chunk: Buffer): void;
  /** The body is complete. */
  end(): void;
  /** Also before the head. */
  failed(failure: PodFailure): void;
}

export interface UpstreamRequestOptions {
  readonly connections: PodConnections;
  readonly target: Target;
  readonly headers: UpstreamHeaders;
  readonly receiver: ResponseReceiver;
  /** Whether the address is still the target's. Asked before each dial, at the head and when the body is complete. */
  readonly isCurrent: () => boolean;
  /** The receiver refuses a longer body. */
  readonly maxBodyBytes: number;
}

// A body in chunks of one byte takes six bytes each; more than that is not the body.
const maxWireBytesPerBodyByte = 6;
const maxHeadWireBytes = 64 * 1024;

/**
 * Must not be started, and resume() must not be called, from inside a receiver's methods: undici's parser is not reentrant across
 * connections. abort() may be called from anywhere.
 */
export class UpstreamRequest implements Dispatcher.DispatchHandler {
  readonly #connections: PodConnections;
  readonly #target: Target;
  readonly #headers: string[];
  readonly #receiver: ResponseReceiver;
  readonly #isCurrent: () => boolean;
  readonly #maxWireBytes: number;
  #connection: PodConnection | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #answerBegun = false;
  #headSeen = false;
  #done = false;

  constructor(o: UpstreamRequestOptions) {
    this.#connections = o.connections;
    this.#target = o.target;
    this.#receiver = o.receiver;
    this.#isCurrent = o.isCurrent;
    this.#maxWireBytes = maxHeadWireBytes + maxWireBytesPerBodyByte * o.maxBodyBytes;
    const headers = {
      host: hostOf(o.target),
      "user-agent": o.headers.userAgent,
      accept: o.headers.accept,
      "accept-encoding": o.headers.acceptEncoding,
      "x-prometheus-scrape-timeout-seconds": o.headers.timeoutSeconds,
      ...(o.headers.authorization !== undefined && { authorization: o.headers.authorization }),
    };
    this.#headers = Object.entries(headers).flat();
  }

  start(): void {
    this.#send({ fresh: false });
  }

  /** Holds the body back. What undici has read already may still come. */
  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    if (!this.#done) this.#controller?.resume();
  }

  /** Destroys the connection. The receiver hears nothing more. */
  abort(): void {
    if (this.#done) return;
    this.#done = true;
    if (this.#connection !== undefined) this.#connections.destroy(this.#connection);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#connection!.requestStarted({ maxWireBytes: this.#maxWireBytes });
  }

  onResponseStarted(): void {
    this.#answerBegun = true;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    // Below 200 only 101 gets here, and undici breaks the connection off at once.
    if (this.#done || status < 200) return;
    this.#headSeen = true;
    if (!this.#isCurrent()) return this.#fail(podIsGone);
    this.#receiver.head(status, headers);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#done) this.#receiver.data(chunk);
  }

  onResponseEnd(): void {
    if (this.#done) return;
    const socketError = this.#connection!.socketError;
    if (socketError !== undefined) {
      // A body without a length ends with its connection; undici takes a reset for such an end.
      this.#fail(failureInBody(socketError));
      return;
    }
    if (!this.#isCurrent()) return this.#fail(podIsGone);
    this.#done = true;
    this.#connections.giveBack(this.#connection!);
    this.#receiver.end();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#done) return;
    // Once at most: the second try goes out on a connection of its own.
    const mayRetry = !this.#answerBegun && this.#connection!.reused && isDeadConnection(error);
    if (!mayRetry) {
      const cause = this.#tlsAlert ?? error;
      this.#fail(this.#headSeen ? failureInBody(cause) : failureBeforeHead(cause));
      return;
    }
    this.#connections.destroy(this.#connection!);
    this.#connection = undefined;
    queueMicrotask(() => {
      if (!this.#done) this.#send({ fresh: true });
    });
  }

  /** With TLS 1.3 a pod refuses the client's certificate after the handshake; undici reports only that the connection ended. */
  get #tlsAlert(): Error | undefined {
    const error = this.#connection!.socketError;
    return error !== undefined && isTlsCode(codeOf(error)) ? error : undefined;
  }

  #send(o: { fresh: boolean }): void {
    // Here, because time has gone by since the target was chosen: in the queue for a slot, or over a connection that was dead.
    if (!this.#isCurrent()) return this.#fail(podIsGone);
    try {
      // undici would send an absolute URL as it is.
      if (!this.#target.path.startsWith("/"))
        throw new RangeError("Cannot ask a pod: the path is not in origin form");
      this.#connection = this.#connections.take(this.#target, o);
    } catch (error) {
      this.#fail({ reason: "connect", detail: `the request could not be made (${codeOf(error as Error)})` });
      return;
    }
    this.#connection.dispatch(this.#target.path, this.#headers, this);
  }

  #fail(failure: PodFailure): void {
    this.abort();
    this.#receiver.failed(failure);
  }
}

/** The Host header of an address: brackets around IPv6 (RFC 3986 section 3.2.2). */
function hostOf({ ip, port }: Target): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
