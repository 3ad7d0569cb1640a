/**
 * `npm run demo`: the main job with no cluster. Starts sample pods, the proxy in front of them, asks for them as
 * Prometheus would, shows what came out and what to paste; stays until Ctrl-C. `--once`: ends at once, with
 * exit code 1 if anything was not as it should be.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkMerged, checkPassedThrough, checkTargets, podHealth, readTargets } from "./checks.ts";
import { type ProxyProcess, startProxy } from "./proxy-process.ts";
import { podList, type SamplePod, startSamplePods } from "./sample-pods.ts";

/** What Prometheus sends with `scrape_timeout: 3s`. */
const scrapeHeaders = { "x-prometheus-scrape-timeout-seconds": "3", accept: "text/plain;version=0.0.4" };

async function scrape(url: string): Promise<string> {
  const response = await fetch(url, { headers: scrapeHeaders });
  const body = await response.text();
  if (response.status !== 200) throw new Error(`Cannot scrape ${url}: ${response.status} ${body.trim()}`);
  return body;
}

async function run(pods: readonly SamplePod[], proxy: ProxyProcess): Promise<string[]> {
  const address = `http://127.0.0.1:${proxy.port}`;
  const all = `${address}/mproxy/demo/web-/metrics`;
  const one = `${address}/kubesd/metrics?pod=${pods[0]!.ip}&target_port=${pods[0]!.port}`;

  const list = `${address}/sd`;
  console.log(`\nThe pods as targets for Prometheus, one for each port:\n\n  curl '${list}'\n`);
  const targets = await scrape(list);
  for (const { address, labels } of readTargets(targets)) {
    console.log(
      `  ${labels["instance"]!.padEnd(26)} ${labels["__scheme__"]}://${address}${labels["__metrics_path__"]}`,
    );
  }

  console.log(`\nAll pods of namespace "demo" whose names begin with "web-":\n\n  curl '${all}'\n`);
  const started = performance.now();
  const merged = await scrape(all);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  for (const line of merged.split("\n").filter((text) => text.includes("sample_app_scrapes_total"))) {
    console.log(`  ${line}`);
  }
  console.log(
    `  … ${merged.split("\n").length} lines, after ${seconds} s (the slow pod is waited for until just before`,
  );
  console.log(
    "  the scrape timeout of 3 s that the request names)\n\nHealth of each pod, from the same answer:\n",
  );
  for (const { name, up, reason, samples } of podHealth(merged)) {
    console.log(`  ${name.padEnd(24)} ${up ? `up    ${samples} samples` : `down  ${reason}`}`);
  }

  console.log(`\nOne pod, byte for byte:\n\n  curl '${one}'\n`);
  const passed = await scrape(one);
  console.log(
    `${passed
      .split("\n", 3)
      .map((line) => `  ${line}`)
      .join("\n")}\n  …`,
  );
  return [...checkTargets(targets, pods), ...checkMerged(merged, pods), ...checkPassedThrough(passed)];
}

function prometheusJobs(pods: readonly SamplePod[], { port, metricsPort }: ProxyProcess): string {
  return `
Prometheus jobs to paste (the last but one takes its pod from a static list here; in a cluster, from kubernetes_sd_configs):

  - job_name: each-pod
    scrape_timeout: 3s
    scrape_interval: 15s
    http_sd_configs: [{ url: "http://127.0.0.1:${port}/sd" }]
  - job_name: all-pods
    metrics_path: /mproxy/demo/web-/metrics
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
  - job_name: one-pod
    metrics_path: /kubesd/metrics
    params: { pod: ["${pods[0]!.ip}"], target_port: ["${pods[0]!.port}"] }
    static_configs: [{ targets: ["127.0.0.1:${port}"] }]
  - job_name: the-proxy-itself
    static_configs: [{ targets: ["127.0.0.1:${metricsPort}"] }]
`;
}

const { values } = parseArgs({ options: { once: { type: "boolean", default: false } } });
const folder = await mkdtemp(join(tmpdir(), "k8s-prometheus-proxy-demo-"));
const pods = await startSamplePods();
let proxy: ProxyProcess | undefined;
try {
  const podsFile = join(folder, "pods.json");
  await writeFile(podsFile, podList(pods));
  const settings = {
    PODS_FILE: podsFile,
    CIDR_WHITELIST: "127.0.10.0/24",
    METRICS_PATH_WHITELIST: "^/metrics$",
    MAX_BODY_SIZE: "16MiB",
    LISTEN_ADDRESS: "127.0.0.1",
    HTTP_PORT: "0",
    METRICS_HTTP_PORT: "0",
    SHUTDOWN_DELAY: "0s",
  };
  console.log(`The proxy's settings:\n`);
  for (const [name, value] of Object.entries(settings)) console.log(`  ${name}=${value}`);
  proxy = await startProxy(settings);
  const problems = await run(pods, proxy);
  console.log(prometheusJobs(pods, proxy));
  for (const problem of problems) console.error(`Not as it should be: ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
  if (!values.once) {
    console.log("Everything stays up until Ctrl-C.");
    await new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
  } else if (problems.length === 0) console.log("Everything was as it should be.");
} finally {
  await proxy?.stop();
  for (const pod of pods) pod.stop();
  await rm(folder, { recursive: true });
}
