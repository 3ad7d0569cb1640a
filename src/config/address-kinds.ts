// Options that say where something is: hosts, addresses, URLs and paths of URLs.
import { isIP, isIPv6 } from "node:net";
import * as z from "zod";
import type { ValueKind } from "./value-kinds.ts";

const maxUrlPrefixLength = 256;
/** Prometheus writes them in a path as escapes, and no path is taken that has escapes. */
const escapedByPrometheus = /[!'()*]/;

/** "" or whole segments as in `/a/b`, of the characters that the guard of paths accepts. */
export function urlPrefix(): ValueKind<string> {
  const segment = "(?!\\.+(?:/|$))[A-Za-z0-9\\-._~:@!$&'()*+,=]+";
  return {
    schema: z
      .string()
      .min(1)
      .max(maxUrlPrefixLength)
      .regex(new RegExp(`^/?(?:${segment}(?:/${segment})*/?)?$`))
      .transform((text) => {
        const bare = text.replace(/^\/|\/$/g, "");
        return bare === "" ? "" : `/${bare}`;
      }),
    placeholder: "path",
    wanted:
      "a path such as v1, /v1 or /team-a/v1/, with letters, digits and -._~:@!$&'()*+,= in segments that are neither empty " +
      `nor all dots, at most ${maxUrlPrefixLength} bytes`,
  };
}

export function ipAddress(): ValueKind<string> {
  return {
    schema: z.string().refine((text) => isIP(text) !== 0),
    placeholder: "address",
    wanted: "an IP address without brackets, such as 127.0.0.1 or ::",
  };
}

/** What a certificate is for: a DNS name without wildcards, or an IP literal. */
export function serverName(): ValueKind<string> {
  const label = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
  // The last label is never all digits: 10.0.0 is a slip, not a name.
  const dnsName = new RegExp(String.raw`^(?=.{1,253}$)(?:${label}\.)*(?!\d+$)${label}$`);
  return {
    schema: z.string().refine((text) => dnsName.test(text) || (isIP(text) !== 0 && !text.includes("%"))),
    placeholder: "name",
    wanted: "a DNS name such as metrics.example, or an IP address without brackets",
  };
}

/** The name or address of a server, as Kubernetes writes it: IPv6 without brackets. */
export function hostName(): ValueKind<string> {
  return {
    schema: z.string().refine(isHost),
    placeholder: "host",
    wanted: "a host name or an IP address without brackets, such as 10.96.0.1",
  };
}

/** Only what a URL keeps as it is: `10.96.0.256` is none, and `0x7f.1` would become another address. */
function isHost(text: string): boolean {
  if (isIPv6(text)) return !text.includes("%");
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/i.test(text)) return false;
  return URL.canParse(`https://${text}`) && new URL(`https://${text}`).hostname === text.toLowerCase();
}

/** Where an API is: scheme, host, port and a path that stands before its own paths. */
export interface ApiAddress {
  /** `https://10.96.0.1`; without the scheme's own port, as URLs are written. */
  readonly origin: string;
  /** "" or `/prefix`, without a slash at its end. */
  readonly pathPrefix: string;
}

export function apiUrl(): ValueKind<ApiAddress> {
  return {
    schema: z.string().transform((text, context) => {
      const url = URL.canParse(text) && /^https?:\/\//i.test(text) ? new URL(text) : undefined;
      if (url !== undefined && url.username === "" && url.password === "" && !/[?#]/.test(text)) {
        return { origin: url.origin, pathPrefix: url.pathname.replace(/\/+$/, "") };
      }
      context.addIssue("not a URL of that form");
      return z.NEVER;
    }),
    // Credentials stand before an @, tokens in a query.
    conceals: (text) => /[@?#]/.test(text),
    placeholder: "url",
    wanted: "an http or https URL without user, query and fragment, such as https://kubernetes.example:6443",
  };
}

/** Where callers reach the proxy. */
export interface ExternalUrl {
  readonly scheme: "http" | "https";
  /** Name or address and, unless it is the scheme's own, port: `proxy.example:5053`, `[fd00::1]`. */
  readonly host: string;
  /** "" or as in `/a/b`. */
  readonly pathPrefix: string;
}

export function externalUrl(): ValueKind<ExternalUrl> {
  const prefix = urlPrefix();
  return {
    schema: z.string().transform((text, context) => {
      const [, authority = "", path = ""] = /^https?:\/\/([^/?#@\\]+)(\/.*)?$/i.exec(text) ?? [];
      const url = URL.canParse(text) ? new URL(text) : undefined;
      // As it was written: a URL that has to be changed to be one is not what its author meant.
      const isPlain = authority !== "" && url?.hostname === authority.toLowerCase().replace(/:[1-9]\d*$/, "");
      const pathPrefix = path === "" || path === "/" ? { data: "" } : prefix.schema.safeParse(path);
      if (isPlain && pathPrefix.data !== undefined && !escapedByPrometheus.test(path)) {
        const scheme = url.protocol === "https:" ? "https" : "http";
        return { scheme, host: url.host, pathPrefix: pathPrefix.data } as const;
      }
      context.addIssue("not a URL of that form");
      return z.NEVER;
    }),
    // Credentials stand before an @, tokens in a query.
    conceals: (text) => /[@?#]/.test(text),
    placeholder: "url",
    wanted:
      "an http or https URL without user, query, fragment and any of !'()* in its path, such as https://proxy.example:5053/v1",
  };
}
