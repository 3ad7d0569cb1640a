/**
 * The kept bodies of the fuzzer: test/fixtures/fuzz-corpus/<name>.<format>. Bodies that only together showed something
 * are <name>-1.<format>, <name>-2.<format> and so on.
 */
import type { ExpositionFormat } from "../../src/exposition/format.ts";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { CheckedPod } from "./exposition-checks.ts";

export interface CorpusBody {
  /** Without number and format. */
  readonly name: string;
  readonly format: ExpositionFormat;
  readonly body: Buffer;
}

const folder = new URL("../fixtures/fuzz-corpus/", import.meta.url);

export function readCorpus(): CorpusBody[] {
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const [, name, format] = /^(.*?)(?:-\d+)?\.(text|openmetrics)$/.exec(file) ?? [];
      if (name === undefined) throw new Error(`Cannot read the fuzz corpus: "${file}" names no format`);
      return { name, format: format as ExpositionFormat, body: readFileSync(new URL(file, folder)) };
    });
}

/** Keeps the bodies of a finding, to be replayed by every test run. Returns the name under which they stand. */
export function keepFinding(pods: readonly CheckedPod[]): string {
  const hash = createHash("sha256");
  for (const { body, format } of pods) hash.update(format).update(body);
  const name = `found-${hash.digest("hex").slice(0, 12)}`;
  for (const [index, { body, format }] of pods.entries()) {
    writeFileSync(new URL(`${name}-${index + 1}.${format}`, folder), body);
  }
  return name;
}
