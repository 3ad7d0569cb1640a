/**
 * The engine held against the slow parser and merger: what is wrong, in words, or undefined when nothing is. For the
 * property tests and the fuzzer, which share no other judge. Anything thrown but an ExpositionError is thrown on.
 */
import type { ExpositionFormat } from "../../src/exposition/format.ts";
import { isUtf8 } from "node:buffer";
import type { Label } from "../../src/exposition/label.ts";
import type { LabelConflict } from "../../src/exposition/rewrite-line.ts";
import { mergeExpositions } from "../../src/exposition/merge.ts";
import { findProblem, parseChunks, parseExposition } from "./parse-exposition.ts";
import { mergeReference } from "./reference-merger.ts";
import { parseReference } from "./reference-parser.ts";
import { isBareLabel, isBareMetric } from "./reference-writer.ts";

export interface CheckedPod {
  readonly body: string | Uint8Array;
  readonly format: ExpositionFormat;
  readonly labels: readonly Label[];
}

interface MergeChecks {
  readonly format: ExpositionFormat;
  readonly labelConflict: LabelConflict;
  readonly utf8Names?: boolean;
  /** Names of the families that are asked for; undefined: all. */
  readonly wanted?: readonly string[] | undefined;
}

const reservedLabels = ["podname", "podip"];

/**
 * Whether the engine takes a body exactly when the slow parser does (which knows that of OpenMetrics only), and in
 * pieces as in one.
 */
function findVerdictProblem(pod: Omit<CheckedPod, "labels">, utf8Names = true): string | undefined {
  const { format } = pod;
  const bytes = Buffer.from(pod.body as Uint8Array);
  const problem = findProblem(bytes, { format, utf8Names });
  const inPieces = findProblemInPieces(bytes, format, utf8Names);
  if (problem?.message !== inPieces) return `in pieces: ${inPieces}, in one: ${problem?.message}`;
  if (format === "text" || !isUtf8(bytes)) return undefined;
  const refused = findReferenceProblem(bytes.toString(), utf8Names);
  if ((problem === undefined) === (refused === undefined)) return undefined;
  return `engine: ${problem?.message ?? "takes it"}; slow parser: ${refused ?? "takes it"}`;
}

/** Byte by byte, which is every place where a chunk can end. */
function findProblemInPieces(
  bytes: Buffer,
  format: ExpositionFormat,
  utf8Names: boolean,
): string | undefined {
  const pieces = Array.from(bytes, (byte) => Uint8Array.of(byte));
  try {
    parseChunks(pieces, { format, utf8Names });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function findReferenceProblem(body: string, utf8Names: boolean): string | undefined {
  try {
    const { samples } = parseReference(body, "openmetrics");
    const isLegacy = samples.every(
      ({ name, labels }) => isBareMetric(name) && labels.every((label) => isBareLabel(label.name)),
    );
    return utf8Names || isLegacy ? undefined : "a name that needs quotes";
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether the engine merges as the slow merger does, and reads its own answer again. For bodies that it takes. */
export function findMergeProblem(pods: readonly CheckedPod[], checks: MergeChecks): string | undefined {
  const { format, labelConflict, utf8Names = true, wanted } = checks;
  const keepFamily =
    wanted === undefined
      ? undefined
      : (names: readonly string[]) => names.some((name) => wanted.includes(name));
  const options = { reservedLabels, utf8Names };
  const sources = pods.map(({ body, labels, ...pod }) => ({
    body: parseExposition(body, { ...options, format: pod.format }),
    labels,
  }));
  const merged = mergeExpositions(sources, { labelConflict, format, keepFamily });
  const answer = Buffer.concat([...merged.blocks()]);
  if (answer.length > merged.maxBytes) return `${answer.length} bytes, at most ${merged.maxBytes} were said`;
  if (!pods.every(({ body }) => typeof body === "string" || isUtf8(body))) return undefined;
  const bodies = pods.map((pod) => ({
    body: pod.body.toString(),
    format: pod.format,
    labels: pod.labels,
  }));
  const expected = mergeReference(bodies, {
    ...options,
    labelConflict,
    format,
    ...(keepFamily !== undefined && { keepFamily }),
  });
  if (answer.toString() !== expected) return `engine:\n${answer.toString()}\nslow merger:\n${expected}`;
  const again = parseExposition(answer, { ...options, format }).samples;
  const { samples } = parseReference(expected, format);
  return again === samples.length ? undefined : `${samples.length} samples, ${again} when read again`;
}

/** Everything that can be held of some bodies together: each verdict, and each answer that those taken can be made into. */
export function findProblemOfPods(
  pods: readonly CheckedPod[],
  options: Omit<MergeChecks, "format">,
): string | undefined {
  const { utf8Names = true } = options;
  for (const pod of pods) {
    const problem = findVerdictProblem(pod, utf8Names);
    if (problem !== undefined) return `verdict: ${problem}`;
  }
  const taken = pods.filter(({ body, format }) => findProblem(body, { format, utf8Names }) === undefined);
  const isOpenMetrics = pods.every(({ format }) => format === "openmetrics");
  for (const format of isOpenMetrics ? (["openmetrics", "text"] as const) : (["text"] as const)) {
    const problem = findMergeProblem(taken, { ...options, format });
    if (problem !== undefined) return `merged to ${format}: ${problem}`;
  }
  return undefined;
}
