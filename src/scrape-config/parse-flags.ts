// The argument vector -> the value of each flag, or every problem at once, one line each. Syntax of single flags only: what they mean
// together is in check-flags.ts. Never shows what may be a secret.
import { quoteValue } from "../config/given-value.ts";
import { readFlags } from "../config/read-flags.ts";
import { type Flag, type FlagKey, flags, type FlagValues, nameOf } from "./flags.ts";

export interface ParsedFlags {
  readonly help: boolean;
  readonly version: boolean;
  /** Complete unless there are problems. */
  readonly values: FlagValues;
  readonly problems: readonly string[];
}

const keys = Object.keys(flags) as FlagKey[];
const urlVariable = "EXTERNAL_URL";

export function parseFlags(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ParsedFlags {
  const shapes = keys.map((key) => ({
    flag: nameOf(key),
    placeholder: (flags[key] as Flag).kind?.placeholder,
  }));
  const { help, version, texts, problems: wrong } = readFlags(argv, shapes);
  const problems = [...wrong];
  const values: Partial<Record<FlagKey, unknown>> = {};
  for (const key of keys) {
    const flag: Flag = flags[key];
    const given = texts.get(nameOf(key)) ?? [];
    if (given.length > 1 && flag.many !== true) {
      problems.push(`Cannot use ${nameOf(key)}: given more than once`);
      continue;
    }
    if (flag.kind === undefined) {
      values[key] = given.length > 0;
      continue;
    }
    const variable = key === "externalUrl" && env[urlVariable] !== "" ? env[urlVariable] : undefined;
    const text = given.length > 0 ? given.map((one) => one.trim()).join(",") : (variable ?? flag.default);
    if (text === undefined) continue;
    const name = given.length === 0 && variable !== undefined ? urlVariable : nameOf(key);
    const outcome = readValue(flag.kind, text.trim());
    if ("problem" in outcome) problems.push(`Cannot use ${name}: ${outcome.problem}`);
    else values[key] = outcome.value;
  }
  return { help, version, values: values as unknown as FlagValues, problems };
}

function readValue(kind: NonNullable<Flag["kind"]>, text: string): { value: unknown } | { problem: string } {
  const result = kind.schema.safeParse(text);
  if (result.success) return { value: result.data };
  const message = result.error.issues[0]?.message ?? "";
  // The parsers of requests say best what is wrong.
  if (message.startsWith("Cannot ")) return { problem: `${message[0]!.toLowerCase()}${message.slice(1)}` };
  return { problem: `got ${quoteValue({ kind }, text)}; wanted ${kind.wanted}` };
}
