// The part of all targets that one of several Prometheus servers scrapes: the same as its own `hashmod` on `__tmp_hash` gives.
import { createHash } from "node:crypto";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";

const maxShards = 10_000;

/** The pods whose hash leaves `index` when it is divided by `count`. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/** Reads `i/n`, i from 0 to n - 1. Throws MalformedRequestError. */
export function parseShard(text: string): Shard {
  const [, index, count] = (/^(0|[1-9][0-9]{0,4})\/([1-9][0-9]{0,4})$/.exec(text) ?? []).map(Number);
  if (index !== undefined && count !== undefined && count <= maxShards && index < count)
    return { index, count };
  throw new MalformedRequestError(
    "shard",
    `Cannot read shard ${quote(text)}: it has to be <i>/<n>, i from 0 to n - 1, n at most ${maxShards}`,
  );
}

/** `hashmod` of Prometheus' relabelling: of the MD5 sum the last eight bytes, as a big-endian number, modulo n. */
export function isInShard(uid: string, { index, count }: Shard): boolean {
  const hash = createHash("md5").update(uid).digest().readBigUInt64BE(8);
  return hash % BigInt(count) === BigInt(index);
}
