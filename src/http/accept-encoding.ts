// Which content codings a caller takes (RFC 9110 section 12.5.3). Never guesses: what cannot be read means no.
import { readWeight } from "../exposition/negotiation/media-type.ts";

/** The weights of a caller's codings, from 0 (does not take it) to 1. */
export interface CodingWeights {
  readonly gzip: number;
  readonly zstd: number;
  /** 0 unless the caller names it: it is taken all the same, when nothing else is. */
  readonly identity: number;
}

export type ContentCoding = keyof CodingWeights;

/**
 * No header: nothing but identity, as in Prometheus. Of a coding that stands twice the first counts. `*` stands for gzip, which
 * everybody knows, and not for zstd.
 */
export function readAcceptEncoding(header: string | undefined): CodingWeights {
  const weights = new Map<string, number>();
  for (const item of (header ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    const coding = name === "x-gzip" ? "gzip" : name;
    if (!weights.has(coding)) weights.set(coding, readWeight(quality));
  }
  const others = weights.get("*") ?? 0;
  return {
    gzip: weights.get("gzip") ?? others,
    zstd: weights.get("zstd") ?? 0,
    identity: weights.get("identity") ?? 0,
  };
}

/** What an answer is sent in: the coding of the highest weight, and of equal ones zstd, which is the cheaper. */
export function chooseCoding({ gzip, zstd, identity }: CodingWeights): ContentCoding {
  const highest = Math.max(gzip, zstd);
  if (highest === 0 || identity > highest) return "identity";
  return zstd === highest ? "zstd" : "gzip";
}

/**
 * The Accept-Encoding for a pod whose answer goes to the caller as it is. Not the caller's own list: a coding that the proxy does
 * not know is none of its business to ask pods for.
 */
export function forwardedCodings({ gzip, zstd }: CodingWeights): string {
  const codings = Object.entries({ zstd, gzip })
    .filter(([, weight]) => weight > 0)
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, weight]) => (weight === 1 ? name : `${name};q=${weight}`));
  return codings.length === 0 ? "identity" : codings.join(", ");
}
