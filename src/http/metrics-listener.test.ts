import { afterAll, beforeAll, expect, test } from "vitest";

import { rawRequest } from "../../test/support/http/raw-request.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { createMetricsListener, type Readiness } from "./metrics-listener.ts";

let readiness: Readiness = { ready: false, text: "The proxy is not ready: a reason" };
const listener = createMetricsListener({
  logger: createLogger({ level: "error", format: "json", destination: { write: () => undefined } }),
  metrics: createMetrics({ version: "1.2.3" }),
  pods: { countByNamespace: () => new Map([["team-a", 3]]) },
  readiness: () => readiness,
});
let port = 0;

beforeAll(async () => {
  ({ port } = await listener.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" }));
});
afterAll(() => listener.close({ graceMs: 0 }));

const get = (path: string) =>
  rawRequest(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`, { port });

test("/-/ready says whether and why", async () => {
  const before = await get("/-/ready");
  expect([before.status, before.rest]).toEqual([503, "The proxy is not ready: a reason\n"]);
  readiness = { ready: true, text: "The proxy is ready" };
  const after = await get("/-/ready");
  expect([after.status, after.rest]).toEqual([200, "The proxy is ready\n"]);
});

test("/-/healthy answers while the process does", async () => {
  expect((await get("/-/healthy")).status).toBe(200);
});

test("/metrics shows the own metrics, with the pods that are known now", async () => {
  const answer = await get("/metrics");
  expect([answer.status, answer.headers.get("content-type")]).toEqual([
    200,
    expect.stringContaining("text/plain"),
  ]);
  expect(answer.rest).toContain('k8s_prometheus_proxy_build_info{version="1.2.3"} 1');
  expect(answer.rest).toContain('k8s_prometheus_proxy_pods{namespace="team-a"} 3');
});

test("scrapes are not served here", async () => {
  expect((await get("/kubesd/metrics?pod=10.0.0.1&target_port=1")).status).toBe(404);
});
