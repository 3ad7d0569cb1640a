/** What must hold of the exposition engine for all bodies, not only for those that somebody thought of. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Label } from "../src/exposition/label.ts";
import { mergeExpositions } from "../src/exposition/merge.ts";
import { damagedBody, tokenSoup, validBody } from "./support/exposition-arbitraries.ts";
import { findProblem, parseExposition, podLabels } from "./support/parse-exposition.ts";
import { mergeReference } from "./support/reference-merger.ts";
import { parseReference } from "./support/reference-parser.ts";
import { isPlain, type Sample } from "./support/reference-sample.ts";

const reservedLabels = ["podname", "podip"];
const blockBytes = 256 * 1024;

const labelConflict = fc.constantFrom("rename", "honor", "drop");
/** A few pods with their bodies; the names of some need escapes. */
const pods = fc
  .array(fc.tuple(validBody, fc.constantFrom("p", 'q"\\\n', "größe")), { maxLength: 4 })
  .map((list) => list.map(([body, name], index) => ({ body, labels: podLabels(`${name}${index}`) })));

type Pods = readonly { readonly body: string | Uint8Array; readonly labels: readonly Label[] }[];

/** Merges, and holds what the engine says of an answer against the answer. */
function merge(sources: Pods, conflict: "rename" | "honor" | "drop", reserved = reservedLabels): string {
  const parsed = sources.map(({ body, labels }) => ({
    body: parseExposition(body, { reservedLabels: reserved }),
    labels,
  }));
  const merged = mergeExpositions(parsed, { labelConflict: conflict, format: "text" });
  const blocks = [...merged.blocks()];
  const bytes = Buffer.concat(blocks);
  expect(bytes.length).toBeLessThanOrEqual(merged.maxBytes);
  for (const block of blocks) expect(block.length).toBeLessThanOrEqual(blockBytes);
  return bytes.toString();
}

/** Samples as text that does not depend on how they are written. */
const contents = (samples: readonly Sample[]) =>
  samples
    .map(({ name, labels, value, timestamp }) =>
      JSON.stringify([name, labels.map((label) => [label.name, label.value]), value, timestamp]),
    )
    .sort();

describe("mergeExpositions()", () => {
  test("writes what the slow merger writes, byte for byte", () => {
    fc.assert(
      fc.property(pods, labelConflict, fc.boolean(), (sources, conflict, isLabelled) => {
        const labelled = isLabelled ? sources : sources.map(({ body }) => ({ body, labels: [] }));
        expect(merge(labelled, conflict)).toBe(
          mergeReference(labelled, { labelConflict: conflict, reservedLabels }),
        );
      }),
      { numRuns: 600 },
    );
  });

  test("loses, adds and changes no sample but for the labels that were asked for", () => {
    fc.assert(
      fc.property(pods, (sources) => {
        const given = sources.flatMap(({ body, labels }) =>
          parseReference(body).samples.map((sample): Sample =>
            Object.assign({}, sample, {
              labels: [...labels, ...sample.labels.filter(({ name }) => !reservedLabels.includes(name))],
            }),
          ),
        );
        expect(contents(parseReference(merge(sources, "drop")).samples)).toEqual(contents(given));
      }),
      { numRuns: 300 },
    );
  });

  test("writes valid expositions: families whole, one TYPE before their samples, label names once", () => {
    fc.assert(
      fc.property(pods, labelConflict, (sources, conflict) => {
        const { entries } = parseReference(merge(sources, conflict));
        const typed = new Map<string, string>();
        const helped = new Set<string>();
        let family = "";
        for (const entry of entries) {
          if ("value" in entry) {
            const suffixes = { histogram: /^_(bucket|sum|count)$/, summary: /^(|_sum|_count)$/ };
            const suffix = entry.name.startsWith(family) ? entry.name.slice(family.length) : undefined;
            const allowed = suffixes[typed.get(family) as keyof typeof suffixes] ?? /^$/;
            expect(suffix).toMatch(allowed);
            expect(new Set(entry.labels.map(({ name }) => name)).size).toBe(entry.labels.length);
            expect(isPlain(entry, "text")).toBe(true);
          } else if (entry.kind === "HELP") {
            expect(helped).not.toContain(entry.name);
            expect(typed).not.toContain(entry.name);
            helped.add(entry.name);
          } else {
            expect(typed.has(entry.name)).toBe(false);
            typed.set(entry.name, entry.text);
            family = entry.name;
          }
        }
      }),
      { numRuns: 250 },
    );
  });

  test("changes nothing when its answer is merged again", () => {
    fc.assert(
      fc.property(pods, labelConflict, (sources, conflict) => {
        const once = merge(sources, conflict);
        expect(merge([{ body: once, labels: [] }], conflict, [])).toBe(once);
      }),
      { numRuns: 250 },
    );
  });

  test("writes no quoted names for a scraper that does not take them", () => {
    fc.assert(
      fc.property(validBody, (body) => {
        const problem = findProblem(body, { utf8Names: false });
        const { samples } = parseReference(body);
        const isLegacy = samples.every(
          ({ name, labels }) =>
            /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) &&
            labels.every((label) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(label.name)),
        );
        expect(problem === undefined).toBe(isLegacy);
        if (problem !== undefined) return;
        const parsed = parseExposition(body, { utf8Names: false });
        const merged = mergeExpositions([{ body: parsed, labels: [] }], {
          labelConflict: "rename",
          format: "text",
        });
        const text = Buffer.concat([...merged.blocks()]).toString();
        expect(contents(parseReference(text).samples)).toEqual(contents(samples));
        const withoutValues = text.replaceAll(/=[ \t]*"(?:[^"\\]|\\[^])*"/g, "");
        expect(withoutValues).not.toMatch(/^\{|^[^#\n]*"|^# (?:HELP|TYPE) "/m);
      }),
      { numRuns: 250 },
    );
  });
});

describe("BodyParser", () => {
  const check = (what: string, bodies: fc.Arbitrary<Uint8Array>, numRuns: number) => {
    test(`takes or refuses ${what}, and what it takes can be merged and read again`, () => {
      fc.assert(
        fc.property(bodies, (body) => {
          // Anything thrown but an ExpositionError fails here.
          if (findProblem(body) !== undefined) return;
          const { samples } = parseExposition(body);
          const text = merge([{ body, labels: podLabels("p") }], "rename");
          expect(parseExposition(text).samples).toBe(samples);
        }),
        { numRuns },
      );
    });
  };

  check("any bytes", fc.uint8Array({ maxLength: 200 }), 2000);
  check("words of the format without order", tokenSoup, 3000);
  check("damaged bodies", damagedBody, 3000);
});
