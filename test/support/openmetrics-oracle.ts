// A second opinion on an exposition, from a parser that shares no code with ours or with Prometheus: Python's
// prometheus_client. Strict about OpenMetrics, lenient about the text format.

import { fileURLToPath } from "node:url";
import { runCommand } from "./run-command.ts";
import { oraclePaths } from "./tool-paths.ts";

export type OracleVerdict =
  { readonly accepted: true } | { readonly accepted: false; readonly error: string };

/** @throws Error when the oracle itself does not work, so that a broken Python never looks like a verdict */
export async function askOracle(
  body: string | Uint8Array,
  format: "text" | "openmetrics",
): Promise<OracleVerdict> {
  const { python, modules } = oraclePaths();
  const script = fileURLToPath(new URL("openmetrics-oracle.py", import.meta.url));
  // -B: no compiled files beside the modules, which may be read-only or shared.
  const result = await runCommand(python, ["-B", script, format], {
    input: body,
    env: modules === undefined ? {} : { PYTHONPATH: modules },
  });
  const verdict = result.stdout.trim();
  if (result.exitCode === 0 && verdict === "ok") {
    return { accepted: true };
  }
  if (result.exitCode === 0 && verdict.startsWith("error: ")) {
    return { accepted: false, error: verdict.slice("error: ".length) };
  }
  throw new Error(`Cannot ask prometheus_client: exit code ${result.exitCode}: ${result.stderr}`);
}
