// The whole application inside the test's own process, configured as the program is: by environment variables.
import { type App, createApp } from "../../../src/app.ts";
import { parseConfig } from "../../../src/config/parse-config.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { watchApp } from "../canaries/watched-programs.ts";

export interface RunningApp {
  /** Ports of the main and of the metrics listener. */
  readonly port: number;
  readonly metricsPort: number;
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly metricsOrigin: string;
  /** Lines written so far, parsed. */
  readonly log: readonly Record<string, unknown>[];
  readonly app: App;
  stop(): Promise<void>;
}

const defaults = {
  CIDR_WHITELIST: "127.20.0.0/16",
  METRICS_PATH_WHITELIST: "^/metrics$",
  LISTEN_ADDRESS: "127.0.0.1",
  HTTP_PORT: "0",
  METRICS_HTTP_PORT: "0",
  LOG_LEVEL: "debug",
};

/** Starts on free ports, in end-to-end tests watched; `env` is added to a configuration that allows /metrics of the fake pods. */
export async function startApp(env: Readonly<Record<string, string>>): Promise<RunningApp> {
  const version = "0.0.0-test";
  const parsed = parseConfig({
    argv: [],
    env: { ...defaults, ...env },
    memoryLimitBytes: undefined,
    version,
  });
  if (parsed.kind !== "config") throw new Error(`Cannot start the app: ${JSON.stringify(parsed)}`);
  const log: Record<string, unknown>[] = [];
  const logger = createLogger({
    level: parsed.config.logLevel,
    format: parsed.config.logFormat,
    destination: { write: (line: string) => void log.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const start = async () => {
    const app = await createApp(parsed.config, { logger, version });
    return { app, ...(await app.start()) };
  };
  const watching = { settings: { ...defaults, ...env }, log: () => JSON.stringify(log) };
  const { app, main, metrics } = await watchApp(watching, start);
  return {
    app,
    log,
    port: main.port,
    metricsPort: metrics.port,
    origin: `http://127.0.0.1:${main.port}`,
    metricsOrigin: `http://127.0.0.1:${metrics.port}`,
    stop: () => app.stop({ delayMs: 0 }),
  };
}
