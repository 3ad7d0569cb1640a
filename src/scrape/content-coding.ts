// How a body is coded on the wire. Only what was asked for is taken: one gzip or zstd, or nothing.
import type { IncomingHttpHeaders } from "node:http";

/**
 * The Accept-Encoding for the pods of a merge. Without weights: some servers, those of Java among them, only look for the bare word
 * gzip.
 */
export function upstreamAcceptEncoding({ zstd }: { zstd: boolean }): string {
  return zstd ? "zstd, gzip" : "gzip";
}

/** `other`: a coding that is never asked for, or a chain of them. Exact names only: a parameter is not part of the grammar. */
export function contentCodingOf(headers: IncomingHttpHeaders): "identity" | "gzip" | "zstd" | "other" {
  // undici gives a repeated header as a list, whatever the type says.
  const header: unknown = headers["content-encoding"];
  if (header === undefined) return "identity";
  if (typeof header !== "string") return "other";
  switch (header.trim().toLowerCase()) {
    case "":
    case "identity":
      return "identity";
    case "gzip":
    case "x-gzip":
      return "gzip";
    case "zstd":
      return "zstd";
    default:
      return "other";
  }
}

/** Whether a body is coded for its transfer otherwise than in chunks: nothing here would undo that. */
export function hasForeignTransferCoding(headers: IncomingHttpHeaders): boolean {
  const header: unknown = headers["transfer-encoding"];
  return header !== undefined && (typeof header !== "string" || header.trim().toLowerCase() !== "chunked");
}
