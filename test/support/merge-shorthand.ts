/** Shorthand of tests with answers written by hand: bodies and answers in one line each, for both mergers. */
import { parseExposition } from "./parse-exposition.ts";
import { mergeExpositions } from "../../src/exposition/merge.ts";
import { mergeReference, type ReferenceOptions, type ReferenceSource } from "./reference-merger.ts";
import type { ReferenceFormat } from "./reference-sample.ts";

export const shorthandOptions: ReferenceOptions = { labelConflict: "rename", reservedLabels: ["podname"] };

export const toLines = (text: string) => `${text.replaceAll(";", "\n")}\n`;

/** `;` stands for line feeds, `# EOF` is added. A body that begins with `text:` is text, any other OpenMetrics. */
export function mergeShort(
  format: ReferenceFormat,
  bodies: readonly string[],
  more: Partial<ReferenceOptions> = {},
): string {
  const sources = bodies.map((body) =>
    body.startsWith("text:")
      ? { body: toLines(body.slice(5)), format: "text" as const, labels: [] }
      : {
          body: `${body === "" ? "" : toLines(body)}# EOF\n`,
          format: "openmetrics" as const,
          labels: [],
        },
  );
  return mergeBoth(sources, { ...shorthandOptions, ...more, format });
}

/** What the slow merger writes. Throws when the engine writes anything else. */
export function mergeBoth(sources: readonly ReferenceSource[], options: ReferenceOptions): string {
  const expected = mergeReference(sources, options);
  const { format = "text", labelConflict, keepFamily, reservedLabels, utf8Names = true } = options;
  const parsed = sources.map(({ body, format: input = "text", labels }) => ({
    body: parseExposition(body, { format: input, reservedLabels, utf8Names }),
    labels,
  }));
  const merged = mergeExpositions(parsed, { labelConflict, format, keepFamily });
  const found = Buffer.concat([...merged.blocks()]).toString();
  if (found !== expected)
    throw new Error(`The engine writes something else:\n${found}\nand not:\n${expected}`);
  if (found.length > merged.maxBytes) throw new Error(`The engine writes more than ${merged.maxBytes} bytes`);
  return expected;
}
