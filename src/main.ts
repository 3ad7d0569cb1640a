// The process edge: argv and environment in, exit code out; signals; nothing else. The only file that uses `process`.
// Exit codes: 0 stopped as asked, 1 cannot go on (or told twice to stop), 2 the configuration has problems.
import { readFileSync } from "node:fs";
import { close as inspectorClose, url as inspectorUrl } from "node:inspector";
import { findPackageJSON } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { destination } from "pino";

import { type App, createApp } from "./app.ts";
import { ConfigurationError } from "./config/configuration-error.ts";
import { parseConfig } from "./config/parse-config.ts";
import { createLogger } from "./telemetry/logger.ts";

// A reader of the log that has stopped must not stop scrapes: what it does not take is dropped beyond this.
const maxUnwrittenLogBytes = 1024 * 1024;
const longestFlushMs = 500;

/** Runs the program. Resolves once it has started, or has nothing (more) to do; ends the process by itself later. */
export async function main(): Promise<void> {
  const version = readVersion();
  const [command, ...rest] = process.argv.slice(2);
  if (command === "scrape-config") {
    // Loaded when it is needed, for the YAML library that comes with it.
    const { createScrapeConfig } = await import("./scrape-config/scrape-config.ts");
    const outcome = createScrapeConfig({ argv: rest, env: process.env, version });
    if (outcome.kind === "problems") refuse(outcome.problems);
    else process.stdout.write(`${outcome.text}\n`);
    return;
  }
  const parsed = parseConfig({
    argv: process.argv.slice(2),
    env: process.env,
    memoryLimitBytes: process.constrainedMemory(),
    version,
  });
  if (parsed.kind === "problems") {
    refuse(parsed.problems);
    return;
  }
  if (parsed.kind !== "config") {
    process.stdout.write(`${parsed.text}\n`);
    return;
  }

  // Whoever reaches a debugger reads the token and the keys.
  if (inspectorUrl() !== undefined) {
    process.stderr.write(
      "Cannot start under a debugger (NODE_OPTIONS=--inspect): it would show every secret\n",
    );
    process.exitCode = 2;
    inspectorClose();
    return;
  }
  // Node.js would take it for every connection, and warn that it does. It is for pods alone, and config has read it.
  delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
  const { config, warnings } = parsed;
  const log = destination({ fd: 1, sync: false, maxLength: maxUnwrittenLogBytes });
  // Nobody reads the log any more: scrapes are worth more than their log.
  log.on("error", () => undefined);
  let logEnded = false;
  const logger = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    // Only its write(): pino would flush the stream after a fatal line, which repeats what is being written at that moment.
    destination: {
      write: (line) => {
        if (!logEnded) log.write(line);
      },
    },
  });
  const exit = (code: number) => {
    // Else the stream writes the rest before the process ends, and waits for a reader that has stopped.
    log.destroy();
    process.exit(code);
  };
  const exitAfterLogging = async (code: number) => {
    const written = new Promise((resolve) => log.once("close", resolve));
    if (!logEnded) log.end();
    logEnded = true;
    await Promise.race([written, delay(longestFlushMs)]);
    exit(code);
  };
  process.on("uncaughtException", (error) => {
    logger.fatal({ err: error }, "Cannot go on: an unexpected error");
    void exitAfterLogging(1);
  });

  for (const warning of warnings) logger.warn(warning);
  let app: App | undefined;
  let stopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (stopping) exit(1);
    stopping = true;
    logger.info({ signal, delayMs: config.shutdownDelayMs }, "Stopping");
    try {
      await app?.stop({ delayMs: config.shutdownDelayMs });
      logger.info("Stopped");
      await exitAfterLogging(0);
    } catch (error) {
      logger.fatal({ err: error }, "Cannot stop in an orderly way");
      await exitAfterLogging(1);
    }
  };
  // Node.js would open its debugger, which the start refused.
  process.on("SIGUSR1", () => undefined);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));

  try {
    app = await createApp(config, { logger, version });
    // Told to stop before there was anything to stop.
    if (stopping) return;
    await app.start();
    logger.info("Started");
  } catch (error) {
    // What was told to stop while it started cannot start.
    if (stopping) return;
    logger.fatal({ err: error }, "Cannot start");
    await exitAfterLogging(error instanceof ConfigurationError ? 2 : 1);
  }
}

function refuse(problems: readonly string[]): void {
  process.stderr.write(problems.map((problem) => `${problem}\n`).join(""));
  process.exitCode = 2;
}

/** Of the package that this file is part of, whether it runs as source or built. */
function readVersion(): string {
  const path = findPackageJSON(import.meta.url);
  if (path === undefined)
    throw new Error("Cannot find the program's own package.json: it is not installed as a package");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
