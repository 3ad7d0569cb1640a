/** What a large merge costs in memory: of the real program, as the kernel counts it. */
import { readFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { answers, FakePods, type FakePodOptions } from "../support/http/fake-pods.ts";
import { hostilePods } from "../support/http/hostile-pods.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";

const body = gunzipSync(readFileSync(new URL("../fixtures/kube_apiserver.txt.gz", import.meta.url)));
const podCount = 100;
const mebibyte = 1024 * 1024;

/** Highest resident memory so far, in bytes. */
function peakBytes({ process }: StartedProgram): number {
  const status = readFileSync(`/proc/${process.pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

async function scrape(
  podList: readonly FakePodOptions[],
  o: { env?: Record<string, string>; selector?: string; timeoutSeconds: number },
): Promise<{ status: number; text: string; peak: number }> {
  const pods = await FakePods.start(podList);
  onTestFinished(() => pods.stop());
  const program = await startProgram({ env: { ...o.env, PODS_FILE: pods.file } });
  onTestFinished(async () => {
    program.kill("SIGTERM");
    await program.exit;
  });
  const response = await fetch(
    `${program.origin}/mproxy/team-a/-/metrics?upstreamPort=${pods.port}&selector=!absent`,
    {
      headers: { "x-prometheus-scrape-timeout-seconds": String(o.timeoutSeconds) },
    },
  );
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body!) chunks.push(chunk);
  return {
    status: response.status,
    text: Buffer.concat(chunks).toString("latin1"),
    peak: peakBytes(program),
  };
}

test("100 pods of 1.3 MB in one scrape peak below 350 MB resident", async () => {
  const names = Array.from({ length: podCount }, (_, index) => `pod-${index}`);
  const { status, text, peak } = await scrape(
    names.map((name) => ({ name, http: answers(body) })),
    { timeoutSeconds: 60 },
  );
  expect(status).toBe(200);
  expect(text.length).toBeGreaterThan(podCount * body.length);
  expect(peak / 1e6).toBeLessThan(350);
});

test("hostile pods cost at most MAX_BUFFERED_BYTES and 256 MiB, whatever they send", async () => {
  const bombs = Array.from({ length: 10 }, (_, index) => ({
    name: `bomb-${index}`,
    http: answers(gzipSync(Buffer.alloc(100 * mebibyte, '# HELP a \\x\\x\nb{podname=""} 1\n')), {
      "content-encoding": "gzip",
    }),
  }));
  const { status, text, peak } = await scrape(
    [...hostilePods(), ...bombs, { name: "zz-good", http: answers("good 1\n") }],
    { timeoutSeconds: 5, env: { MAX_BUFFERED_BYTES: "128MiB" } },
  );
  expect(status).toBe(200);
  expect(text).toMatch(/^good\{podname="zz-good",podip="[^"]+"\} 1$/m);
  expect(peak).toBeLessThan((128 + 256) * mebibyte);
});
