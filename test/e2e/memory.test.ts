/** What a large merge costs in memory: of the real program, as the kernel counts it. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";

const body = gunzipSync(readFileSync(new URL("../fixtures/kube_apiserver.txt.gz", import.meta.url)));
const podCount = 100;

let pods: FakePods;
let program: StartedProgram;

beforeAll(async () => {
  const names = Array.from({ length: podCount }, (_, index) => `pod-${index}`);
  pods = await FakePods.start(names.map((name) => ({ name, http: answers(body) })));
  program = await startProgram({ env: { PODS_FILE: pods.file } });
});

afterAll(async () => {
  program?.kill("SIGTERM");
  await program?.exit;
  await pods?.stop();
});

test("100 pods of 1.3 MB in one scrape peak below 350 MB resident", async () => {
  const response = await fetch(`${program.origin}/mproxy/team-a/pod-/metrics?upstreamPort=${pods.port}`, {
    headers: { "x-prometheus-scrape-timeout-seconds": "60" },
  });
  expect(response.status).toBe(200);
  let bytes = 0;
  for await (const chunk of response.body!) bytes += chunk.length;
  expect(bytes).toBeGreaterThan(podCount * body.length);

  const status = readFileSync(`/proc/${program.process.pid}/status`, "utf8");
  const peakMegabytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1000;
  expect(peakMegabytes).toBeLessThan(350);
});
