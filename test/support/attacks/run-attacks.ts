// Runs a list of attacks, or a part of it, in a private network: starts the worker there and collects what it found.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import type { AttackResult, RunResult } from "./worker.ts";

const worker = fileURLToPath(new URL("worker.ts", import.meta.url));

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

export const cataloguePath = fixture("attacks.json");
/** Of the same form and against the same cluster: what came to our own minds beside the catalogue. */
export const ownAttacksPath = fixture("attacks-own.json");

export interface AttackRunOptions {
  /** Default: the catalogue. */
  readonly path?: string;
  /** Which attacks: of their ids. Default: all. */
  readonly only?: RegExp;
  /** Attacks this script instead of the program. */
  readonly entry?: string;
}

export interface AttackRun {
  readonly results: ReadonlyMap<string, AttackResult>;
  readonly whole: RunResult;
}

/** @throws Error when the worker does not come to its end */
export async function runAttacks({
  path = cataloguePath,
  only = /./u,
  entry,
}: AttackRunOptions = {}): Promise<AttackRun> {
  const command = [process.execPath, worker, path, only.source, ...(entry === undefined ? [] : [entry])];
  const child = spawn("unshare", ["-rn", ...command], { stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  const lines = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as AttackResult | RunResult);
  const whole = lines.find((line) => "violations" in line);
  if (whole === undefined || code !== 0)
    throw new Error(`Cannot run the attacks: the worker ended with ${code}\n${stderr.slice(-4000)}`);
  return { whole, results: new Map(lines.filter((line) => "id" in line).map((line) => [line.id, line])) };
}
