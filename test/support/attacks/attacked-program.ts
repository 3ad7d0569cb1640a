// The program under attack, started as built, and what can be learnt of it from outside: its log, its memory, its own metrics.
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

import { peakMemoryBytes, type Program, runProgram } from "../http/start-program.ts";
import { exchange } from "./exchange.ts";

/** How it came to an end where it did not start. */
export interface RefusedStart {
  readonly code: number | null;
  readonly stderr: string;
}

export interface AttackedProgramOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Another program that is started and logs as the real one does. */
  readonly entry?: string;
}

export class AttackedProgram {
  readonly port: number;
  readonly metricsPort: number;
  readonly #program: Program;
  #stopping = false;

  private constructor(program: Program, ports: { main: number; metrics: number }) {
    this.#program = program;
    this.port = ports.main;
    this.metricsPort = ports.metrics;
  }

  static async start({ env, entry }: AttackedProgramOptions): Promise<AttackedProgram | RefusedStart> {
    const program = runProgram({
      ...(entry !== undefined && { entry }),
      env: {
        LISTEN_ADDRESS: "127.0.0.1",
        HTTP_PORT: "0",
        HTTPS_PORT: "0",
        METRICS_HTTP_PORT: "0",
        SHUTDOWN_DELAY: "0s",
        ...env,
      },
    });
    let ended: RefusedStart | undefined;
    void program.exit.then(({ code }) => (ended = { code, stderr: program.stderr() }));
    for (;;) {
      const lines = program.lines.map(parseLine);
      if (ended !== undefined) return ended;
      if (lines.some((line) => line["msg"] === "Started")) {
        const { main, metrics } = lines.find(
          (line) => line["msg"] === "Listening",
        ) as unknown as ListeningLine;
        return new AttackedProgram(program, { main: main.port, metrics: metrics.port });
      }
      await sleep(20);
    }
  }

  get pid(): number {
    return this.#program.process.pid!;
  }

  /** Everything that it has written so far. */
  get output(): string {
    return `${this.#program.lines.join("\n")}\n${this.#program.stderr()}`;
  }

  get logLines(): readonly string[] {
    return this.#program.lines;
  }

  /** What is wrong when it does not live. */
  get death(): string | undefined {
    const { exitCode, signalCode } = this.#program.process;
    if (this.#stopping || (exitCode === null && signalCode === null)) return undefined;
    return `the process ended with ${exitCode ?? signalCode}: ${this.#program.stderr().slice(0, 500)}`;
  }

  async ownMetrics(): Promise<string> {
    const { body } = await exchange("GET /metrics HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n", {
      port: this.metricsPort,
    });
    return body;
  }

  /** From now on the peak is that of what follows. */
  async forgetPeakMemory(): Promise<void> {
    // proc(5): 5 resets the high water mark.
    await writeFile(`/proc/${this.pid}/clear_refs`, "5");
  }

  async peakMemoryMiB(): Promise<number> {
    return (await peakMemoryBytes(this.pid)) / 1024 / 1024;
  }

  async memoryMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/u.exec(status)?.[1]) / 1024;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#program.kill("SIGKILL");
    await this.#program.exit;
  }
}

interface ListeningLine {
  readonly main: { readonly port: number };
  readonly metrics: { readonly port: number };
}

function parseLine(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return {};
  }
}
