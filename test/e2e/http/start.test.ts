// The first moments: listeners are open while the pods are still being read.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

import { request } from "../../support/http/http-client.ts";
import { runProgram, waitForLine } from "../../support/http/start-program.ts";

const podText = (i: number) => `- apiVersion: v1
  kind: Pod
  metadata: {name: app-${i}, namespace: team-a, uid: u${i}, labels: {app: web, tier: front, index: "${i}"}}
  spec: {containers: [{name: main, ports: [{name: metrics, containerPort: 9000}]}]}
  status: {phase: Running, podIP: 10.0.${i >> 8}.${i & 255}, podIPs: [{ip: 10.0.${i >> 8}.${i & 255}}]}
`;

test("not ready, and 503 to scrapes, until the pods are known", async () => {
  const directory = await mkdtemp(join(tmpdir(), "proxy-start-"));
  const file = join(directory, "pods.yaml");
  await writeFile(
    file,
    `apiVersion: v1\nkind: List\nitems:\n${Array.from({ length: 5000 }, (_, i) => podText(i)).join("")}`,
  );
  const program = runProgram({
    env: {
      CIDR_WHITELIST: "10.0.0.0/8",
      METRICS_PATH_WHITELIST: "/metrics",
      PODS_FILE: file,
      LISTEN_ADDRESS: "127.0.0.1",
      HTTP_PORT: "0",
      METRICS_HTTP_PORT: "0",
      SHUTDOWN_DELAY: "0s",
    },
  });
  try {
    const line = (await waitForLine(program, "Listening")) as Record<"main" | "metrics", { port: number }>;
    const metricsOrigin = `http://127.0.0.1:${line.metrics.port}`;
    const ready = await request(metricsOrigin, "/-/ready");
    expect([ready.status, ready.text]).toEqual([
      503,
      "The proxy is not ready: the pods are not known yet: PODS_FILE is being read\n",
    ]);
    expect((await request(metricsOrigin, "/-/healthy")).status).toBe(200);
    const scrape = await request(
      `http://127.0.0.1:${line.main.port}`,
      "/mproxy/team-a/app-/metrics?upstreamPort=1",
    );
    expect([scrape.status, scrape.headers["retry-after"]]).toEqual([503, expect.stringMatching(/^[1-5]$/)]);

    await waitForLine(program, "Started");
    const after = await request(metricsOrigin, "/-/ready");
    expect([after.status, after.text]).toEqual([200, "The proxy is ready: it knows 5000 pods\n"]);
  } finally {
    program.kill("SIGKILL");
    await rm(directory, { recursive: true });
  }
});
