// One pod of a merge: asks it, feeds its body to a parser and ends up with a whole body or a reason. Atomic: after a failure
// nothing of the body is left. Settles exactly once, and knows nothing of deadlines and slots: others tell it to give up.
import type { IncomingHttpHeaders } from "node:http";

import { ExpositionError } from "../exposition/exposition-error.ts";
import { type ClaimedFormat, readContentType } from "../exposition/negotiation/pod-content-type.ts";
import type { Target } from "../targets/target.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { BodyDecoder } from "./body-decoder.ts";
import { contentCodingOf, hasForeignTransferCoding, upstreamAcceptEncoding } from "./content-coding.ts";
import type { Deadline } from "./deadline.ts";
import type { PodConnections } from "./pod-connections.ts";
import { codeOf, type PodFailure } from "./pod-failure.ts";
import { type ResponseReceiver, UpstreamRequest } from "./upstream-request.ts";

/** What the scraper needs to know of a parsed body. */
export interface HeldBody {
  readonly samples: number;
  /** Memory that the body holds until it is released, in bytes. */
  readonly heldBytes: number;
  /** Gives the memory back. */
  release(): void;
}

/** Takes a pod's body in chunks, which stay the caller's. push() and finish() throw ExpositionError. */
export interface BodyParserLike<Body extends HeldBody> {
  readonly heldBytes: number;
  push(chunk: Uint8Array): void;
  finish(): Body;
  /** Drops the body and gives its memory back; not after finish(). */
  release(): void;
}

/** What a pod is asked for, and how its answer is read. */
export interface ScrapeProtocol {
  /** The Accept header. */
  readonly accept: string;
  /** Whether zstd is asked for beside gzip: where the scraper takes it as well. */
  readonly zstd: boolean;
  /** How a body is read whose Content-Type is missing, malformed or foreign; undefined: not at all. */
  readonly fallback: ClaimedFormat | undefined;
}

export interface PodScrapeOptions<Body extends HeldBody> {
  readonly connections: PodConnections;
  readonly protocol: ScrapeProtocol;
  readonly createBodyParser: (claimed: ClaimedFormat) => BodyParserLike<Body>;
  /** MAX_BODY_SIZE: of the body on the wire and of the decompressed body. */
  readonly maxBodyBytes: number;
  readonly userAgent: string;
  /** The caller's, where FORWARD_AUTHORIZATION says so. */
  readonly authorization?: string | undefined;
  /** The caller's is for the proxy: no setting passes it on. */
  readonly keepsAuthorization?: boolean | undefined;
  /** Whether the address is still the pod's. */
  readonly isCurrent: (target: Target) => boolean;
  readonly metrics: Pick<Metrics, "limitHit">;
  /** The pod holds more memory than before, or less. May fail this very pod. */
  readonly heldBytesChanged: () => void;
  /** Called once, at the latest when fail() returns. */
  readonly settled: () => void;
}

export type PodResult<Body extends HeldBody> =
  | {
      readonly up: true;
      readonly body: Body;
      /** What its Content-Type says, or the fallback. */
      readonly claimed: ClaimedFormat;
    }
  | ({ readonly up: false } & PodFailure);

export class PodScrape<Body extends HeldBody> implements ResponseReceiver {
  readonly target: Target;
  readonly #options: PodScrapeOptions<Body>;
  #request: UpstreamRequest | undefined;
  #claimed: ClaimedFormat | undefined;
  #decoder: BodyDecoder | undefined;
  #parser: BodyParserLike<Body> | undefined;
  #result: PodResult<Body> | undefined;
  #wireBytes = 0;
  #bodyBytes = 0;
  #startedMs: number | undefined;
  #durationMs = 0;

  constructor(target: Target, options: PodScrapeOptions<Body>) {
    this.target = target;
    this.#options = options;
  }

  /** Undefined until the pod is settled. */
  get result(): PodResult<Body> | undefined {
    return this.#result;
  }

  get started(): boolean {
    return this.#startedMs !== undefined;
  }

  /** Time between start() and settlement; 0 for a pod that was never asked. */
  get durationMs(): number {
    return this.#durationMs;
  }

  /** Bytes of the body so far, decompressed. */
  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Memory held by what has come of the body. */
  get heldBytes(): number {
    if (this.#result !== undefined) return this.#result.up ? this.#result.body.heldBytes : 0;
    return this.#parser?.heldBytes ?? 0;
  }

  /** Asks the pod. Once at most, and not from inside a receiver of another request. */
  start(deadline: Deadline): void {
    const { connections, protocol, userAgent, authorization, maxBodyBytes, isCurrent } = this.#options;
    this.#startedMs = performance.now();
    this.#request = new UpstreamRequest({
      connections,
      target: this.target,
      headers: {
        accept: protocol.accept,
        acceptEncoding: upstreamAcceptEncoding(protocol),
        userAgent,
        authorization,
        timeoutSeconds: deadline.remainingSecondsText(),
      },
      receiver: this,
      isCurrent: () => isCurrent(this.target),
      maxBodyBytes,
    });
    this.#request.start();
  }

  /** Gives the pod up; a body that is whole already is dropped as well. Without effect on a pod that has failed before. */
  fail(failure: PodFailure): void {
    if (this.#result?.up === false) return;
    const first = this.#result === undefined;
    this.#result?.body.release();
    this.#parser?.release();
    this.#result = { up: false, ...failure };
    this.#request?.abort();
    this.#decoder?.destroy();
    this.#parser = undefined;
    this.#options.heldBytesChanged();
    if (first) this.#settle();
  }

  failed(failure: PodFailure): void {
    this.fail(failure);
  }

  head(status: number, headers: IncomingHttpHeaders): void {
    if (status !== 200)
      return this.fail({ reason: "bad_status", detail: describeStatus(status, this.#options) });
    const coding = contentCodingOf(headers);
    if (hasForeignTransferCoding(headers))
      return this.fail({ reason: "content_type", detail: "the body has an unknown transfer coding" });
    if (coding === "other" || (coding === "zstd" && !this.#options.protocol.zstd))
      return this.fail({ reason: "content_type", detail: "the body has an unknown content coding" });
    const { protocol, createBodyParser } = this.#options;
    const claimed = readContentType(firstOf(headers["content-type"]), protocol.fallback);
    if (typeof claimed === "string")
      return this.fail({ reason: "content_type", detail: unreadable[claimed] });
    this.#claimed = claimed;
    if (Number(headers["content-length"] ?? 0) > this.#options.maxBodyBytes)
      return this.#failTooLarge("announces");
    this.#parser = createBodyParser(claimed);
    if (coding !== "identity") {
      this.#decoder = new BodyDecoder(coding, {
        data: (chunk) => this.#push(chunk),
        end: () => this.#finish(),
        failed: (failure) => this.fail(failure),
        drained: () => this.#request!.resume(),
      });
    }
    this.#options.heldBytesChanged();
  }

  data(chunk: Buffer): void {
    this.#wireBytes += chunk.length;
    // Also before decompression: empty members or frames without end would never fill the body.
    if (this.#wireBytes > this.#options.maxBodyBytes) return this.#failTooLarge("has");
    if (this.#decoder === undefined) this.#push(chunk);
    else if (!this.#decoder.write(chunk)) this.#request!.pause();
  }

  end(): void {
    if (this.#decoder === undefined) this.#finish();
    else this.#decoder.end();
  }

  #push(chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > this.#options.maxBodyBytes) return this.#failTooLarge("has");
    try {
      this.#parser!.push(chunk);
    } catch (error) {
      return this.#failUnparsable(error);
    }
    this.#options.heldBytesChanged();
  }

  #finish(): void {
    try {
      this.#result = { up: true, body: this.#parser!.finish(), claimed: this.#claimed! };
    } catch (error) {
      return this.#failUnparsable(error);
    }
    this.#parser = undefined;
    this.#options.heldBytesChanged();
    this.#settle();
  }

  #settle(): void {
    if (this.#startedMs !== undefined) this.#durationMs = performance.now() - this.#startedMs;
    this.#options.settled();
  }

  #failTooLarge(verb: "announces" | "has"): void {
    this.#options.metrics.limitHit("max_body_size");
    this.fail({
      reason: "too_large",
      detail: `the body ${verb} more than ${this.#options.maxBodyBytes} bytes (MAX_BODY_SIZE)`,
    });
  }

  #failUnparsable(error: unknown): void {
    if (!(error instanceof ExpositionError)) {
      // A fault of ours (or memory that could not be had) costs this pod only.
      this.fail({
        reason: "parse",
        detail: `the parser gave up (${error instanceof Error ? codeOf(error) : "unknown"})`,
      });
      return;
    }
    if (error.problem === "too_many_samples") this.#options.metrics.limitHit("max_samples_per_pod");
    this.fail({ reason: error.problem, detail: error.message });
  }
}

/** As Go's Header.Get, which Prometheus reads content types with. */
function firstOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** The type itself is not told: it is the pod's text. */
const unreadable = {
  foreign: "the body is of no format of metrics, by its Content-Type (FALLBACK_SCRAPE_PROTOCOL is empty)",
  protobuf: "the body is protobuf, which is not merged",
};

/** Pods that want the caller's credentials are the one thing that a user of the original has to set here. */
function describeStatus(
  status: number,
  {
    authorization,
    keepsAuthorization,
  }: Pick<PodScrapeOptions<HeldBody>, "authorization" | "keepsAuthorization">,
): string {
  const hint =
    (status === 401 || status === 403) && authorization === undefined && keepsAuthorization !== true
      ? "; the caller's Authorization is passed on with FORWARD_AUTHORIZATION=true only"
      : "";
  return `the pod answered ${status}${hint}`;
}
