// A second opinion on expositions, from a parser that shares no code with ours or with Prometheus: Python's
// prometheus_client. Strict about OpenMetrics, lenient about the text format.

import { fileURLToPath } from "node:url";
import { runCommand } from "./run-command.ts";
import { oraclePaths } from "./tool-paths.ts";

type Format = "text" | "openmetrics";

export type OracleVerdict =
  { readonly accepted: true } | { readonly accepted: false; readonly error: string };

/** @throws Error when the oracle itself does not work, so that a broken Python never looks like a verdict */
export async function askOracle(body: string | Uint8Array, format: Format): Promise<OracleVerdict> {
  return (await askOracleOfEach([body], format))[0]!;
}

/** The same for many bodies of one format, each for itself, by one process. */
export async function askOracleOfEach(
  bodies: readonly (string | Uint8Array)[],
  format: Format,
): Promise<readonly OracleVerdict[]> {
  const { python, modules } = oraclePaths();
  const script = fileURLToPath(new URL("openmetrics-oracle.py", import.meta.url));
  // -B: no compiled files beside the modules, which may be read-only or shared.
  const { exitCode, stdout, stderr } = await runCommand(python, ["-B", script, format], {
    input: JSON.stringify(bodies.map((body) => Buffer.from(body).toString("base64"))),
    env: modules === undefined ? {} : { PYTHONPATH: modules },
    timeoutMs: 40_000,
  });
  if (exitCode !== 0) throw new Error(`Cannot ask prometheus_client: exit code ${exitCode}: ${stderr}`);
  const problems = JSON.parse(stdout) as (string | null)[];
  if (problems.length !== bodies.length) throw new Error("Cannot ask prometheus_client: it answers not all");
  return problems.map((error) => (error === null ? { accepted: true } : { accepted: false, error }));
}
