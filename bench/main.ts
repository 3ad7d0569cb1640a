/**
 * `npm run bench`: the proxy side by side with a pipe that only forwards the same bytes, in one run, interleaved,
 * medians. Times of a machine are noise; the ratios in one run are the result. Linux only (reads /proc).
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { cpuMs, peakMegabytes, resetPeak, startProgram, startScript } from "./child-process.ts";
import { podList, type Scenario, scenarios } from "./scenarios.ts";

interface Sample {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly peakMegabytes: number;
  readonly bytes: number;
}

const client = new Agent({ connections: 16, keepAliveTimeout: 60_000 });

async function get(url: string): Promise<number> {
  const { statusCode, body } = await request(url, {
    dispatcher: client,
    headers: { "x-prometheus-scrape-timeout-seconds": "60" },
  });
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) bytes += chunk.length;
  if (statusCode !== 200) throw new Error(`Cannot measure ${url}: status ${statusCode}`);
  return bytes;
}

async function measure(pid: number, url: string, scenario: Scenario): Promise<Sample> {
  resetPeak(pid);
  const cpuBefore = cpuMs(pid);
  const start = performance.now();
  let bytes = 0;
  let started = 0;
  const worker = async () => {
    while (started++ < scenario.requests) bytes += await get(url);
  };
  await Promise.all(Array.from({ length: scenario.concurrency }, worker));
  const wallMs = performance.now() - start;
  return { wallMs, cpuMs: cpuMs(pid) - cpuBefore, peakMegabytes: peakMegabytes(pid), bytes };
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function run(scenario: Scenario, folder: string): Promise<string[]> {
  const bodyFile = join(folder, "body.txt");
  const podsFile = join(folder, "pods.json");
  writeFileSync(bodyFile, scenario.body);
  writeFileSync(podsFile, podList(scenario));
  const pods = await startScript("pods.ts", [String(scenario.pods), bodyFile]);
  const pipe = await startScript("pipe.ts", [String(pods.port)]);
  const settings = {
    "pods-file": podsFile,
    "cidr-whitelist": "127.77.0.0/16",
    "metrics-path-whitelist": "^/metrics$",
    "http-port": "0",
    "metrics-http-port": "0",
    "listen-address": "127.0.0.1",
  };
  const program = await startProgram(
    Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, value]),
  );
  try {
    const samples: Record<"proxy" | "pipe", Sample[]> = { proxy: [], pipe: [] };
    const proxyUrl = `http://127.0.0.1:${program.port}${scenario.proxyPath(pods.port)}`;
    const pipeUrl =
      scenario.pipePath === undefined ? undefined : `http://127.0.0.1:${pipe.port}${scenario.pipePath}`;
    const warmUp = 2;
    for (let round = 0; round < scenario.rounds + warmUp; round++) {
      const proxy = await measure(program.child.pid!, proxyUrl, scenario);
      const floor = pipeUrl === undefined ? undefined : await measure(pipe.child.pid!, pipeUrl, scenario);
      if (round < warmUp) continue;
      samples.proxy.push(proxy);
      if (floor !== undefined) samples.pipe.push(floor);
    }
    const figure = (who: "proxy" | "pipe", key: keyof Sample) =>
      median(samples[who].map((sample) => sample[key]));
    const row = (who: "proxy" | "pipe") =>
      (["wallMs", "cpuMs", "peakMegabytes"] as const)
        .map((key) => figure(who, key).toFixed(0))
        .concat((figure(who, "bytes") / 1e6).toFixed(1));
    if (pipeUrl === undefined) return [`| ${scenario.name} | proxy | ${row("proxy").join(" | ")} | | |`];
    const ratio = (key: keyof Sample) => (figure("proxy", key) / figure("pipe", key)).toFixed(2);
    return [
      `| ${scenario.name} | pipe | ${row("pipe").join(" | ")} | | |`,
      `| | proxy | ${row("proxy").join(" | ")} | ${ratio("wallMs")} | ${ratio("cpuMs")} |`,
    ];
  } finally {
    for (const { child } of [pods, pipe]) child.disconnect();
    program.child.kill("SIGKILL");
  }
}

const folder = mkdtempSync(join(tmpdir(), "k8s-prometheus-proxy-bench-"));
try {
  console.log(
    `${cpus().length} x ${cpus()[0]!.model}, Node ${process.versions.node}; medians, interleaved rounds\n`,
  );
  console.log("| scenario | who | wall ms | CPU ms | peak MB | MB out | wall ratio | CPU ratio |");
  console.log("|---|---|---|---|---|---|---|---|");
  for (const scenario of scenarios) for (const line of await run(scenario, folder)) console.log(line);
} finally {
  rmSync(folder, { recursive: true });
  await client.close();
}
