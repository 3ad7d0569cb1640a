// Runs a command of the system for the install script: bounded, in the C locale, and with its own words in the error.

import { execFileSync } from "node:child_process";

export interface RunOptions {
  /** Milliseconds; default 5 minutes: a download over a slow line. */
  readonly timeoutMs?: number;
  readonly cwd?: string;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

/** @returns what the command printed @throws Error with what it printed as errors, when it fails or takes too long */
export function run(command: string, args: readonly string[], options: RunOptions = {}): string {
  try {
    return execFileSync(command, args, {
      cwd: options.cwd,
      encoding: "utf8",
      env: { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive", ...options.env },
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: options.timeoutMs ?? 300_000,
      killSignal: "SIGKILL",
    });
  } catch (cause) {
    const { stderr, message } = cause as { stderr?: string; message: string };
    throw new Error(`Cannot run "${[command, ...args].join(" ")}": ${stderr?.trim() || message}`, { cause });
  }
}
