/** The program itself, as its users start it: a process with settings and a log. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface ProxyProcess {
  readonly port: number;
  readonly metricsPort: number;
  /** Resolves when the process has ended. */
  stop(): Promise<void>;
}

interface LogLine {
  readonly msg: string;
  readonly main?: { readonly port: number };
  readonly metrics?: { readonly port: number };
}

/** Starts the program; resolves once it is ready, rejects with its log when it ends instead. */
export async function startProxy(settings: Readonly<Record<string, string>>): Promise<ProxyProcess> {
  const entry = fileURLToPath(new URL("../../bin/k8s-prometheus-proxy.js", import.meta.url));
  const child = spawn(process.execPath, [entry], { env: settings, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const log: string[] = [];
  const ports = await new Promise<{ port: number; metricsPort: number }>((resolve, reject) => {
    let listening: LogLine | undefined;
    createInterface(child.stdout)
      .on("line", (line) => {
        if (log.length < 100) log.push(line);
        const entry = JSON.parse(line) as LogLine;
        if (entry.main !== undefined) listening = entry;
        if (entry.msg === "Started")
          resolve({ port: listening!.main!.port, metricsPort: listening!.metrics!.port });
      })
      .on("close", () => reject(new Error(`Cannot start the proxy: it ended\n${log.join("\n")}`)));
  });
  return {
    ...ports,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}
