// One JSON line per event, written straight to the given stream: no worker threads, no files. Credentials are
// replaced before a line is formed; must never be used in a loop over bytes or samples.
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";

import { boundLine } from "./log-line.ts";

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
 * properties of it are not, because libraries hang requests with their headers on errors. Of a cause that is neither ours nor the
 * operating system's only type, code and place are written: its message may quote what a peer or a file said.
 */
export function createLogger({ level, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redactedPaths, censor: "[redacted]" },
      serializers: {
        err: (error: unknown) => describeError(error, { causesLeft: maxCauses, isCause: false }),
      },
      hooks: { streamWrite: boundLine },
    },
    destination,
  );
}

const maxCauses = 5;

interface ErrorDescription {
  readonly type?: string;
  readonly message?: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorDescription;
}

function describeError(
  error: unknown,
  { causesLeft, isCause }: { readonly causesLeft: number; readonly isCause: boolean },
): ErrorDescription {
  if (!(error instanceof Error)) return isCause ? { type: typeof error } : { message: String(error) };
  const { code } = error as { code?: unknown };
  const speaks = isCause ? isOwnOrSystems(error) : !mayQuote(error);
  return {
    type: error.name,
    ...(speaks && { message: error.message }),
    ...(typeof code === "string" && { code }),
    ...(error.stack !== undefined && { stack: speaks ? error.stack : framesOf(error.stack) }),
    ...(error.cause !== undefined &&
      causesLeft > 0 && { cause: describeError(error.cause, { causesLeft: causesLeft - 1, isCause: true }) }),
  };
}

/** Our own messages begin so; those of the operating system name a call, and a file or an address that we gave it. */
function isOwnOrSystems(error: Error): boolean {
  return error.message.startsWith("Cannot ") || "syscall" in error;
}

/** V8 quotes the text that it cannot parse, and Node.js the names in a certificate that it refuses. */
function mayQuote(error: Error): boolean {
  const { code } = error as { code?: unknown };
  return error instanceof SyntaxError || (typeof code === "string" && code.startsWith("ERR_TLS_CERT_"));
}

/** The stack without the message that stands before it. */
function framesOf(stack: string): string {
  return stack
    .split("\n")
    .filter((line) => /^ {4}at .+:\d+:\d+\)?$|^ {4}at .*\(<anonymous>\)$/.test(line))
    .join("\n");
}
