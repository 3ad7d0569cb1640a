/** Child processes of the benchmark, and what the kernel says they used. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Starts a script of this folder and waits for its port. */
export async function startScript(
  name: string,
  args: readonly string[],
): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(fileURLToPath(new URL(name, import.meta.url)), args, { stdio: "inherit" });
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { child, port: message.port };
}

/** Starts the program with flags and waits until its log says on which port it listens. */
export async function startProgram(flags: readonly string[]): Promise<{ child: ChildProcess; port: number }> {
  const entry = fileURLToPath(new URL("../bin/k8s-prometheus-proxy.js", import.meta.url));
  const child = spawn(process.execPath, [entry, ...flags], { stdio: ["ignore", "pipe", "inherit"], env: {} });
  const lines = createInterface(child.stdout);
  const port = await new Promise<number>((resolve, reject) => {
    let log = "";
    lines.on("line", (line) => {
      log += `${line}\n`;
      const { main, msg } = JSON.parse(line) as { main?: { port: number }; msg: string };
      if (main !== undefined) listening = main.port;
      if (msg === "Started") resolve(listening);
    });
    let listening = 0;
    lines.on("close", () => reject(new Error(`Cannot start the program: it ended\n${log}`)));
  });
  return { child, port };
}

/** CPU time of all threads of a process so far, in milliseconds. */
export function cpuMs(pid: number): number {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ", 1)[0]);
  }
  return nanoseconds / 1e6;
}

/** Highest resident memory since the last resetPeak(), in MB. */
export function peakMegabytes(pid: number): number {
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) / 1000;
}

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
