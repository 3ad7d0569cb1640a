// Moving from `/mproxy` to `/sd` as the manual says it, rules and all: one Prometheus goes on with the old job, another has the new
// one, and both store the same series.
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../support/http/fake-pods.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";

const namespace = "project1";
const fixture = (name: string) => readFile(new URL(`../fixtures/${name}`, import.meta.url));

/** What pods expose of their own that the proxy or Prometheus says too. */
const ownLabels = `
# TYPE own_label gauge
own_label{podname="mine"} 1
own_label{podname="mine",podip="mine too",fruit="pear"} 2
own_label{instance="mine",job="mine",fruit="plum"} 3
own_label{namespace="mine",port="mine"} 4
own_label{exported_instance="mine",instance="mine as well"} 5
`;
/** No rule of relabelling can tell which of the two the proxy would have renamed. */
const bothNames = `# TYPE both gauge\nboth{podname="mine",exported_podname="theirs"} 1\n`;
const histogram = `
# TYPE seconds histogram
seconds_bucket{le="1"} 1
seconds_bucket{le="2.5"} 2
seconds_bucket{le="+Inf"} 2
seconds_sum 2
seconds_count 2
# TYPE parts summary
parts{quantile="1"} 1
parts_sum 2
parts_count 2
`;

interface Case {
  readonly job: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly ports?: "one" | "two";
  /** What the document says cannot be kept. */
  readonly except?: RegExp;
  /** The document's job, changed as the document says. */
  readonly change?: (job: string, rules: Rules) => string;
}

/** What the document says beside its job: text of YAML. */
interface Rules {
  /** All rules for conflicts, and the last of them alone. */
  readonly honor: string;
  readonly drop: string;
  readonly port: string;
}

const namespaceRule = /^ +- \{ action: labeldrop, regex: namespace \}.*\n/mu;
const cases: readonly Case[] = [
  { job: "plain" },
  {
    job: "honor",
    env: { LABEL_CONFLICT: "honor" },
    except: /"both"/,
    change: (job, { honor }) => job + honor,
  },
  { job: "drop", env: { LABEL_CONFLICT: "drop" }, except: /"both"/, change: (job, { drop }) => job + drop },
  {
    job: "with-namespace",
    env: { EXTRA_LABELS: "namespace" },
    change: (job) => {
      expect(job).toMatch(namespaceRule);
      return job.replace(namespaceRule, "");
    },
  },
  { job: "ports", ports: "two", change: (job, { port }) => `${job}    - ${port}\n` },
];

let cluster: Cluster;
let pods: FakePods;
/** A second port at the same addresses. */
let second: FakePods;
let programs: StartedProgram[] = [];
let old: PrometheusServer;
let current: PrometheusServer;

beforeAll(async () => {
  const nodeExporter = await fixture("node_exporter.txt");
  const bodies = {
    "web-0": nodeExporter,
    "web-1": ownLabels,
    "web-2": histogram,
    "web-3": bothNames,
    "apple-0": "no 1\n",
  };
  const names = Object.keys(bodies);
  [cluster, pods, second] = await Promise.all([
    startCluster({ tokens: [{ token: "proxy-token", user: "proxy" }] }),
    FakePods.start(Object.entries(bodies).map(([name, body]) => ({ name, http: answers(body) }))),
    FakePods.start(names.map((name) => ({ name, http: answers("demo_value 1\n") }))),
  ]);
  await cluster.createNamespace(namespace);
  await cluster.createPods(names.map((name) => ({ namespace, name, ip: pods.get(name).ip })));
  await cluster.allowPods({ subject: "proxy", verbs: ["list", "watch"], namespace });
  programs = await Promise.all(
    cases.map(({ env = {} }) =>
      startProgram({
        env: {
          KUBERNETES_SERVICE_HOST: cluster.host,
          KUBERNETES_SERVICE_PORT: String(cluster.port),
          K8S_CACERT: cluster.caFile,
          K8S_GLOBAL_TOKEN: "proxy-token",
          ...env,
        },
      }),
    ),
  );
  const document = await readFile(new URL("../../docs/choosing-a-way.md", import.meta.url), "utf8");
  [old, current] = await Promise.all([
    startPrometheus({ version: "3.5", config: { global, scrape_configs: cases.map(oldJob) } }),
    startPrometheus({
      version: "3.5",
      config: `global: ${JSON.stringify(global)}\nscrape_configs:\n${cases.map((one, index) => newJob(document, one, index)).join("")}`,
    }),
  ]);
}, 120_000);

afterAll(async () => {
  await Promise.all([old?.stop(), current?.stop()]);
  for (const program of programs) program.kill("SIGTERM");
  await Promise.all(programs.map(({ exit }) => exit));
  await Promise.all([cluster?.stop(), pods?.stop(), second?.stop()]);
});

const global = { scrape_interval: "1s", scrape_timeout: "1s" };
const addressOf = (index: number) => `127.0.0.1:${programs[index]!.port}`;
const portsOf = ({ ports }: Case) => [pods.port, ...(ports === "two" ? [second.port] : [])].map(String);

function oldJob(one: Case, index: number): object {
  return {
    job_name: one.job,
    metrics_path: `/mproxy/${namespace}/web-/metrics`,
    params: { upstreamPort: portsOf(one) },
    static_configs: [{ targets: [addressOf(index)] }],
  };
}

/** As it stands in the document but for names, address and port. */
function newJob(document: string, one: Case, index: number): string {
  const [, section = ""] = document.split("## From `/mproxy` to `/sd` without losing series\n");
  const [yaml, conflict] = [...section.split("\n## ")[0]!.matchAll(/^```yaml\n(.*?)^```$/gmsu)].map(
    ([, text]) => text!,
  );
  const [, port] = /^ +`(\{ source_labels: \[__param_target_port\].*\})`/mu.exec(section) ?? [];
  const ofJob = conflict!.replace(/^/gmu, "  ");
  const rules = { honor: ofJob, drop: onlyLast(ofJob), port: port! };
  const replaced = replaceAll(yaml!, {
    "job_name: web": `job_name: ${one.job}`,
    "proxy.example:5050": addressOf(index),
    "port=8080": `port=${portsOf(one).join(",")}`,
  });
  const job = one.change?.(replaced, rules) ?? replaced;
  return job.replace(/^/gmu, "  ").trimEnd() + "\n";
}

function onlyLast(rules: string): string {
  const lines = rules.split("\n").filter((line) => line.trim() !== "");
  return `${lines[0]}\n${lines.at(-1)}\n`;
}

function replaceAll(text: string, replacements: Readonly<Record<string, string>>): string {
  for (const [from, to] of Object.entries(replacements)) {
    expect(text).toContain(from);
    text = text.replaceAll(from, to);
  }
  return text;
}

const ofTheScrape = /^(?:up|scrape_\w+|k8s_prometheus_proxy_\w+)$/u;

async function seriesOf(server: PrometheusServer, job: string): Promise<string[]> {
  const series = await server.series(`{job="${job}"}`);
  return series
    .filter(({ __name__: name }) => !ofTheScrape.test(name!))
    .map((labels) => JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))))
    .sort();
}

test.each(cases)("every series goes on under the same labels: $job", async ({ job, ports, except }) => {
  const targets = ports === "two" ? 8 : 4;
  for (const [server, count] of [
    [old, 1],
    [current, targets],
  ] as const)
    await server.waitFor(
      "a scrape of every target",
      async () => (await server.query(`up{job="${job}"} == 1`)).length === count,
    );
  const [before, after] = await Promise.all(
    [old, current].map(async (server) => {
      const series = await seriesOf(server, job);
      return new Set(series.filter((text) => except?.test(text) !== true));
    }),
  );
  expect(before!.size).toBeGreaterThan(500);
  expect({ lost: [...before!.difference(after!)], begun: [...after!.difference(before!)] }).toEqual({
    lost: [],
    begun: [],
  });
});
