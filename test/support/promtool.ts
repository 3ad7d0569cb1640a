// Prometheus' own checkers. That of the text format is a parser and a linter in one, and no judge of everything: it accepts a series
// twice and families in pieces.

import { runCommand } from "./run-command.ts";
import { prometheusPaths, type PrometheusVersion } from "./tool-paths.ts";

export interface PromtoolResult {
  /** 0: no remarks. 3: it parses, with remarks on style. 1: it does not parse. */
  readonly exitCode: number;
  readonly output: string;
}

export async function promtoolCheckMetrics(
  body: string | Uint8Array,
  version: PrometheusVersion,
): Promise<PromtoolResult> {
  const { promtool } = prometheusPaths(version);
  const { exitCode, stdout, stderr } = await runCommand(promtool, ["check", "metrics"], { input: body });
  return { exitCode, output: (stdout + stderr).trim() };
}

/** `promtool check config`: 0 when Prometheus would start with that file. It looks for the files that are named in it. */
export async function promtoolCheckConfig(file: string, version: PrometheusVersion): Promise<PromtoolResult> {
  const { promtool } = prometheusPaths(version);
  const { exitCode, stdout, stderr } = await runCommand(promtool, ["check", "config", file], { input: "" });
  return { exitCode, output: (stdout + stderr).trim() };
}

/** `promtool check web-config`: 0 when it accepts the file, with the files that it names. */
export async function promtoolCheckWebConfig(
  path: string,
  version: PrometheusVersion,
): Promise<PromtoolResult> {
  const { promtool } = prometheusPaths(version);
  const { exitCode, stdout, stderr } = await runCommand(promtool, ["check", "web-config", path], {
    input: "",
  });
  return { exitCode, output: (stdout + stderr).trim() };
}
