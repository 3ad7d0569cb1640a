import { expect, test } from "vitest";
import { parseConfig } from "./parse-config.ts";
import { type Config, defaultMaxBufferedBytes } from "./resolve-settings.ts";

const MiB = 1024 ** 2;
const GiB = 1024 ** 3;

function parse(env: Record<string, string>, memoryLimitBytes?: number) {
  const required = {
    CIDR_WHITELIST: "10.0.0.0/8",
    METRICS_PATH_WHITELIST: "^/metrics$",
    PODS_FILE: "pods.yaml",
  };
  return parseConfig({ argv: [], env: { ...required, ...env }, memoryLimitBytes, version: "1" });
}

test.for([
  [undefined, GiB],
  [0, GiB],
  // What runtimes report without a limit: cgroup v2 and v1.
  [18_446_744_073_709_552_000, GiB],
  [9_223_372_036_854_772_000, GiB],
  [Number.NaN, GiB],
  [-1, GiB],
  [512 * MiB, 256 * MiB],
  [GiB + 1, 512 * MiB],
  [8 * GiB, 4 * GiB],
  [1, 1],
] as const)("defaultMaxBufferedBytes() takes a memory limit of %s as %s", ([limit, expected]) => {
  expect(defaultMaxBufferedBytes(limit)).toBe(expected);
});

test.for([
  [{ MAX_SCRAPE_TIMEOUT: "5s" }, { scrapeTimeoutMs: 5000 }],
  [{ MAX_SCRAPE_TIMEOUT: "1h" }, { scrapeTimeoutMs: 10_000 }],
  [{ SCRAPE_TIMEOUT: "2m" }, { scrapeTimeoutMs: 120_000 }],
  [{ SCRAPE_TIMEOUT: "3m", MAX_SCRAPE_TIMEOUT: "3m" }, { scrapeTimeoutMs: 180_000 }],
  [{ MAX_CONNECTIONS: "100" }, { maxConnectionsPerScrape: 100 }],
  [{ MAX_BUFFERED_BYTES: "32MiB" }, { maxBodyBytes: 32 * MiB }],
  [{ MAX_RESPONSE_SIZE: "16MiB" }, { maxBodyBytes: 16 * MiB }],
  [{ MAX_BUFFERED_BYTES: "32MiB", MAX_RESPONSE_SIZE: "16MiB" }, { maxBodyBytes: 16 * MiB }],
  [
    { HTTP_PORT: "0", METRICS_HTTP_PORT: "0" },
    { mainPort: 0, metricsHttpPort: 0 },
  ],
  [{}, { verifiesPods: true }],
  [{ UPSTREAM_INSECURE_SKIP_VERIFY: "true", NODE_TLS_REJECT_UNAUTHORIZED: "1" }, { verifiesPods: false }],
  [{ UPSTREAM_INSECURE_SKIP_VERIFY: "false", NODE_TLS_REJECT_UNAUTHORIZED: "0" }, { verifiesPods: false }],
] as [Record<string, string>, Partial<Config>][])("resolveSettings() makes of %j: %j", ([env, expected]) => {
  expect(parse(env)).toMatchObject({ kind: "config", config: expected });
});

test("resolveSettings() starts in a small container with the defaults alone", () => {
  expect(parse({}, 64 * MiB)).toMatchObject({
    config: { maxBufferedBytes: 32 * MiB, maxBodyBytes: 32 * MiB },
  });
});

test.for([
  [
    { SCRAPE_TIMEOUT: "121s" },
    ['Cannot use SCRAPE_TIMEOUT: got "121s"; wanted at most MAX_SCRAPE_TIMEOUT, which is 2m by default'],
  ],
  [
    { SCRAPE_TIMEOUT: "6s", MAX_SCRAPE_TIMEOUT: "5s" },
    ['Cannot use SCRAPE_TIMEOUT: got "6s"; wanted at most MAX_SCRAPE_TIMEOUT, which is "5s"'],
  ],
  [
    { MAX_CONNECTIONS_PER_SCRAPE: "4097" },
    [
      'Cannot use MAX_CONNECTIONS_PER_SCRAPE: got "4097"; wanted at most MAX_CONNECTIONS, which is 4096 by default',
    ],
  ],
  [
    { MAX_BODY_SIZE: "300MiB", MAX_BUFFERED_BYTES: "200MiB" },
    ['Cannot use MAX_BODY_SIZE: got "300MiB"; wanted at most MAX_BUFFERED_BYTES, which is "200MiB"'],
  ],
  [
    { MAX_BODY_SIZE: "513MiB" },
    ['Cannot use MAX_BODY_SIZE: got "513MiB"; wanted at most MAX_RESPONSE_SIZE, which is 512MiB by default'],
  ],
  [
    { UPSTREAM_CERT_FILE: "cert.pem" },
    ["Cannot use UPSTREAM_CERT_FILE alone: UPSTREAM_KEY_FILE is not set; wanted both or none"],
  ],
  [
    { UPSTREAM_KEY_FILE: "key.pem" },
    ["Cannot use UPSTREAM_KEY_FILE alone: UPSTREAM_CERT_FILE is not set; wanted both or none"],
  ],
] as [Record<string, string>, string[]][])("resolveSettings() refuses %j", ([env, problems]) => {
  expect(parse(env)).toEqual({ kind: "problems", problems });
});

test("resolveSettings() names the memory limit's half when a body could not fit in it", () => {
  expect(parse({ MAX_BODY_SIZE: "64MiB" }, 64 * MiB)).toEqual({
    kind: "problems",
    problems: [
      `Cannot use MAX_BODY_SIZE: got "64MiB"; wanted at most MAX_BUFFERED_BYTES, which is ${32 * MiB} by default`,
    ],
  });
});

test.for([
  { SCRAPE_TIMEOUT: "3m", MAX_SCRAPE_TIMEOUT: "x" },
  { SCRAPE_TIMEOUT: "x", MAX_SCRAPE_TIMEOUT: "1s" },
  { HTTP_PORT: "x", METRICS_HTTP_PORT: "5050" },
  { HTTP_PORT: "5055", METRICS_HTTP_PORT: "x" },
  { PODS_FILE: " " },
])("resolveSettings() compares nothing with a refused value: %j", (env) => {
  expect(parse(env as Record<string, string>)).toMatchObject({
    problems: [expect.stringContaining("Cannot use ")],
  });
});
