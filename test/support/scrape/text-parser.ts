// A body parser that keeps text instead of samples, for tests of what brings the bytes.
import { ExpositionError } from "../../../src/exposition/exposition-error.ts";
import type { BodyParserLike, HeldBody } from "../../../src/scrape/scrape-pod.ts";

export interface TextBody extends HeldBody {
  readonly text: string;
}

/** Refuses a body that contains `garbage`; counts lines as samples, of which it takes `maxSamples`. */
export class TextParser implements BodyParserLike<TextBody> {
  readonly #maxSamples: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  released = false;

  constructor(o: { maxSamples?: number } = {}) {
    this.#maxSamples = o.maxSamples ?? Infinity;
  }

  get heldBytes(): number {
    return this.#bytes;
  }

  push(chunk: Uint8Array): void {
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
  }

  finish(): TextBody {
    const text = Buffer.concat(this.#chunks).toString("latin1");
    if (text.includes("garbage")) throw new ExpositionError("parse", "garbage", 1, 0);
    const samples = text.split("\n").length - 1;
    if (samples > this.#maxSamples) throw new ExpositionError("too_many_samples", "too many samples", 1, 0);
    return { text, samples, heldBytes: this.#bytes, release: () => this.release() };
  }

  release(): void {
    this.released = true;
  }
}
