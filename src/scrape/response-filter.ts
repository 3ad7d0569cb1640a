// Stands between a pod's socket and undici, for what undici does not do: it skips interim responses (1xx), where undici takes a
// `100 Continue` that it did not ask for as an error (RFC 9110 section 15.2 wants it skipped), and it bounds what a response takes
// on the wire, where undici reads chunk extensions and reason phrases without end. Never touches a byte of the final response.
import type { Socket } from "node:net";

import { PodError, type PodFailure } from "./pod-failure.ts";

// As many as Go's net/http takes, which is what pods are usually scraped with.
const maxInterimResponses = 5;
const maxInterimBytes = 16 * 1024;
const nothing: Buffer = Buffer.alloc(0);
const endOfHead = Buffer.from("\r\n\r\n");
// The first bytes of any interim response; x stands for a digit, _ for what may follow the status.
const interimPattern = "HTTP/1.x 1xx_";

const tooManyInterim: PodFailure = {
  reason: "connect",
  detail: `the answer has more than ${maxInterimResponses} interim responses`,
};
const tooManyBytes: PodFailure = {
  reason: "too_large",
  detail: "the answer takes too many bytes on the wire",
};

/** Belongs to one socket for its whole life; every request on the socket has to be announced. */
export class ResponseFilter {
  readonly #socket: Socket;
  #maxWireBytes = Infinity;
  #wireBytesBefore = 0;
  #skipping = false;
  #skipped = 0;
  #held = nothing;

  /** Puts itself between the socket and whoever calls its read(). */
  constructor(socket: Socket) {
    this.#socket = socket;
    // undici reads sockets only by read(); a stream in between would cost every byte, this costs only the first ones.
    const read = socket.read.bind(socket) as (size?: number) => Buffer | null;
    socket.read = (size?: number) => {
      const chunk = read(size);
      if (chunk === null) return null;
      // Not the chunks' lengths: undici puts back what it has no use for yet, and reads it again.
      if (socket.bytesRead - this.#wireBytesBefore > this.#maxWireBytes) return this.#refuse(tooManyBytes);
      return this.#skipping ? this.#filter(chunk) : chunk;
    };
  }

  /** A request was sent: what comes next is the head of its response, which may take so many bytes in all. */
  expectResponse({ maxWireBytes }: { maxWireBytes: number }): void {
    this.#maxWireBytes = maxWireBytes;
    this.#wireBytesBefore = this.#socket.bytesRead;
    this.#skipping = true;
    this.#skipped = 0;
    this.#held = nothing;
  }

  #filter(chunk: Buffer): Buffer | null {
    if (this.#skipped > maxInterimResponses) return null;
    let bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = nothing;
    while (mayBeInterim(bytes)) {
      const end = bytes.indexOf(endOfHead);
      if (end === -1 || bytes.length < interimPattern.length) {
        // Too long to be one: undici shall say what is wrong with it.
        if (bytes.length > maxInterimBytes) break;
        this.#held = bytes;
        return nothing;
      }
      if (++this.#skipped > maxInterimResponses) return this.#refuse(tooManyInterim);
      bytes = bytes.subarray(end + endOfHead.length);
      if (bytes.length === 0) return nothing;
    }
    this.#skipping = false;
    return bytes;
  }

  #refuse(failure: PodFailure): null {
    this.#socket.destroy(new PodError(failure));
    return null;
  }
}

/** The bytes are, or could become, an interim response other than 101, which is final for the connection as HTTP. */
function mayBeInterim(bytes: Buffer): boolean {
  const start = bytes.toString("latin1", 0, interimPattern.length);
  if (start.slice(9, 12) === "101") return false;
  for (let i = 0; i < start.length; i++) {
    const wanted = interimPattern[i]!;
    const given = start[i]!;
    if (wanted === "x") {
      if (given < "0" || given > "9") return false;
    } else if (wanted === "_") {
      if (given !== " " && given !== "\r") return false;
    } else if (given !== wanted) {
      return false;
    }
  }
  return true;
}
