// Takes the bytes that a client writes to one connection apart into requests. Bounded: what is longer than any request that is right
// is told as such, and nothing is read after it.
import { Buffer } from "node:buffer";

export interface SentRequest {
  readonly method: string;
  readonly target: string;
  /** The whole head, without the empty line. */
  readonly head: string;
  readonly body: Buffer;
}

const maxBytes = 256 * 1024;

export class RequestReader {
  #pending = Buffer.alloc(0);
  #isLost = false;

  /** The requests that end in this chunk; undefined, once, when it cannot be read as such. */
  next(chunk: Buffer): SentRequest[] | undefined {
    if (this.#isLost) return [];
    this.#pending = Buffer.concat([this.#pending, chunk]);
    const requests: SentRequest[] = [];
    for (;;) {
      const end = this.#pending.indexOf("\r\n\r\n");
      if (end === -1) break;
      const head = this.#pending.toString("latin1", 0, end);
      const [, method = "", target = ""] = /^([A-Z]+) (\S+) HTTP\/1\.1(?:\r\n|$)/u.exec(head) ?? [];
      const length = Number(/\r\ncontent-length: *(\d+)/iu.exec(head)?.[1] ?? 0);
      if (method === "" || length > maxBytes || /\r\ntransfer-encoding:/iu.test(head)) return this.#giveUp();
      const next = end + 4 + length;
      if (this.#pending.length < next) break;
      requests.push({ method, target, head, body: Buffer.from(this.#pending.subarray(end + 4, next)) });
      this.#pending = this.#pending.subarray(next);
    }
    return this.#pending.length > 2 * maxBytes ? this.#giveUp() : requests;
  }

  #giveUp(): undefined {
    this.#isLost = true;
    this.#pending = Buffer.alloc(0);
  }
}
