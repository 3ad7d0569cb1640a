// Patterns as text: where the commas of METRICS_PATH_WHITELIST split, and whether a pattern is RE2 syntax. A pattern that could
// mean something else than its author saw must stop the start, because an accidental one opens every path.
import { RE2JS } from "re2js";
import * as z from "zod";
import type { ValueKind } from "./value-kinds.ts";

/** One pattern for keys, or nothing. */
export function keyPattern(): ValueKind<string> {
  return {
    schema: z.string().superRefine((text, context) => {
      const problem = findPatternProblem(text);
      if (problem !== undefined) context.addIssue(problem);
    }),
    placeholder: "pattern",
    wanted: "a pattern in RE2 syntax, such as prometheus\\.io/.*, or nothing",
  };
}

/**
 * Splits at the commas between patterns. A comma is part of the pattern in a repeat count (`{1,3}`), in a character
 * class (`[a,b]`) and behind a backslash. Items are trimmed; empty ones are kept for the caller to refuse.
 */
export function splitPatterns(text: string): string[] {
  const items: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length;) {
    if (text[at] === ",") {
      items.push(text.slice(start, at).trim());
      at += 1;
      start = at;
    } else {
      at += lengthOfToken(text, at);
    }
  }
  items.push(text.slice(start).trim());
  return items;
}

/** RE2's reason why `pattern` is not one, or undefined. Look-around and back-references are what RE2 cannot express. */
export function findPatternProblem(pattern: string): string | undefined {
  try {
    RE2JS.compile(pattern);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^error parsing regexp: /, "");
  }
}

/** Whether `pattern`, used as `match` says, lets through paths that nobody can have meant in particular. */
export function acceptsEveryPath(pattern: string, match: "search" | "full"): boolean {
  const compiled = RE2JS.compile(pattern);
  const probes = ["/", "/0", "/~.probe/-_a/B"];
  return probes.every((path) => (match === "full" ? compiled.testExact(path) : compiled.test(path)));
}

const repeatCount = /\{\d+,\d*\}/y;
// A class may start with `^`, then with a `]` that is a member; `[:alpha:]` and escapes stand for themselves.
const characterClass = /\[\^?\]?(?:\\[\s\S]|\[:\^?[a-z]+:\]|[^\]\\])*\]/y;

function lengthOfToken(text: string, at: number): number {
  switch (text.charAt(at)) {
    case "\\":
      return 2;
    case "{":
      return lengthOfMatch(repeatCount, text, at);
    case "[":
      return lengthOfMatch(characterClass, text, at);
    default:
      return 1;
  }
}

function lengthOfMatch(token: RegExp, text: string, at: number): number {
  token.lastIndex = at;
  return token.exec(text)?.[0].length ?? 1;
}
