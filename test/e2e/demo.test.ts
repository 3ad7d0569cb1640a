/** `npm run demo -- --once`, as a newcomer runs it. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const entry = fileURLToPath(new URL("../../dist/demo/main.js", import.meta.url));

test("the demo shows healthy pods whole, each bad one with its reason, and what to paste", async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [entry, "--once"], {
    timeout: 30_000,
  });
  expect(stderr).toBe("");
  for (const line of [
    /4xk2p +up +\d+ samples/,
    /broken +down +parse/,
    /hostile +down +too_large/,
    /slow +down +timeout/,
  ]) {
    expect(stdout).toMatch(line);
  }
  expect(stdout).toMatch(
    /sample_app_scrapes_total\{podname="web-6f7c9d5b8-4xk2p",podip="127\.0\.10\.1"\} 1\n/,
  );
  expect(stdout).toMatch(/web-6f7c9d5b8-4xk2p:\d+ +http:\/\/127\.0\.0\.1:\d+\/kubesd\/metrics\n/);
  expect(stdout).toMatch(/http_sd_configs: \[\{ url: "http:\/\/127\.0\.0\.1:\d+\/sd" \}\]/);
  expect(stdout).toContain("metrics_path: /mproxy/demo/web-/metrics");
  expect(stdout).toContain("Everything was as it should be.");
});
