// Runs one command to its end with the bytes it shall read. For tools that answer and exit (promtool, python3); it must
// never leave a process behind or wait without a limit.

import { spawn } from "node:child_process";

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input: string | Uint8Array;
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds after which the command is killed and the call fails. Default 20 seconds. */
  readonly timeoutMs?: number;
}

/** Any exit code is an answer; a command that cannot be started or is killed (also by the time limit) is an error. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  const timeoutMs = options.timeoutMs ?? 20_000;
  const child = spawn(command, args, {
    env: { ...process.env, ...options.env },
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command that refuses its input early closes the pipe; its exit code says what happened.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input);

  const ended = Promise.withResolvers<{ code: number | null; signal: string | null }>();
  child.on("error", (cause) => {
    ended.reject(new Error(`Cannot run "${command}": it did not start`, { cause }));
  });
  child.on("close", (code, signal) => {
    ended.resolve({ code, signal });
  });
  const { code, signal } = await ended.promise;
  const stderrText = Buffer.concat(stderr).toString();
  if (code === null) {
    throw new Error(`Cannot run "${command}": killed by ${signal} within ${timeoutMs} ms: ${stderrText}`);
  }
  return { exitCode: code, stdout: Buffer.concat(stdout).toString(), stderr: stderrText };
}
