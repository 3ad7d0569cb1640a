// Where the frames of a zstd stream end (RFC 8878, section 3.1). Looks at headers alone; whether blocks are whole is for the
// decoder to say. Needed because Node's decoder ignores what stands behind a frame in one chunk, and does not notice
// before version 24.21 that a stream is cut short.

const frameMagic = 0xfd2f_b528;
/** The first of sixteen. */
const skippableMagic = 0x184d_2a50;
const bytesOfStep = { magic: 4, skippableSize: 4, descriptor: 1, block: 3 };
const bytesOfDictionaryId = [0, 1, 2, 4];
const bytesOfContentSize = [0, 2, 4, 8];

export class ZstdFrames {
  #step: keyof typeof bytesOfStep = "magic";
  /** The number that is being read, least significant byte first. */
  #value = 0;
  #valueBytes = 0;
  /** Bytes to pass over before the next number. */
  #skip = 0;
  /** The frame ends where the bytes to pass over do. */
  #ending = false;
  #checksumBytes = 0;
  #count = 0;

  /** Frames that have ended, skippable ones included. */
  get count(): number {
    return this.#count;
  }

  /** Whether there is a frame, and the last one has ended. */
  get complete(): boolean {
    return this.#count > 0 && this.#step === "magic" && this.#valueBytes === 0;
  }

  /**
   * Goes on at `start`, less than the length of the chunk, and returns where the frame ends, or the length of the chunk while it goes
   * on. Undefined when there is no frame; then nothing may be called any more.
   */
  next(chunk: Uint8Array, start: number): number | undefined {
    let at = start;
    for (;;) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (this.#skip === 0 && this.#ending) {
        this.#ending = false;
        this.#step = "magic";
        this.#count++;
        return at;
      }
      if (at === chunk.length) return at;
      this.#value += chunk[at++]! * 256 ** this.#valueBytes++;
      if (this.#step === "magic" && !this.#canBeMagic()) return undefined;
      if (this.#valueBytes < bytesOfStep[this.#step]) continue;
      const value = this.#value;
      this.#value = 0;
      this.#valueBytes = 0;
      if (!this.#take(value)) return undefined;
    }
  }

  /** Also of a part: what is not a frame shall not pass for one that is cut short. */
  #canBeMagic(): boolean {
    const above = 256 ** this.#valueBytes;
    return this.#value === frameMagic % above || this.#value - (this.#value % 16) === skippableMagic % above;
  }

  #take(value: number): boolean {
    switch (this.#step) {
      case "magic":
        this.#step = value === frameMagic ? "descriptor" : "skippableSize";
        return true;
      case "skippableSize":
        this.#skip = value;
        this.#ending = true;
        return true;
      case "descriptor":
        return this.#takeDescriptor(value);
      case "block":
        return this.#takeBlock(value);
    }
  }

  #takeDescriptor(value: number): boolean {
    const isReservedBitSet = (value & 8) !== 0;
    const isSingleSegment = (value & 32) !== 0;
    const contentSize = bytesOfContentSize[value >> 6]!;
    // A single segment has its size, of at least one byte, in the place of the window's.
    this.#skip =
      (isSingleSegment ? Math.max(1, contentSize) : 1 + contentSize) + bytesOfDictionaryId[value & 3]!;
    this.#checksumBytes = (value & 4) === 0 ? 0 : 4;
    this.#step = "block";
    return !isReservedBitSet;
  }

  #takeBlock(value: number): boolean {
    const type = (value >> 1) & 3;
    const isRepeatedByte = type === 1;
    this.#skip = isRepeatedByte ? 1 : value >> 3;
    if ((value & 1) === 1) {
      this.#skip += this.#checksumBytes;
      this.#ending = true;
    }
    return type !== 3;
  }
}
