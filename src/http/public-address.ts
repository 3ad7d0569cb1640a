// Where callers reach this proxy, in their own eyes: what targets of `/sd` are told. Only EXTERNAL_URL is trusted beyond the request
// itself; headers that some proxy may have set are not.
import type { ExternalUrl } from "../config/address-kinds.ts";
import { HttpError } from "./http-error.ts";

export interface PublicAddress {
  readonly scheme: "http" | "https";
  /** Host and port, as in an address of Prometheus. */
  readonly host: string;
  /** Before the paths of the routes: "" or as in `/a/b`. */
  readonly pathPrefix: string;
}

export interface PublicAddressOptions {
  readonly externalUrl: ExternalUrl | undefined;
  /** Whether the listener speaks HTTPS. */
  readonly tls: boolean;
  /** APP_URL_PREFIX. */
  readonly urlPrefix: string;
}

/** Throws HttpError 400 when there is neither EXTERNAL_URL nor a Host. */
export function publicAddressOf(
  host: string | undefined,
  { externalUrl, tls, urlPrefix }: PublicAddressOptions,
): PublicAddress {
  if (externalUrl !== undefined) return externalUrl;
  if (host !== undefined && host !== "")
    return { scheme: tls ? "https" : "http", host, pathPrefix: urlPrefix };
  throw new HttpError(
    400,
    "Cannot tell the proxy's address: the request has no Host, and EXTERNAL_URL is not set",
  );
}
