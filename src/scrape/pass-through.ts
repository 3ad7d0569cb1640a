// One pod's answer, byte for byte (`/kubesd`): status, the three content headers and the body as a stream with backpressure.
// Never follows a redirect and never passes one on: the caller, Prometheus, would follow it. Never ends a body that is not whole,
// or whose pod has lost its address meanwhile: the last chunk is held back until that is known.
import type { IncomingHttpHeaders } from "node:http";
import { Readable } from "node:stream";

import type { Target } from "../targets/target.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { hasForeignTransferCoding } from "./content-coding.ts";
import type { ConnectionSlots, SlotLane, SlotUser } from "./connection-slots.ts";
import type { Deadline } from "./deadline.ts";
import type { PodConnections } from "./pod-connections.ts";
import type { PodFailure } from "./pod-failure.ts";
import { type ResponseReceiver, UpstreamRequest } from "./upstream-request.ts";

export interface PassThroughOptions {
  readonly connections: PodConnections;
  readonly slots: ConnectionSlots;
  /** MAX_RESPONSE_SIZE, of the body on the wire. */
  readonly maxResponseBytes: number;
  readonly userAgent: string;
  readonly metrics: Pick<Metrics, "limitHit" | "podScraped">;
}

export interface PassThroughRequest {
  /** The caller's Accept and Accept-Encoding. */
  readonly accept: string;
  readonly acceptEncoding: string;
  /** The caller's, where FORWARD_AUTHORIZATION says so. */
  readonly authorization?: string | undefined;
  readonly deadline: Deadline;
  /** Whether the address is still the pod's. */
  readonly isCurrent: () => boolean;
  /** Aborted when the caller is gone. */
  readonly signal: AbortSignal;
}

/** Only these are passed on; a value that could not be sent on as it is, is left out. */
interface ContentHeaders {
  readonly "content-type"?: string;
  readonly "content-encoding"?: string;
  readonly "content-length"?: string;
}

export type PassThroughAnswer =
  | {
      readonly failed: false;
      readonly status: number;
      readonly headers: ContentHeaders;
      /** Ends if and only if the pod's body is whole and the address still the pod's; destroyed with a PassThroughError otherwise. Destroy it to stop. */
      readonly body: Readable;
    }
  | ({ readonly failed: true } & PodFailure);

/** The pod's answer broke off after it had begun: the caller's connection has to be destroyed. */
export class PassThroughError extends Error {
  override readonly name = "PassThroughError";
  readonly failure: PodFailure;

  constructor(failure: PodFailure) {
    super(`Cannot pass the pod's answer on: ${failure.detail}`);
    this.failure = failure;
  }
}

export class PassThrough {
  readonly #options: PassThroughOptions;

  constructor(options: PassThroughOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the answer can begin, or with the reason why there is none: it begins with the second chunk of its body or with
   * its end, so that of a body in one chunk everything is known. Rejects with the signal's reason when that is aborted before; after
   * it, the body is destroyed. The deadline covers the body too.
   */
  open(target: Target, request: PassThroughRequest): Promise<PassThroughAnswer> {
    return new Promise((resolve, reject) => {
      const passing = new Passing(target, { ...this.#options, ...request, resolve, reject });
      passing.start();
    });
  }
}

interface PassingOptions extends PassThroughOptions, PassThroughRequest {
  readonly resolve: (answer: PassThroughAnswer) => void;
  readonly reject: (reason: Error) => void;
}

/** One request on its way; over when its slot is given back. */
class Passing implements ResponseReceiver, SlotUser {
  readonly #options: PassingOptions;
  readonly #request: UpstreamRequest;
  readonly #lane: SlotLane;
  #timer: NodeJS.Timeout | undefined;
  readonly #onAbort = () => this.#stop(undefined);
  #body: Readable | undefined;
  /** What the head says, until the answer begins. */
  #prepared: PassThroughAnswer | undefined;
  /** The last chunk that came: it goes out with the next one, or when the body is complete and still the pod's. */
  #held: Buffer | undefined;
  #bytes = 0;
  #started = false;
  #over = false;

  constructor(target: Target, options: PassingOptions) {
    this.#options = options;
    const { connections, slots, accept, acceptEncoding, authorization, userAgent, deadline } = options;
    const timeoutSeconds = deadline.remainingSecondsText();
    this.#request = new UpstreamRequest({
      connections,
      target,
      headers: { accept, acceptEncoding, authorization, userAgent, timeoutSeconds },
      receiver: this,
      isCurrent: options.isCurrent,
      maxBodyBytes: options.maxResponseBytes,
    });
    this.#lane = slots.openLane({ limit: 1, patienceMs: deadline.totalMs / 4 });
  }

  start(): void {
    const { deadline, signal } = this.#options;
    this.#timer = setTimeout(() => this.#stop(this.#lateness()), deadline.remainingMs());
    signal.addEventListener("abort", this.#onAbort);
    if (signal.aborted) this.#onAbort();
    else this.#lane.join(this);
  }

  granted(): void {
    this.#started = true;
    this.#request.start();
  }

  lost(): void {
    this.#stop({
      reason: "timeout",
      detail: "took a quarter of the deadline while others waited for a connection",
    });
  }

  head(status: number, headers: IncomingHttpHeaders): void {
    if (status < 400 && status >= 300) {
      return this.#stop({ reason: "bad_status", detail: `the pod answered with a redirect (${status})` });
    }
    if (hasForeignTransferCoding(headers)) {
      return this.#stop({ reason: "content_type", detail: "the body has an unknown transfer coding" });
    }
    const passed = contentHeadersOf(headers);
    if (headers["content-encoding"] !== undefined && passed["content-encoding"] === undefined) {
      // Without its name the coding would be taken for the content.
      return this.#stop({ reason: "content_type", detail: "the body has an unknown content coding" });
    }
    if (Number(headers["content-length"] ?? 0) > this.#options.maxResponseBytes) return this.#stopTooLarge();
    this.#body = new Readable({
      highWaterMark: 64 * 1024,
      read: () => {
        // Later: read() may be called from inside push(), where undici cannot go on.
        queueMicrotask(() => this.#request.resume());
      },
      destroy: (error, callback) => {
        this.#stop(undefined);
        callback(error);
      },
    });
    // The body may break before its reader has put up listeners; the reader still learns it from the stream's state.
    this.#body.on("error", () => {});
    this.#prepared = { failed: false, status, headers: passed, body: this.#body };
  }

  data(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#options.maxResponseBytes) return this.#stopTooLarge();
    const before = this.#held;
    this.#held = chunk;
    if (before === undefined) return;
    if (!this.#body!.push(before)) this.#request.pause();
    this.#begin();
  }

  end(): void {
    if (this.#finish()) this.#options.metrics.podScraped("up", this.#bytes);
    if (this.#held !== undefined) this.#body!.push(this.#held);
    this.#held = undefined;
    this.#body!.push(null);
    this.#begin();
  }

  failed(failure: PodFailure): void {
    this.#stop(failure);
  }

  #begin(): void {
    if (this.#prepared === undefined) return;
    this.#options.resolve(this.#prepared);
    this.#prepared = undefined;
  }

  #lateness(): PodFailure {
    return this.#started
      ? { reason: "timeout", detail: "the deadline came before the pod had answered" }
      : { reason: "not_tried", detail: "the deadline came before there was a connection for the pod" };
  }

  #stopTooLarge(): void {
    const { metrics, maxResponseBytes } = this.#options;
    metrics.limitHit("max_response_size");
    this.#stop({
      reason: "too_large",
      detail: `the body has more than ${maxResponseBytes} bytes (MAX_RESPONSE_SIZE)`,
    });
  }

  /** Without a failure it is the caller who has gone, or who does not want the rest. */
  #stop(failure: PodFailure | undefined): void {
    if (!this.#finish()) return;
    this.#request.abort();
    const { metrics, resolve, reject, signal } = this.#options;
    if (failure !== undefined) metrics.podScraped(failure.reason, this.#bytes);
    const begunBody = this.#prepared === undefined ? this.#body : undefined;
    if (begunBody !== undefined) {
      begunBody.destroy(failure === undefined ? undefined : new PassThroughError(failure));
    } else if (failure !== undefined) {
      resolve({ failed: true, ...failure });
    } else {
      reject(signal.reason as Error);
    }
  }

  /** True the first time. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#lane.leave(this);
    return true;
  }
}

const sendableValue = /^[\x20-\x7e]+$/;

function contentHeadersOf(headers: IncomingHttpHeaders): ContentHeaders {
  const names = ["content-type", "content-encoding", "content-length"] as const;
  const passed: Record<string, string> = {};
  for (const name of names) {
    // undici gives a repeated header as a list, whatever the type says.
    const value: unknown = headers[name];
    // Of repeated content types Prometheus reads the first; codings are a list.
    const repeated = Array.isArray(value)
      ? name === "content-encoding"
        ? value.join(", ")
        : value[0]
      : value;
    const text: unknown = name === "content-length" ? value : repeated;
    if (typeof text === "string" && sendableValue.test(text)) passed[name] = text;
  }
  return passed;
}
