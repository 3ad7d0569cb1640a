/** Shorthand of the tests for the exposition engine: bytes in, bytes out. Adds nothing of its own. */
import { BodyParser, type ParsedBody } from "../../src/exposition/body-parser.ts";
import { ExpositionError } from "../../src/exposition/exposition-error.ts";
import type { ExpositionFormat } from "../../src/exposition/format.ts";
import type { Label } from "../../src/exposition/label.ts";
import { mergeExpositions, type MergeSource } from "../../src/exposition/merge.ts";
import type { LabelConflict } from "../../src/exposition/rewrite-line.ts";

type ParserOptions = ConstructorParameters<typeof BodyParser>[0];

const defaults: ParserOptions = {
  format: "text",
  maxSamples: 1_000_000,
  reservedLabels: ["podname", "podip"],
  utf8Names: true,
};

/** Parses a body that arrives in one piece. Throws ExpositionError. */
export function parseExposition(body: string | Uint8Array, options: Partial<ParserOptions> = {}): ParsedBody {
  return parseChunks([typeof body === "string" ? Buffer.from(body) : body], options);
}

/** Parses a body that arrives in pieces; each piece is overwritten as soon as it has been handed over. */
export function parseChunks(chunks: Iterable<Uint8Array>, options: Partial<ParserOptions> = {}): ParsedBody {
  const parser = new BodyParser({ ...defaults, ...options });
  for (const chunk of chunks) {
    const copy = Uint8Array.from(chunk);
    parser.push(copy);
    copy.fill(0x21);
  }
  return parser.finish();
}

/** Why a body is void; undefined when it is not. Any other error is thrown on. */
export function findProblem(
  body: string | Uint8Array,
  options: Partial<ParserOptions> = {},
): ExpositionError | undefined {
  try {
    parseExposition(body, options);
    return undefined;
  } catch (error) {
    if (error instanceof ExpositionError) return error;
    throw error;
  }
}

/** The merged answer as a whole. */
export function mergeToBuffer(
  sources: readonly MergeSource[],
  labelConflict: LabelConflict = "rename",
  format: ExpositionFormat = "text",
): Buffer {
  return Buffer.concat([...mergeExpositions(sources, { labelConflict, format }).blocks()]);
}

/** What becomes of one body that gets `labels`, without metadata. */
export function labelSamples(
  body: string,
  labels: readonly Label[],
  labelConflict: LabelConflict = "rename",
): string {
  const merged = mergeToBuffer([{ body: parseExposition(body), labels }], labelConflict).toString();
  return merged.replace(/^# (?:HELP|TYPE) .*\n/gm, "");
}

export const podLabels = (podname: string, podip = "10.0.0.1"): Label[] => [
  { name: "podname", value: podname },
  { name: "podip", value: podip },
];
