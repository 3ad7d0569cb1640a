// One server program under test: its process and the end of its log. A test runner that ends without its cleanup must not
// leave a server behind, so the process is killed with the runner.

import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const keptLogLines = 200;
const pollMs = 20;

export interface ServerProgram {
  /** For messages, e.g. `Prometheus`. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

export class ServerProcess {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ended = Promise.withResolvers<void>();
  readonly #watchers = new Set<(line: string) => void>();
  readonly #kill = () => void this.#child.kill("SIGKILL");
  #lines: string[] = [];
  #end: Error | undefined;

  /** What the program writes to its standard error is its log; its standard output goes nowhere. */
  constructor({ name, file, args, env }: ServerProgram) {
    this.name = name;
    const child = spawn(file, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env } });
    this.#child = child;
    child.once("error", (cause) => {
      this.#finish(new Error(`Cannot run ${name}: it did not start`, { cause }));
    });
    child.once("close", (code, signal) => {
      this.#finish(new Error(`Cannot run ${name}: it ended with ${code ?? signal}`));
    });
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.#lines = [...this.#lines.slice(1 - keptLogLines), line];
      for (const watch of this.#watchers) watch(line);
    });
    process.once("exit", this.#kill);
  }

  /** The last lines that it logged, for messages of failed tests. */
  get logs(): string {
    return this.#lines.join("\n");
  }

  /** The first match in what it logs from now on. @throws Error with the log, when it ends or time is up */
  async line(pattern: RegExp, timeoutMs: number): Promise<readonly string[]> {
    const found = Promise.withResolvers<readonly string[] | undefined>();
    const watch = (line: string) => {
      const match = pattern.exec(line);
      if (match !== null) found.resolve([...match]);
    };
    const giveUp = () => {
      found.resolve(undefined);
    };
    this.#watchers.add(watch);
    const timer = setTimeout(giveUp, timeoutMs);
    void this.#ended.promise.then(giveUp);
    const match = await found.promise;
    clearTimeout(timer);
    this.#watchers.delete(watch);
    return match ?? this.#notReady(timeoutMs);
  }

  /** Asks until the probe gives true; an error counts as false. @throws Error with the log, when it ends or time is up */
  async ready(probe: (signal: AbortSignal) => Promise<boolean>, timeoutMs: number): Promise<void> {
    const giveUp = AbortSignal.timeout(timeoutMs);
    let cause: unknown;
    while (this.#end === undefined && !giveUp.aborted) {
      try {
        if (await probe(giveUp)) return;
      } catch (error) {
        cause = error;
      }
      await delay(pollMs);
    }
    this.#notReady(timeoutMs, cause);
  }

  /** e.g. SIGSTOP and SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when the process has ended: by default killed at once, for nobody needs its data. */
  async stop(signal: NodeJS.Signals = "SIGKILL", timeoutMs = 30_000): Promise<void> {
    this.#child.kill(signal);
    const timer = setTimeout(this.#kill, timeoutMs);
    await this.#ended.promise;
    clearTimeout(timer);
  }

  #notReady(timeoutMs: number, cause?: unknown): never {
    const why = this.#end === undefined ? `not ready within ${timeoutMs} ms` : "it ended";
    throw new Error(`Cannot start ${this.name}: ${why}\n${this.logs}`, { cause: this.#end ?? cause });
  }

  #finish(end: Error): void {
    this.#end ??= end;
    process.off("exit", this.#kill);
    this.#ended.resolve();
  }
}
