// The bytes that the catalogue describes instead of writing them down. Made piece by piece, as they are taken: some of them are
// gigabytes. Strings are latin-1.
import { Readable } from "node:stream";
import { createGzip, gzipSync } from "node:zlib";

import type { BodyGenerator, Part } from "./attack.ts";

const pieceBytes = 64 * 1024;
/** Bodies up to this are made at once, so that their length is known. */
const smallBytes = 16 * 1024 * 1024;

export function* piecesOfPart(part: Part): Generator<Buffer> {
  if (typeof part === "string") yield Buffer.from(part, "latin1");
  else if ("repeat" in part) yield* repeated(part.repeat);
  else yield* sequence(part.seq);
}

export function bytesOfParts(parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.flatMap((part) => [...piecesOfPart(part)]));
}

/** The whole body when it is not large, else its pieces. */
export function bodyOf(generator: BodyGenerator): Buffer | AsyncIterable<Buffer> {
  return sizeOf(generator) <= smallBytes ? wholeBody(generator) : pieces(generator);
}

function* repeated({ s, times }: { s: string; times: number }): Generator<Buffer> {
  const unit = Buffer.from(s, "latin1");
  if (unit.length === 0) return;
  const perPiece = Math.max(1, Math.floor(pieceBytes / unit.length));
  const piece = Buffer.alloc(unit.length * Math.min(perPiece, times), unit);
  for (let left = times; left > 0; left -= perPiece)
    yield left >= perPiece ? piece : piece.subarray(0, left * unit.length);
}

/** `%d` stands for 0, 1, 2 and so on. */
function* sequence({ fmt, n }: { fmt: string; n: number }): Generator<Buffer> {
  const perPiece = 1024;
  for (let from = 0; from < n; from += perPiece) {
    const lines = Array.from({ length: Math.min(perPiece, n - from) }, (_, i) =>
      fmt.replaceAll("%d", String(from + i)),
    );
    yield Buffer.from(lines.join(""), "latin1");
  }
}

/** Before any compression; at least the true size. */
function sizeOf(generator: BodyGenerator): number {
  if ("text" in generator) return generator.text.length;
  if ("repeat" in generator) return generator.repeat.s.length * generator.repeat.times;
  if ("seq" in generator) return (generator.seq.fmt.length + 8) * generator.seq.n;
  if ("concat" in generator) return generator.concat.reduce((sum, inner) => sum + sizeOf(inner), 0);
  return sizeOf(innerOf(generator));
}

type Wrapping = Exclude<
  BodyGenerator,
  { text: string } | { repeat: unknown } | { seq: unknown } | { concat: BodyGenerator[] }
>;

function innerOf(generator: Wrapping): BodyGenerator {
  if ("gzip" in generator) return generator.gzip;
  return "truncate" in generator ? generator.truncate : generator.badCrc;
}

function wholeBody(generator: BodyGenerator): Buffer {
  if ("text" in generator) return Buffer.from(generator.text, "latin1");
  if ("repeat" in generator || "seq" in generator) return bytesOfParts([generator]);
  if ("concat" in generator) return Buffer.concat(generator.concat.map(wholeBody));
  const inner = wholeBody(innerOf(generator));
  if ("gzip" in generator) return gzipSync(inner);
  if ("truncate" in generator) return inner.subarray(0, Math.floor(inner.length / 2));
  const damaged = Buffer.from(inner);
  // RFC 1952 section 2.3.1: the CRC32 stands before the length, which ends the member.
  const at = damaged.length - 8;
  damaged[at] = damaged[at]! ^ 0xff;
  return damaged;
}

async function* pieces(generator: BodyGenerator): AsyncGenerator<Buffer> {
  if ("repeat" in generator) yield* repeated(generator.repeat);
  else if ("seq" in generator) yield* sequence(generator.seq);
  else if ("gzip" in generator) {
    const source = Readable.from(pieces(generator.gzip), { objectMode: true });
    yield* source.pipe(createGzip({ level: 1 })) as AsyncIterable<Buffer>;
  } else if ("concat" in generator) for (const inner of generator.concat) yield* pieces(inner);
  else if ("text" in generator) yield Buffer.from(generator.text, "latin1");
  // Their damage is at the end, which nobody reads of a body of that size.
  else yield* pieces(innerOf(generator));
}
