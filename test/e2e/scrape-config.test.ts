/**
 * What `scrape-config` prints, given to those that it is for: promtool takes every job, and a real Prometheus scrapes with them, by
 * all three ways, through a proxy with a private authority that knows the pods of a real API server.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";

import { CertificateAuthority } from "../support/certificate-authority.ts";
import { CertificateFolder } from "../support/certificate-files.ts";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { runProgram, type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import { operatorJob, type ScrapeConfigObject } from "../support/operator-job.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";
import { promtoolCheckConfig } from "../support/promtool.ts";

const root = CertificateAuthority.create({ name: "root" });
const clientCertificate = root.issue({ name: "prometheus" });
const files = {
  "ca.crt": root.cert,
  "tls.crt": clientCertificate.cert,
  "tls.key": clientCertificate.key,
  token: "token",
  username: "user",
  password: "password",
};

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "scrape-config-"));
  for (const [name, content] of Object.entries(files))
    await writeFileAt(join(folder, "client", name), content);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function writeFileAt(path: string, content: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
}

async function print(argv: readonly string[]): Promise<string> {
  const program = runProgram({ args: ["scrape-config", ...argv] });
  const { code } = await program.exit;
  expect([code, program.stderr()]).toEqual([0, ""]);
  return `${program.lines.join("\n")}\n`;
}

const https = ["--external-url", "https://proxy.example:5053/v1"];
const http = ["--external-url", "http://[fd00::1]:5050"];
// Relative to the file that is printed, and with --operator keys of the Secret "client".
const authority = ["--ca-file", "client/ca.crt"];
const bearer = ["--credentials-file", "client/token"];
const certificate = ["--cert-file", "client/tls.crt", "--key-file", "client/tls.key"];
const basic = ["--username", "client/username", "--password-file", "client/password"];
const api = ["--kubernetes-api-url", "https://kubernetes.example:6443/cluster"];
const apiClient = [
  ...api,
  "--kubernetes-ca-file",
  "client/ca.crt",
  "--kubernetes-credentials-file",
  "client/token",
];
const times = ["--scrape-interval", "1m", "--scrape-timeout", "1500ms"];
const select = ["--selector", "app=web,tier in (a,b),!old", "--prefix", "web.a-", "--ready", "--annotated"];
const kubesd = ["--way", "kubesd"];
const mproxy = ["--way", "mproxy", "--namespace", "on,project1"];

const combinations: readonly (readonly string[])[] = [
  https,
  http,
  [...https, "--namespace", "project1", ...authority, ...bearer],
  [...https, "--namespace", "*", ...basic, ...certificate, ...times, "--refresh-interval", "5m"],
  [...https, ...authority, "--server-name", "other.example", "--insecure-skip-verify"],
  [...http, ...bearer, ...select],
  [
    ...https,
    ...select,
    "--workload",
    "deployment/web,statefulset/db",
    "--container",
    "a,b",
    "--port",
    "metrics,80",
  ],
  [...https, "--path", "/a/b+c&d=e", "--scheme", "https", "--job-name", "my.pods"],
  [...https, ...kubesd, ...api],
  [...http, ...kubesd, ...apiClient, ...times],
  [...https, ...kubesd, ...apiClient, ...authority, ...bearer],
  [...https, ...kubesd, ...apiClient, ...basic, ...certificate, "--insecure-skip-verify"],
  [...https, ...kubesd, ...api, ...select, "--namespace", "on,project1", "--container", "a,b"],
  [...https, ...kubesd, ...api, "--namespace", "*", "--port", "8080"],
  [...https, ...kubesd, ...api, "--port", "8080,8081"],
  [...https, ...kubesd, ...api, "--port", "metrics"],
  [...https, ...kubesd, ...api, "--port", "metrics,web,8080"],
  [...https, ...kubesd, ...api, "--path", "/a$1/b", "--scheme", "https", "--job-name", "yes"],
  [...http, ...kubesd, "--kubernetes-api-url", "http://127.0.0.1:8001", ...bearer],
  [...https, ...mproxy, "--prefix", "web-"],
  [...http, ...mproxy, "--prefix", "web-", ...basic, ...times],
  [...https, ...mproxy, ...authority, ...bearer, "--workload", "daemonset/agent"],
  [...https, ...mproxy, ...certificate, "--annotated", "--port", "80,metrics", "--scheme", "https"],
  [...https, ...mproxy, ...select, "--container", "no,1e3", "--path", "/m", "--scheme", "http"],
  [...https, "--way", "mproxy", "--namespace", "*", "--selector", "app", "--insecure-skip-verify"],
];

const named = combinations.map((argv) => [argv.join(" "), argv] as const);

describe("promtool takes", () => {
  test.for(named)("the job of %s", async ([, argv], { expect }) => {
    const file = join(folder, "pods.yml");
    await writeFile(file, await print(argv));
    // Debian's 2.42 knows no Kubernetes.
    for (const version of argv.includes("kubesd") ? (["3.5"] as const) : (["3.5", "2.42"] as const)) {
      const { exitCode, output } = await promtoolCheckConfig(file, version);
      expect([exitCode, output]).toEqual([0, expect.stringContaining("SUCCESS")]);
    }
  });

  test.for(named)("the operator's form of %s", async ([, argv], { expect }) => {
    const object = parse(await print([...argv, "--operator"])) as ScrapeConfigObject;
    expect(object).toMatchObject({ apiVersion: "monitoring.coreos.com/v1alpha1", kind: "ScrapeConfig" });
    const file = join(folder, "operator.yml");
    await writeFile(file, JSON.stringify({ scrape_configs: [operatorJob(object, folder)] }));
    // Version 2.42 knows no file for the user's name.
    const { exitCode, output } = await promtoolCheckConfig(file, "3.5");
    expect([exitCode, output]).toEqual([0, expect.stringContaining("SUCCESS")]);
  });

  test("nothing that lacks a file, so that the checks above mean something", async () => {
    const file = join(folder, "missing.yml");
    await writeFile(file, await print([...https, "--credentials-file", "client/none"]));
    expect(await promtoolCheckConfig(file, "3.5")).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining("client/none"),
    });
  });
});

test("problems are one line each on standard error, with exit code 2 and nothing on standard output", async () => {
  const program = runProgram({ args: ["scrape-config", "--way", "kubesd", "--zzz", "--port", "0"] });
  expect(await program.exit).toEqual({ code: 2, signal: null });
  expect(program.stderr()).toMatch(/^Cannot use "--zzz": unknown flag\nCannot use --port: [^\n]*\n$/);
  expect(program.lines).toEqual([]);
});

test("the environment's EXTERNAL_URL counts, and --help names the subcommand", async () => {
  const program = runProgram({ args: ["scrape-config"], env: { EXTERNAL_URL: "https://env.example" } });
  await program.exit;
  expect(program.lines.join("\n")).toContain("https://env.example/sd");
  const help = runProgram({ args: ["--help"] });
  await help.exit;
  expect(help.lines).toContain("       k8s-prometheus-proxy scrape-config [flags]");
});

describe("a real Prometheus", () => {
  const namespace = "project1";
  let pods: FakePods;
  let cluster: Cluster;
  let proxy: CertificateFolder;
  let program: StartedProgram;
  let server: PrometheusServer;

  beforeAll(async () => {
    const http = answers("demo_value 7\n");
    pods = await FakePods.start(["web-1", "web-2", "other-1"].map((name) => ({ name, http })));
    cluster = await startCluster();
    await cluster.createNamespace(namespace);
    for (const name of ["web-1", "web-2", "other-1"]) {
      await cluster.createPod({
        namespace,
        name,
        ip: pods.get(name).ip,
        labels: { app: name.replace(/-.*/, "") },
        containerPorts: [
          { name: "metrics", containerPort: pods.port },
          { name: "closed", containerPort: 9 },
        ],
      });
    }
    proxy = await CertificateFolder.create();
    await proxy.write(root.issue({ ips: ["127.0.0.1"] }));
    program = await startProgram({
      env: {
        ...proxy.env,
        HTTPS_PORT: "0",
        APP_URL_PREFIX: "team/v1",
        KUBERNETES_API_URL: cluster.url,
        K8S_CACERT: cluster.caFile,
        K8S_GLOBAL_TOKEN: cluster.adminToken,
        WATCH_NAMESPACES: "*",
        KUBESD_REQUIRE_POD: "true",
      },
    });
    await writeFileAt(join(folder, "cluster.token"), cluster.adminToken);
    const selection = ["--selector", "app in (web)", "--scrape-interval", "1s"];
    const argv = ["--external-url", `https://127.0.0.1:${program.port}/team/v1`, ...authority, ...selection];
    const kubernetes = [
      "--kubernetes-ca-file",
      cluster.caFile,
      "--kubernetes-credentials-file",
      "cluster.token",
    ];
    const ways = [
      ["--way", "sd", "--job-name", "sd"],
      ["--way", "kubesd", "--job-name", "kubesd", "--kubernetes-api-url", cluster.url, ...kubernetes],
      ["--way", "kubesd", "--job-name", "number", "--kubernetes-api-url", cluster.url, ...kubernetes],
      ["--way", "mproxy", "--job-name", "mproxy"],
      ["--way", "mproxy", "--job-name", "every", "--namespace", "*"],
    ];
    const paths: string[] = [];
    for (const [index, way] of ways.entries()) {
      const path = join(folder, `way-${index}.yml`);
      paths.push(path);
      const port = way.includes("number") ? String(pods.port) : "metrics";
      const within = way.includes("--namespace") ? [] : ["--namespace", namespace];
      await writeFile(path, await print([...argv, ...way, ...within, "--port", port]));
    }
    server = await startPrometheus({ version: "3.5", config: { scrape_config_files: paths } });
  }, 120_000);

  afterAll(async () => {
    await server?.stop();
    program?.kill("SIGTERM");
    await program?.exit;
    await proxy?.[Symbol.asyncDispose]();
    await cluster?.stop();
    await pods?.stop();
  });

  test("scrapes what each way prints: every target is up, and only those that were asked for are there", async () => {
    const each = ["web-1", "web-2"];
    const perPod = ["sd", "kubesd", "number"];
    const merged = ["mproxy", "every"];
    await server.waitFor(
      "a scrape of every target",
      async () => (await server.query("up")).length === 8,
      40_000,
    );
    const targets = await server.targets();
    expect(targets.map(({ health, lastError }) => [health, lastError])).toEqual(
      targets.map(() => ["up", ""]),
    );
    const expected = perPod.flatMap((job) => each.map((name) => `${job} ${name}:${pods.port} ${name}`));
    const found = targets.map(({ labels }) => `${labels["job"]} ${labels["instance"]} ${labels["podname"]}`);
    expect(found.sort()).toEqual(
      [...expected, ...merged.map((job) => `${job} 127.0.0.1:${program.port} undefined`)].sort(),
    );
    const values = (await server.query("demo_value")).map(({ labels, value }) =>
      [labels["job"], labels["podname"], labels["podip"], value].join(" "),
    );
    expect(values.toSorted()).toEqual(
      [...perPod, ...merged]
        .flatMap((job) => each.map((name) => `${job} ${name} ${pods.get(name).ip} 7`))
        .toSorted(),
    );
    const namespaces = targets
      .filter(({ labels }) => !merged.includes(labels["job"]!))
      .map(({ labels }) => labels["namespace"]);
    expect(new Set(namespaces)).toEqual(new Set([namespace]));
  });
});
