// Decompresses a body as it arrives, gzip (RFC 1952, any number of members) or zstd (RFC 8878, a bounded number of frames), with
// backpressure and without a limit on the output: the receiver counts what comes out. Bytes after the last member or frame
// void the body, zero padding included.
import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from "node:zlib";

import { codeOf, type PodFailure } from "./pod-failure.ts";
import { ZstdFrames } from "./zstd-frames.ts";

export interface DecodedReceiver {
  /** The chunk is the receiver's until it returns. */
  data(chunk: Buffer): void;
  end(): void;
  /** Also from inside write() and end(). */
  failed(failure: PodFailure): void;
  /** There is room again after write() returned false. */
  drained(): void;
}

/** Large, because each chunk costs a round through the thread pool. */
const chunkBytes = 64 * 1024;

/**
 * 8 MiB, the most that a content coding may need (RFC 9659); by itself the decoder would take 128 MiB. Of that no more is in use
 * than has come out, which the receiver holds as well.
 */
const maxWindowLog = 23;

/** Each frame costs a round through the thread pool, however small it is. Encoders make one, or one per megabyte and more. */
const maxFrames = 1000;

export class BodyDecoder {
  readonly #coding: "gzip" | "zstd";
  readonly #decoder: Gunzip | ZstdDecompress;
  readonly #frames = new ZstdFrames();
  readonly #receiver: DecodedReceiver;
  #written = 0;
  #done = false;

  constructor(coding: "gzip" | "zstd", receiver: DecodedReceiver) {
    this.#coding = coding;
    this.#receiver = receiver;
    this.#decoder =
      coding === "gzip"
        ? createGunzip({ chunkSize: chunkBytes })
        : createZstdDecompress({
            chunkSize: chunkBytes,
            params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
          });
    this.#decoder.on("data", (chunk: Buffer) => {
      if (!this.#done) this.#receiver.data(chunk);
    });
    this.#decoder.on("drain", () => {
      if (!this.#done) this.#receiver.drained();
    });
    this.#decoder.on("end", () => this.#outputEnded());
    this.#decoder.on("error", (error) => this.#decoderFailed(codeOf(error)));
  }

  /** False: hold back until drained(). */
  write(chunk: Buffer): boolean {
    return this.#coding === "gzip" ? this.#feed(chunk) : this.#writeFrames(chunk);
  }

  end(): void {
    if (this.#coding === "zstd" && !this.#frames.complete) this.#failTruncated();
    else this.#decoder.end();
  }

  /** Nothing comes any more. */
  destroy(): void {
    this.#done = true;
    this.#decoder.destroy();
  }

  /** Frame by frame: of what stands behind a frame in one chunk, the decoder would see nothing. */
  #writeFrames(chunk: Buffer): boolean {
    let hasRoom = true;
    for (let at = 0; at < chunk.length && !this.#done;) {
      const end = this.#frames.next(chunk, at);
      if (end === undefined) {
        this.#failUnparsable(this.#frames.count === 0 ? "is damaged" : "has other bytes after it");
        return true;
      }
      if (this.#frames.count > maxFrames) {
        this.#failUnparsable(`has more than ${maxFrames} frames`);
        return true;
      }
      hasRoom = this.#feed(chunk.subarray(at, end)) && hasRoom;
      at = end;
    }
    return hasRoom;
  }

  #feed(chunk: Buffer): boolean {
    this.#written += chunk.length;
    return this.#decoder.write(chunk);
  }

  #outputEnded(): void {
    // zlib stops at a zero byte after a member and ignores the rest; Prometheus (Go's compress/gzip) refuses it.
    if (this.#decoder.bytesWritten !== this.#written) this.#failUnparsable("has other bytes after it");
    if (this.#done) return;
    this.destroy();
    this.#receiver.end();
  }

  #decoderFailed(code: string): void {
    if (code === "Z_BUF_ERROR") this.#failTruncated();
    else if (code === "ZSTD_error_frameParameter_windowTooLarge") {
      this.#failUnparsable(`needs a window of more than ${2 ** (maxWindowLog - 20)} MiB`);
    } else this.#failUnparsable(`is damaged (${code})`);
  }

  #failTruncated(): void {
    this.#fail({ reason: "truncated", detail: `the ${this.#coding} stream ends early` });
  }

  #failUnparsable(state: string): void {
    this.#fail({ reason: "parse", detail: `the ${this.#coding} stream ${state}` });
  }

  #fail(failure: PodFailure): void {
    if (this.#done) return;
    this.destroy();
    this.#receiver.failed(failure);
  }
}
