// The kinds of values that options take: text in, checked value out, and words for what is wanted. Syntax only; what
// a value means together with others is checked in resolve-settings.ts. Lists: list-kinds.ts; addresses: address-kinds.ts.
import * as z from "zod";

export interface ValueKind<T> {
  /** Text to value. The issues of list items carry the index of the item as their path, and a reason as their message. */
  readonly schema: z.ZodType<T, string>;
  /** Stands for the value in `--flag <placeholder>`. */
  readonly placeholder: string;
  /** Completes "wanted ...". */
  readonly wanted: string;
  /** Whether a refused text may hold a secret, so that no message shows it. */
  readonly conceals?: (text: string) => boolean;
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

/** As Node.js reads NODE_TLS_REJECT_UNAUTHORIZED, but for blanks around it: false for `0` alone. */
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

/** Of the names in Prometheus' `scrape_protocols` those that are merged, or nothing. */
export function fallbackProtocol() {
  const protocols = [
    "PrometheusText0.0.4",
    "PrometheusText1.0.0",
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
  ] as const;
  return {
    schema: z.enum([...protocols, ""]),
    placeholder: "protocol",
    wanted: `${protocols.slice(0, -1).join(", ")} or ${protocols.at(-1)}, or nothing`,
  };
}

export function filePath(): ValueKind<string> {
  return {
    schema: z
      .string()
      .min(1)
      .regex(/^\P{Cc}*$/u),
    // A key or a token that was set in place of the path of its file.
    conceals: (text) => /\p{Cc}|-----BEGIN|^eyJ/u.test(text),
    placeholder: "file",
    wanted: "the path of a file",
  };
}

/** A bearer token: visible ASCII without blanks, because it becomes a header. */
export function bearerToken(): ValueKind<string> {
  return {
    schema: z.string().regex(/^[\x21-\x7e]+$/),
    placeholder: "token",
    wanted: "one token without blanks",
  };
}

export function remotePort(): ValueKind<number> {
  return {
    schema: quantity({ "": 1 }, 1, 65_535),
    placeholder: "port",
    wanted: "a port number from 1 to 65535",
  };
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
