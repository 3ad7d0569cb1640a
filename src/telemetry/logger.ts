// One JSON line per event, written straight to the given stream: no worker threads, no files. Credentials are
// replaced before a line is formed; must never be used in a loop over bytes or samples.
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger } from "pino";

export interface LoggerOptions {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly format: "json";
  /** Gets whole lines, newline included. */
  readonly destination: DestinationStream;
}

const secretFields = [
  "authorization",
  "Authorization",
  "proxy-authorization",
  "cookie",
  "set-cookie",
  "token",
];

/** At the top of the line, one object deep (`headers`) and two deep (`req.headers`). */
const redactedPaths = secretFields
  .map((field) => `["${field}"]`)
  .flatMap((field) => [field, `*${field}`, `*.*${field}`]);

/**
 * Creates the logger. An error goes under the field `err`: its message, code, stack and causes are written, other
 * properties of it are not, because libraries hang requests with their headers on errors.
 */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: "[redacted]" },
      serializers: { err: (error: unknown) => describeError(error, maxCauses) },
    },
    destination,
  );
}

const maxCauses = 5;

interface ErrorDescription {
  readonly type?: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

function describeError(error: unknown, causesLeft: number): ErrorDescription {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === "string" && { code }),
    ...(error.stack !== undefined && { stack: error.stack }),
    ...(error.cause !== undefined && causesLeft > 0 && { cause: describeError(error.cause, causesLeft - 1) }),
  };
}
