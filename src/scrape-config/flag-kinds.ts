// The kinds of values that only `scrape-config` takes. What the proxy will be asked is read by the parsers that it uses itself, so
// that nothing is printed that it would refuse.
import * as z from "zod";
import { duration, filePath, type ValueKind } from "../config/value-kinds.ts";
import { MalformedRequestError } from "../targets/malformed-request-error.ts";

/** As a parser of requests reads it; the issue's message is the parser's own. */
export function requestPart<T>(
  parse: (text: string) => T,
  { placeholder, wanted }: { placeholder: string; wanted: string },
): ValueKind<T> {
  return {
    schema: z.string().transform((text, context) => {
      try {
        return parse(text);
      } catch (error) {
        if (!(error instanceof MalformedRequestError)) throw error;
        context.addIssue({ code: "custom", message: error.message });
        return z.NEVER;
      }
    }),
    placeholder,
    wanted,
  };
}

/** A duration as it was written, which is how Prometheus writes it too, and what it is. */
export interface WrittenDuration {
  readonly text: string;
  readonly ms: number;
}

export function writtenDuration(): ValueKind<WrittenDuration> {
  const { schema, ...kind } = duration({ min: "1ms" });
  return {
    ...kind,
    schema: z
      .string()
      .transform((text) => ({ text, ms: text }))
      .pipe(z.object({ text: z.string(), ms: schema })),
  };
}

/** One line of text that means nothing to anybody but Prometheus. */
export function plainText({
  placeholder,
  without = "",
}: {
  placeholder: string;
  without?: string;
}): ValueKind<string> {
  return {
    schema: z
      .string()
      .refine((text) => /^\P{Cc}{1,200}$/u.test(text) && (without === "" || !text.includes(without))),
    placeholder,
    wanted: `1 to 200 characters on one line${without === "" ? "" : `, without "${without}"`}`,
  };
}

/** A file; with --operator, `<secret>/<key>` in its place. Not what looks like the contents of one: it would be printed. */
export function fileOrSecretKey(): ValueKind<string> {
  const { schema, conceals, ...kind } = filePath();
  return {
    ...kind,
    schema: schema.refine((text) => conceals?.(text) !== true),
    conceals: (text) => conceals?.(text) === true,
    placeholder: "file|secret/key",
    wanted: "the path of a file; with --operator, <secret>/<key>",
  };
}
