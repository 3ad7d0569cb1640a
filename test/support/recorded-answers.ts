// The merged answers that the tests of a file have got, each of which is checked when the file is through, whatever its tests are
// about: check-every-answer.ts.
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import type { ReferenceFormat } from "./reference-sample.ts";

export interface RecordedAnswer {
  readonly format: ReferenceFormat;
  readonly text: string;
}

const answers = new Map<string, RecordedAnswer>();

interface ReceivedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** To be called for every answer; those that are no merged exposition are left out. */
export function recordAnswer(target: string, { status, headers, body }: ReceivedAnswer): void {
  if (status !== 200 || !target.includes("/mproxy/") || body.length === 0) return;
  const decode = { gzip: gunzipSync, zstd: zstdDecompressSync }[String(headers["content-encoding"])];
  const text = (decode === undefined ? body : decode(body)).toString();
  const isOpenMetrics = String(headers["content-type"]).startsWith("application/openmetrics-text");
  answers.set(text, { text, format: isOpenMetrics ? "openmetrics" : "text" });
}

/** What was recorded since the last call. */
export function takeAnswers(): RecordedAnswer[] {
  const taken = [...answers.values()];
  answers.clear();
  return taken;
}
