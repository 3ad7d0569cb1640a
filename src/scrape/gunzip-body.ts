// Decompresses a gzip body (RFC 1952, any number of members) as it arrives, with backpressure and without a limit of its own:
// the receiver counts what comes out. Trailing bytes after the last member void the body, zero padding included.
import { createGunzip, type Gunzip } from "node:zlib";

import { codeOf, type PodFailure } from "./pod-failure.ts";

export interface GunzipReceiver {
  /** The chunk is the receiver's until it returns. */
  data(chunk: Buffer): void;
  end(): void;
  failed(failure: PodFailure): void;
  /** There is room again after write() returned false. */
  drained(): void;
}

/** Large, because each chunk costs a round through the thread pool. */
const chunkBytes = 64 * 1024;

export class GunzipBody {
  readonly #gunzip: Gunzip;
  readonly #receiver: GunzipReceiver;
  #written = 0;
  #done = false;

  constructor(receiver: GunzipReceiver) {
    this.#receiver = receiver;
    this.#gunzip = createGunzip({ chunkSize: chunkBytes });
    this.#gunzip.on("data", (chunk: Buffer) => {
      if (!this.#done) this.#receiver.data(chunk);
    });
    this.#gunzip.on("drain", () => {
      if (!this.#done) this.#receiver.drained();
    });
    this.#gunzip.on("end", () => this.#outputEnded());
    this.#gunzip.on("error", (error) => {
      this.#fail(
        codeOf(error) === "Z_BUF_ERROR"
          ? { reason: "truncated", detail: "the gzip stream ends early" }
          : { reason: "parse", detail: `the gzip stream is damaged (${codeOf(error)})` },
      );
    });
  }

  /** False: hold back until drained(). */
  write(chunk: Buffer): boolean {
    this.#written += chunk.length;
    return this.#gunzip.write(chunk);
  }

  end(): void {
    this.#gunzip.end();
  }

  /** Nothing comes any more. */
  destroy(): void {
    this.#done = true;
    this.#gunzip.destroy();
  }

  #outputEnded(): void {
    if (this.#done) return;
    // zlib stops at a zero byte after a member and ignores the rest; Prometheus (Go's compress/gzip) refuses it.
    if (this.#gunzip.bytesWritten !== this.#written) {
      this.#fail({ reason: "parse", detail: "there are bytes after the gzip stream" });
      return;
    }
    this.destroy();
    this.#receiver.end();
  }

  #fail(failure: PodFailure): void {
    if (this.#done) return;
    this.destroy();
    this.#receiver.failed(failure);
  }
}
