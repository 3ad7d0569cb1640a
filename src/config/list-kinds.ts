// Options that are lists, with commas between their items.
import * as z from "zod";
import { parseCidr } from "./cidr.ts";
import { findPatternProblem, splitPatterns } from "./pattern-list.ts";
import type { ValueKind } from "./value-kinds.ts";

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

/** Each once. */
export function namespaceList(): ValueKind<string[]> {
  const { schema, ...namespaces } = list({
    placeholder: "namespace,...",
    wanted: "a comma separated list of namespaces, such as team-a,team-b",
    item: readNamespace,
  });
  return { ...namespaces, schema: schema.transform((names) => [...new Set(names)]) };
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

export function audienceList(): ValueKind<string[]> {
  return list({
    placeholder: "audience,...",
    wanted: "a comma separated list of audiences, such as https://proxy.example",
    item: (text) =>
      /^[\x21-\x7e]{1,1024}$/.test(text)
        ? { value: text }
        : { reason: "an audience has visible ASCII characters and no blanks" },
  });
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

interface ListShape<T> {
  readonly placeholder: string;
  readonly wanted: string;
  readonly split?: (text: string) => string[];
  readonly item: (text: string) => { value: T } | { reason: string };
}

/** An empty item is refused, never skipped: `a,` and `$UNSET,a` are slips, and an empty pattern would match everything. */
export function list<T>({ placeholder, wanted, split = splitAtCommas, item }: ListShape<T>): ValueKind<T[]> {
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
