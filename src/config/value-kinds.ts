// The kinds of values that options take: text in, checked value out, and words for what is wanted. Syntax only; what
// a value means together with others is checked in resolve-settings.ts.
import { isIP } from "node:net";
import * as z from "zod";
import { parseCidr } from "./cidr.ts";
import { findPatternProblem, splitPatterns } from "./pattern-list.ts";

export interface ValueKind<T> {
  /** Text to value. The issues of list items carry the index of the item as their path, and a reason as their message. */
  readonly schema: z.ZodType<T, string>;
  /** Stands for the value in `--flag <placeholder>`. */
  readonly placeholder: string;
  /** Completes "wanted ...". */
  readonly wanted: string;
  /** For lists: the texts of the items, as the schema sees them. */
  readonly split?: (text: string) => string[];
}

const millisecondsPerUnit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const bytesPerUnit = { "": 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Milliseconds from `1500ms`, `10s`, `2m`, `1h`. At most a day: a timer holds no more than 24 of them. */
export function duration({ min }: { min: "0s" | "1ms" }): ValueKind<number> {
  return {
    schema: quantity(millisecondsPerUnit, min === "0s" ? 0 : 1, 24 * millisecondsPerUnit.h),
    placeholder: "duration",
    wanted: `a duration from ${min} to 24h, such as 1500ms, 10s, 2m or 1h`,
  };
}

/** Bytes from `16MiB`, `512KiB`, `1GiB` or a plain number. */
export function size(): ValueKind<number> {
  return {
    schema: quantity(bytesPerUnit, 1, 1024 ** 4),
    placeholder: "size",
    wanted: "a size from 1 to 1024GiB, such as 512KiB, 16MiB, 1GiB or a plain number of bytes",
  };
}

export function count({ max }: { max: number }): ValueKind<number> {
  return {
    schema: quantity({ "": 1 }, 1, max),
    placeholder: "number",
    wanted: `a whole number from 1 to ${max}`,
  };
}

/** A port to listen on; 0 is any free one. */
export function listenPort(): ValueKind<number> {
  return {
    schema: quantity({ "": 1 }, 0, 65_535),
    placeholder: "port",
    wanted: "a port number from 1 to 65535, or 0 for any free port",
  };
}

export function boolean(): ValueKind<boolean> {
  return {
    schema: z.enum(["true", "false"]).transform((text) => text === "true"),
    placeholder: "true|false",
    wanted: "true or false",
  };
}

/** As Node.js reads NODE_TLS_REJECT_UNAUTHORIZED: false for `0` alone. */
export function rejectUnauthorized(): ValueKind<boolean> {
  return {
    schema: z
      .string()
      .min(1)
      .transform((text) => text !== "0"),
    placeholder: "0|1",
    wanted: "0, or anything else to have certificates verified",
  };
}

export function choice<const T extends string>(choices: readonly T[]): ValueKind<T> {
  return {
    schema: z.enum(choices),
    placeholder: choices.join("|"),
    wanted: choices.join(", ").replace(/, (?=[^,]*$)/, " or "),
  };
}

export function filePath(): ValueKind<string> {
  return {
    schema: z
      .string()
      .min(1)
      .regex(/^\P{Cc}*$/u),
    placeholder: "file",
    wanted: "the path of a file",
  };
}

const maxUrlPrefixLength = 256;

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

/** Canonical networks. */
export function cidrList(): ValueKind<string[]> {
  return list({
    placeholder: "cidr,...",
    wanted: "a comma separated list of networks, such as 10.244.0.0/16,fd00:10:244::/56",
    item: (text) => {
      const cidr = parseCidr(text);
      return "reason" in cidr ? cidr : { value: cidr.text };
    },
  });
}

export function patternList(): ValueKind<string[]> {
  return list({
    placeholder: "pattern,...",
    wanted: "a comma separated list of RE2 patterns, such as ^/metrics$,^/[a-z]+/metrics$",
    split: splitPatterns,
    item: (text) => {
      const reason = findPatternProblem(text);
      return reason === undefined ? { value: text } : { reason };
    },
  });
}

export function namespaceList(): ValueKind<string[]> {
  return list({
    placeholder: "namespace,...",
    wanted: "a comma separated list of namespaces, such as team-a,team-b",
    item: readNamespace,
  });
}

/** Namespaces, or `*` alone for all of them. */
export function watchList(): ValueKind<string[] | "*"> {
  const { schema, ...namespaces } = namespaceList();
  return {
    ...namespaces,
    schema: z.string().transform((text, context) => {
      if (text === "*") return text;
      const result = schema.safeParse(text);
      if (result.success) return result.data;
      for (const { path, message } of result.error.issues)
        context.addIssue({ code: "custom", path, message });
      return z.NEVER;
    }),
    placeholder: "namespace,...|*",
    wanted: `${namespaces.wanted}, or * alone for all of them`,
  };
}

function readNamespace(text: string): { value: string } | { reason: string } {
  return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)
    ? { value: text }
    : { reason: "a namespace has 1 to 63 lower-case letters, digits and inner hyphens" };
}

/** A bearer token: visible ASCII without blanks, because it becomes a header. */
export function bearerToken(): ValueKind<string> {
  return {
    schema: z.string().regex(/^[\x21-\x7e]+$/),
    placeholder: "token",
    wanted: "one token without blanks",
  };
}

/** The name or address of a server, as Kubernetes writes it: IPv6 without brackets. */
export function hostName(): ValueKind<string> {
  return {
    schema: z
      .string()
      .refine((text) => isIP(text) !== 0 || /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/i.test(text)),
    placeholder: "host",
    wanted: "a host name or an IP address without brackets, such as 10.96.0.1",
  };
}

export function remotePort(): ValueKind<number> {
  return {
    schema: quantity({ "": 1 }, 1, 65_535),
    placeholder: "port",
    wanted: "a port number from 1 to 65535",
  };
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
    placeholder: "url",
    wanted: "an http or https URL without user, query and fragment, such as https://kubernetes.example:6443",
  };
}

/** Inclusive range of ports. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export function portList(): ValueKind<PortRange[]> {
  return list({
    placeholder: "port,...",
    wanted: "a comma separated list of ports and ranges, such as 9100,8000-8999",
    item: (text) => {
      const [, from, to = from] = /^([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?$/.exec(text) ?? [];
      const range = { from: Number(from), to: Number(to) };
      if (range.from <= range.to && range.to <= 65_535) return { value: range };
      return { reason: "ports go from 1 to 65535, ranges upwards" };
    },
  });
}

/** A whole number and one of the units, within bounds given in the smallest unit. */
function quantity(
  units: Readonly<Record<string, number>>,
  min: number,
  max: number,
): z.ZodType<number, string> {
  const pattern = new RegExp(`^(0|[1-9]\\d{0,15})(${Object.keys(units).join("|")})$`);
  return z
    .string()
    .regex(pattern)
    .transform((text) => {
      const [, amount, unit = ""] = pattern.exec(text) ?? [];
      return Number(amount) * (units[unit] ?? Number.NaN);
    })
    .pipe(z.number().min(min).max(max));
}

interface ListShape<T> {
  readonly placeholder: string;
  readonly wanted: string;
  readonly split?: (text: string) => string[];
  readonly item: (text: string) => { value: T } | { reason: string };
}

/** An empty item is refused, never skipped: `a,` and `$UNSET,a` are slips, and an empty pattern would match everything. */
function list<T>({ placeholder, wanted, split = splitAtCommas, item }: ListShape<T>): ValueKind<T[]> {
  const itemSchema = z.string().transform((text, context) => {
    const outcome = text === "" ? { reason: "an empty item" } : item(text);
    if ("value" in outcome) return outcome.value;
    context.addIssue({ code: "custom", message: outcome.reason });
    return z.NEVER;
  });
  return { schema: z.string().transform(split).pipe(z.array(itemSchema)), placeholder, wanted, split };
}

function splitAtCommas(text: string): string[] {
  return text.split(",").map((item) => item.trim());
}
