// Clients that leave: nothing goes on for them.
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

const hangs = ["hang-1", "hang-2", "hang-3", "hang-4"];

let pods: FakePods;
let app: RunningApp;

beforeAll(async () => {
  pods = await FakePods.start([
    ...hangs.map((name) => ({ name, tcp: (socket: NodeJS.ReadableStream) => void socket.resume() })),
    { name: "good", http: answers("up_demo 1\n") },
    {
      name: "endless",
      http: (_request, response) => {
        const fill = () => {
          while (response.write("endless 1\n".repeat(1000)));
        };
        response.on("drain", fill);
        fill();
      },
    },
  ]);
  app = await startApp({ PODS_FILE: pods.file, MAX_CONCURRENT_SCRAPES: "1", MAX_CONCURRENT_KUBESD: "1" });
});
afterAll(async () => {
  await app.stop();
  await pods.stop();
});

const open = (names: readonly string[]) =>
  names.reduce((sum, name) => sum + pods.get(name).connections.open, 0);

for (const [how, leave] of [
  ["closes", "end"],
  ["resets", "resetAndDestroy"],
] as const) {
  test(`a client that ${how} during /mproxy closes every upstream connection and frees its place`, async () => {
    const client = connect(app.port, "127.0.0.1");
    client.on("error", () => undefined);
    client.write(`GET /mproxy/team-a/hang-/metrics?upstreamPort=${pods.port} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await expect.poll(() => open(hangs)).toBe(hangs.length);
    client[leave]();
    await expect.poll(() => open(hangs)).toBe(0);
    const next = await request(app.origin, `/mproxy/team-a/good/metrics?upstreamPort=${pods.port}`);
    expect(next.status).toBe(200);
  });

  test(`a client that ${how} during /kubesd closes the upstream connection and frees its place`, async () => {
    const client = connect(app.port, "127.0.0.1");
    client.on("error", () => undefined);
    const target = (name: string) => `/kubesd/metrics?pod=${pods.get(name).ip}&target_port=${pods.port}`;
    client.resume().write(`GET ${target("endless")} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await expect.poll(() => client.bytesRead).toBeGreaterThan(100_000);
    client[leave]();
    await expect.poll(() => open(["endless"])).toBe(0);
    expect((await request(app.origin, target("good"))).status).toBe(200);
  });
}

test("clients that left leave nothing behind", async () => {
  const { text } = await request(app.metricsOrigin, "/metrics");
  const samples = samplesOf(text);
  expect(samples.get("k8s_prometheus_proxy_scrapes_in_flight")).toBe("0");
  expect(samples.get("k8s_prometheus_proxy_buffered_bytes")).toBe("0");
  expect(samples.get('k8s_prometheus_proxy_scrapes_total{route="mproxy",code="200"}')).toBe("2");
  expect(app.log.filter(({ level }) => level === "error")).toEqual([]);
});
