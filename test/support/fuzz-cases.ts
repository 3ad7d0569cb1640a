/**
 * Random cases for the fuzzer: some bodies of either format, made by the arbitraries of the property tests or from the
 * kept corpus, cut, joined and damaged; and how they are merged.
 */
import type { ExpositionFormat } from "../../src/exposition/format.ts";
import * as fc from "fast-check";
import { damage } from "./damaged-bytes.ts";
import { damagedBody, textSnippets, tokenSoup, validBody } from "./exposition-arbitraries.ts";
import { type CheckedPod, findProblemOfPods } from "./exposition-checks.ts";
import type { CorpusBody } from "./fuzz-corpus.ts";
import {
  damagedOpenMetricsBody,
  openMetricsSnippets,
  openMetricsSoup,
  validOpenMetricsBody,
} from "./openmetrics-arbitraries.ts";
import { podLabels } from "./parse-exposition.ts";

export interface FuzzCase {
  readonly pods: readonly CheckedPod[];
  readonly labelConflict: "rename" | "honor" | "drop";
  readonly utf8Names: boolean;
  /** Names of the families that are asked for; undefined: all. */
  readonly wanted?: readonly string[] | undefined;
}

/** What is wrong with the engine in this case; undefined when nothing is. */
export const findCaseProblem = ({ pods, ...options }: FuzzCase) => findProblemOfPods(pods, options);

/** @param formats of the bodies */
export function fuzzCases(
  corpus: readonly CorpusBody[],
  formats: readonly ExpositionFormat[],
): fc.Arbitrary<FuzzCase> {
  const body = fc.oneof(
    ...formats.map((format) => bodiesOf(format, corpus).map((bytes) => ({ body: bytes, format }))),
  );
  return fc
    .record({
      bodies: fc.array(body, { minLength: 1, maxLength: 3 }),
      isLabelled: fc.boolean(),
      labelConflict: fc.constantFrom("rename", "honor", "drop"),
      utf8Names: fc.constantFrom(true, true, true, false),
      // Of the names of which the arbitraries are made.
      wanted: fc.option(fc.subarray(["x", "y", "x_total", "x_bucket", "x_sum", "x_info", "y_count", "a.b"]), {
        nil: undefined,
        freq: 3,
      }),
    })
    .map(({ bodies, isLabelled, labelConflict, utf8Names, wanted }) => ({
      pods: labelPods(bodies, isLabelled),
      labelConflict,
      utf8Names,
      wanted,
    }));
}

/** Every way to merge some bodies. */
export function casesOf(bodies: readonly CorpusBody[]): FuzzCase[] {
  return (["rename", "honor", "drop"] as const).flatMap((labelConflict) =>
    [true, false].flatMap((utf8Names) =>
      [true, false].map((isLabelled) => ({ pods: labelPods(bodies, isLabelled), labelConflict, utf8Names })),
    ),
  );
}

const labelPods = (bodies: readonly Omit<CheckedPod, "labels">[], isLabelled: boolean) =>
  bodies.map(({ body, format }, index) => ({
    body,
    format,
    labels: isLabelled ? podLabels(`p"${index}`) : [],
  }));

function bodiesOf(format: ExpositionFormat, corpus: readonly CorpusBody[]): fc.Arbitrary<Buffer> {
  const kept = fc.constantFrom(...corpus.filter((one) => one.format === format).map(({ body }) => body));
  const place = fc.double({ min: 0, max: 1, noNaN: true });
  const joined = fc
    .tuple(kept, kept, place, place)
    .map(([head, tail, end, start]) =>
      Buffer.concat([
        head.subarray(0, Math.round(end * head.length)),
        tail.subarray(Math.round(start * tail.length)),
      ]),
    );
  const isText = format === "text";
  const snippets = isText ? textSnippets : openMetricsSnippets;
  return fc.oneof(
    (isText ? validBody : validOpenMetricsBody).map((text) => Buffer.from(text)),
    isText ? damagedBody : damagedOpenMetricsBody,
    isText ? tokenSoup : openMetricsSoup,
    damage(kept, snippets, 4),
    joined,
    damage(joined, snippets),
  );
}
