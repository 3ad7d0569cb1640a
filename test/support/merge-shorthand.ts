/** Shorthand of the tests for the reference merger: bodies and answers in one line each. */
import { mergeReference, type ReferenceOptions } from "./reference-merger.ts";
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
  return mergeReference(sources, { ...shorthandOptions, ...more, format });
}
