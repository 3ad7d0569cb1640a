// The real program as a child process, started as users start it. Needs `npm run build` before.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { watchProgram } from "../canaries/watched-programs.ts";

const builtEntry = fileURLToPath(new URL("../../../bin/k8s-prometheus-proxy.js", import.meta.url));

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** A command that runs the command line behind its own arguments, such as `unshare`. */
  readonly under?: readonly string[];
  /** Another script in the program's place. */
  readonly entry?: string;
}

export interface Program {
  readonly process: ChildProcess;
  /** Whole lines of standard output so far. */
  readonly lines: readonly string[];
  readonly stderr: () => string;
  /** Resolves when the process has ended. */
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
}

/** Runs the program with only the given environment (and PATH); in end-to-end tests, watched. */
export function runProgram({ env = {}, args = [], under = [], entry = builtEntry }: ProgramOptions): Program {
  const lines: string[] = [];
  let partial = "";
  let stderr = "";
  const watching = watchProgram(() => [...lines, partial, stderr].join("\n"));
  const [command = process.execPath, ...rest] = [...under, process.execPath, ...watching, entry, ...args];
  const child = spawn(command, rest, {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (partial + text).split("\n");
    partial = parts.pop() ?? "";
    lines.push(...parts);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const exit = once(child, "close").then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
  }));
  return { process: child, lines, stderr: () => stderr, exit, kill: (signal) => void child.kill(signal) };
}

export interface StartedProgram extends Program {
  readonly port: number;
  readonly origin: string;
  readonly metricsOrigin: string;
}

/** Runs the program on free ports of 127.0.0.1 and waits until it says that it has started. */
export async function startProgram({ env = {}, ...options }: ProgramOptions): Promise<StartedProgram> {
  const program = runProgram({
    ...options,
    env: {
      CIDR_WHITELIST: "127.20.0.0/16",
      METRICS_PATH_WHITELIST: "^/metrics$",
      LISTEN_ADDRESS: "127.0.0.1",
      HTTP_PORT: "0",
      METRICS_HTTP_PORT: "0",
      SHUTDOWN_DELAY: "0s",
      ...env,
    },
  });
  const ended = program.exit.then(({ code }) => {
    throw new Error(
      `Cannot start the program: it ended with code ${code}\n${program.lines.join("\n")}${program.stderr()}`,
    );
  });
  await Promise.race([waitForLine(program, "Started"), ended]);
  // From here on its end is no failure.
  ended.catch(() => undefined);
  const { protocol, main, metrics } = parse(program.lines, "Listening") as {
    protocol: string;
    main: { port: number };
    metrics: { port: number };
  };
  return {
    ...program,
    port: main.port,
    origin: `${protocol}://127.0.0.1:${main.port}`,
    metricsOrigin: `http://127.0.0.1:${metrics.port}`,
  };
}

/** The first log line with this message. */
export async function waitForLine(program: Program, message: string): Promise<Record<string, unknown>> {
  for (;;) {
    const line = parse(program.lines, message);
    if (line !== undefined) return line;
    await once(program.process.stdout!, "data");
  }
}

function parse(lines: readonly string[], message: string): Record<string, unknown> | undefined {
  return lines
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .find(({ msg }) => msg === message);
}

/** Peak resident memory of a process in bytes. */
export async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}
