/** What must hold of a merge of OpenMetrics, in OpenMetrics and down to text, for all bodies. */
import type { ExpositionFormat } from "../src/exposition/format.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Label } from "../src/exposition/label.ts";
import { validBody } from "./support/exposition-arbitraries.ts";
import { findStructureProblem } from "./support/exposition-structure.ts";
import {
  damagedOpenMetricsBody,
  openMetricsSoup,
  validOpenMetricsBody,
} from "./support/openmetrics-arbitraries.ts";
import { mergeToBuffer, parseChunks, parseExposition, podLabels } from "./support/parse-exposition.ts";
import { findMergeProblem, findProblemOfPods } from "./support/exposition-checks.ts";
import { parseReference } from "./support/reference-parser.ts";
import type { Sample } from "./support/reference-sample.ts";

const reservedLabels = ["podname", "podip"];
const labelConflict = fc.constantFrom("rename", "honor", "drop");

interface Pod {
  readonly body: string;
  readonly format: ExpositionFormat;
  readonly labels: readonly Label[];
}

const openMetricsPod = validOpenMetricsBody.map((body) => ({ body, format: "openmetrics" as const }));
const textPod = validBody.map((body) => ({ body, format: "text" as const }));

/** A few pods with their bodies; the names of some need escapes. */
const podsOf = (bodies: fc.Arbitrary<{ body: string; format: ExpositionFormat }>): fc.Arbitrary<Pod[]> =>
  fc
    .array(fc.tuple(bodies, fc.constantFrom("p", 'q"\\\n', "größe")), { maxLength: 4 })
    .map((list) =>
      list.map(([{ body, format }, name], index) => ({ body, format, labels: podLabels(`${name}${index}`) })),
    );
const openMetricsPods = podsOf(openMetricsPod);
const mixedPods = podsOf(fc.oneof(openMetricsPod, textPod));

function merge(
  pods: readonly Pod[],
  format: ExpositionFormat,
  conflict: "rename" | "honor" | "drop" = "rename",
  reserved = reservedLabels,
): string {
  const sources = pods.map((pod) => ({
    body: parseExposition(pod.body, { format: pod.format, reservedLabels: reserved }),
    labels: pod.labels,
  }));
  return mergeToBuffer(sources, conflict, format).toString();
}

const withoutLabels = (pods: readonly Pod[]) =>
  pods.map((pod): Pod => Object.assign({}, pod, { labels: [] }));

describe.each([
  ["OpenMetrics to OpenMetrics", openMetricsPods, "openmetrics"],
  ["OpenMetrics to text", openMetricsPods, "text"],
  ["OpenMetrics and text to text", mixedPods, "text"],
] as const)("mergeExpositions() of %s", (_, pods, format) => {
  test("writes what the slow merger writes, byte for byte", () => {
    fc.assert(
      fc.property(pods, labelConflict, fc.boolean(), (list, conflict, isLabelled) => {
        const sources = isLabelled ? list : withoutLabels(list);
        expect(findMergeProblem(sources, { format, labelConflict: conflict })).toBeUndefined();
      }),
      { numRuns: 600 },
    );
  });

  test("loses, adds and changes no sample but for the labels that were asked for", () => {
    fc.assert(
      fc.property(pods, (list) => {
        const given = list.flatMap((pod) =>
          parseReference(pod.body, pod.format).samples.flatMap((sample) => {
            const own = sample.labels.filter(({ name }) => !reservedLabels.includes(name));
            return contents(Object.assign({}, sample, { labels: [...pod.labels, ...own] }), format);
          }),
        );
        const merged = parseReference(merge(list, format, "drop"), format).samples;
        expect(merged.flatMap((sample) => contents(sample, format)).sort()).toEqual(given.sort());
      }),
      { numRuns: 300 },
    );
  });

  test("writes valid expositions: metadata first and once, families whole, names that the type allows", () => {
    fc.assert(
      fc.property(pods, labelConflict, (list, conflict) => {
        expect(findStructureProblem(merge(list, format, conflict), format)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  test("changes nothing when its answer is merged again", () => {
    fc.assert(
      fc.property(pods, labelConflict, (list, conflict) => {
        // Without samples `x_total_total` is taken for a counter of text, and `x_total` then again.
        fc.pre(!list.some(({ body }) => /^# TYPE "?x_total_total"? counter$/m.test(body)));
        const once = merge(list, format, conflict);
        expect(merge([{ body: once, format, labels: [] }], format, conflict, [])).toBe(once);
      }),
      { numRuns: 300 },
    );
  });
});

/**
 * A sample as text that does not depend on how it is written. Nothing when the text format has no such time. Exemplars
 * are not looked at: families that are dissolved lose theirs.
 */
function contents({ format, name, labels, value, timestamp }: Sample, output: ExpositionFormat): string[] {
  const isConverted = format === "openmetrics" && output === "text" && timestamp !== "";
  const milliseconds = isConverted ? Math.trunc(Number(timestamp) * 1000) : 0;
  if (milliseconds < 0 || milliseconds >= 2 ** 63) return [];
  const time = isConverted ? String(BigInt(milliseconds)) : timestamp;
  return [JSON.stringify([name, labels.map((label) => [label.name, label.value]), value, time])];
}

describe("mergeExpositions() of exemplars", () => {
  test("keeps each, byte for byte, where no family is dissolved", () => {
    const exemplar = fc.constantFrom(
      "",
      " # {} 1",
      ' # {t="a # {"} 0.5 1.5',
      ' # {a="\\z",} NaN',
      ' # {"t.id"="}"} 1 -1',
    );
    const series = fc.constantFrom(
      "x_total",
      "x_total{}",
      'x_total{podname="q"}',
      'x_total{a="b",}',
      '{a="b","x_total"}',
    );
    const line = fc.tuple(series, fc.constantFrom("", " 12.5"), exemplar);
    const exemplars = (body: string) =>
      parseReference(body, "openmetrics").samples.map((sample) => [sample.timestamp, sample.exemplar]);
    fc.assert(
      fc.property(fc.array(line), labelConflict, (lines, conflict) => {
        const text = lines.map(([name, time, rest]) => `${name} 1${time}${rest}\n`).join("");
        const body = `# TYPE x counter\n${text}# EOF\n`;
        const pod = { body, format: "openmetrics", labels: podLabels("p") } as const;
        expect(exemplars(merge([pod], "openmetrics", conflict))).toEqual(exemplars(body));
      }),
      { numRuns: 200 },
    );
  });
});

describe("BodyParser of OpenMetrics", () => {
  const check = (what: string, bodies: fc.Arbitrary<Uint8Array>, numRuns: number) => {
    test(`takes or refuses ${what} as the slow parser does, and what it takes can be merged and read again`, () => {
      fc.assert(
        // Anything thrown but an ExpositionError fails there.
        fc.property(bodies, (body) => {
          const pod = { body, format: "openmetrics", labels: podLabels("p") } as const;
          expect(findProblemOfPods([pod], { labelConflict: "rename" })).toBeUndefined();
        }),
        { numRuns },
      );
    });
  };

  check("any bytes", fc.uint8Array({ maxLength: 200 }), 1000);
  check("words of the format without order", openMetricsSoup, 3000);
  check("damaged bodies", damagedOpenMetricsBody, 3000);
  check(
    "valid bodies",
    validOpenMetricsBody.map((body) => Buffer.from(body)),
    300,
  );

  test("takes a body in any pieces", () => {
    fc.assert(
      fc.property(validOpenMetricsBody, fc.array(fc.nat()), (body, cuts) => {
        const bytes = Buffer.from(body);
        const ends = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
        const pieces = [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
        const mergeOf = (chunks: Uint8Array[]) => {
          const parsed = parseChunks(chunks, { format: "openmetrics" });
          return mergeToBuffer(
            [{ body: parsed, labels: podLabels("p") }],
            "rename",
            "openmetrics",
          ).toString();
        };
        expect(mergeOf(pieces)).toBe(mergeOf([bytes]));
      }),
      { numRuns: 300 },
    );
  });

  test("takes no quoted names for a scraper that does not take them", () => {
    fc.assert(
      fc.property(validOpenMetricsBody, (body) => {
        // Of names within exemplars nothing is said.
        fc.pre(!/ # \{.*"=/.test(body));
        const pod = { body, format: "openmetrics", labels: podLabels("p") } as const;
        const problem = findProblemOfPods([pod], { labelConflict: "rename", utf8Names: false });
        expect(problem).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});
