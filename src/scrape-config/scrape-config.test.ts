import { expect, test } from "vitest";
import { parse } from "yaml";
import { type FlagKey, flags, nameOf } from "./flags.ts";
import { createScrapeConfig } from "./scrape-config.ts";

const url = "--external-url=https://proxy.example:5053";
const api = "--kubernetes-api-url=https://kubernetes.example:6443";

interface Relabelling {
  readonly source_labels?: readonly string[];
  readonly regex?: string;
  readonly action?: string;
  readonly target_label?: string;
  readonly replacement?: string;
}

interface Job {
  readonly [key: string]: unknown;
  readonly http_sd_configs: readonly { url: string; [key: string]: unknown }[];
  readonly kubernetes_sd_configs: readonly Record<string, unknown>[];
  readonly relabel_configs: readonly Relabelling[];
}

function run(argv: readonly string[], env: Record<string, string> = {}) {
  return createScrapeConfig({ argv, env, version: "1.2.3" });
}

function textOf(...argv: string[]): string {
  const outcome = run([url, ...argv]);
  if (outcome.kind === "problems") throw new Error(outcome.problems.join("\n"));
  return outcome.text;
}

const jobOf = (...argv: string[]) => (parse(textOf(...argv)) as { scrape_configs: [Job] }).scrape_configs[0];
const kubesd = (...argv: string[]) => jobOf("--way=kubesd", api, ...argv);
const mproxy = (...argv: string[]) => jobOf("--way=mproxy", "--namespace=a", "--prefix=web-", ...argv);
const problemsOf = (argv: readonly string[], env: Record<string, string> = {}) => {
  const outcome = run(argv, env);
  return outcome.kind === "problems" ? outcome.problems : [];
};

test("createScrapeConfig() prints a job for discovery through the proxy", () => {
  expect(jobOf("--namespace", "project1")).toEqual({
    job_name: "pods",
    http_sd_configs: [{ url: "https://proxy.example:5053/sd?namespace=project1", refresh_interval: "60s" }],
  });
});

test("createScrapeConfig() takes EXTERNAL_URL, and the flag before it", () => {
  const env = { EXTERNAL_URL: "http://other.example/v1" };
  expect(run([], env)).toMatchObject({ text: expect.stringContaining('url: "http://other.example/v1/sd"') });
  expect(run([url], env)).toMatchObject({
    text: expect.stringContaining('url: "https://proxy.example:5053/sd"'),
  });
  expect(problemsOf([], { EXTERNAL_URL: "" })).toEqual([
    "Cannot print a job without --external-url: neither it nor EXTERNAL_URL is set",
  ]);
  expect(problemsOf([], { EXTERNAL_URL: "https://u:secret@proxy.example" })).toEqual([
    expect.stringMatching(
      /^Cannot use EXTERNAL_URL: got a value that is not shown; wanted an http or https URL/,
    ),
  ]);
});

test.for([
  [["--namespace=a", "--namespace", "b,c"], "namespace=a,b,c"],
  [["--namespace=*"], "namespace=*"],
  [["--selector=app=web,tier in (a, b),!x"], "selector=app=web,tier%20in%20(a,%20b),!x"],
  [["--prefix=web-"], "prefix=web-"],
  [["--prefix=-"], ""],
  [["--workload=deployment/web", "--workload=statefulset/db"], "workload=deployment/web,statefulset/db"],
  [["--container=app,sidecar"], "container=app,sidecar"],
  [["--port=metrics,8080"], "port=metrics,8080"],
  [["--path=/a/metrics"], "path=/a/metrics"],
  [["--path=/a&b=c"], "path=/a%26b=c"],
  [["--path=/a+b"], "path=/a%2Bb"],
  [["--scheme=https"], "scheme=https"],
  [["--ready", "--annotated"], "ready=true&annotated=true"],
] as const)("createScrapeConfig() asks /sd with %j", ([argv, query]) => {
  expect(jobOf(...argv).http_sd_configs[0]?.url).toBe(
    `https://proxy.example:5053/sd${query === "" ? "" : `?${query}`}`,
  );
});

test("createScrapeConfig() takes name and times of the job", () => {
  const times = ["--scrape-interval=1m", "--scrape-timeout=1500ms"];
  const named = { job_name: "my pods", scrape_interval: "1m", scrape_timeout: "1500ms" };
  expect(jobOf("--job-name=my pods", ...times)).toMatchObject(named);
  expect(kubesd("--job-name=my pods", ...times)).toMatchObject(named);
  expect(mproxy("--job-name=my pods", ...times)).toMatchObject(named);
  expect(jobOf("--refresh-interval=5m").http_sd_configs[0]).toMatchObject({ refresh_interval: "5m" });
});

const tlsFlags = [
  "--ca-file=ca",
  "--cert-file=crt",
  "--key-file=key",
  "--server-name=p.example",
  "--insecure-skip-verify",
];
const client = {
  tls_config: {
    ca_file: "ca",
    cert_file: "crt",
    key_file: "key",
    server_name: "p.example",
    insecure_skip_verify: true,
  },
};

test("createScrapeConfig() sets credentials and TLS for the list of pods and for the scrapes", () => {
  const authorization = { credentials_file: "token" };
  const job = jobOf("--credentials-file=token", ...tlsFlags);
  expect(job).toMatchObject({ ...client, authorization });
  expect(job.http_sd_configs[0]).toMatchObject({ ...client, authorization });
  const basic = { basic_auth: { username: "u", password_file: "p" } };
  expect(jobOf("--username=u", "--password-file=p")).toMatchObject({ ...basic, http_sd_configs: [basic] });
  for (const of of [kubesd, mproxy])
    expect(of("--credentials-file=token", ...tlsFlags)).toMatchObject({ ...client, authorization });
  expect(kubesd("--credentials-file=token").kubernetes_sd_configs[0]).not.toHaveProperty("authorization");
});

test("createScrapeConfig() prints a job for the pods that Prometheus finds itself", () => {
  const job = kubesd("--kubernetes-ca-file=k.crt", "--kubernetes-credentials-file=k.token");
  expect(job).toMatchObject({
    scheme: "https",
    metrics_path: "/kubesd/metrics",
    params: { target_scheme: ["http"] },
    kubernetes_sd_configs: [
      {
        role: "pod",
        api_server: "https://kubernetes.example:6443",
        authorization: { credentials_file: "k.token" },
        tls_config: { ca_file: "k.crt" },
      },
    ],
  });
  expect(job.kubernetes_sd_configs[0]).not.toHaveProperty("namespaces");
  expect(job.relabel_configs.at(-1)).toEqual({
    target_label: "__address__",
    replacement: "proxy.example:5053",
  });
});

test("createScrapeConfig() writes a host as relabelling takes it", () => {
  const outcome = run(["--external-url=https://a$1.example", "--way=kubesd", api]);
  expect(outcome).toMatchObject({ text: expect.stringContaining('replacement: "a$$1.example"') });
});

const rule = (label: string, regex: string, action = "keep") => ({
  source_labels: [`__meta_kubernetes_pod_${label}`],
  regex,
  action,
});

test.for([
  [[], rule("phase", "Running")],
  [[], rule("container_init", "true", "drop")],
  [[], rule("container_port_protocol", "UDP|SCTP", "drop")],
  [[], rule("container_port_number", ".+")],
  [["--prefix=web.a-"], rule("name", String.raw`web\.a-.*`)],
  [["--annotated"], rule("annotation_prometheus_io_scrape", "true")],
  [["--ready"], rule("ready", "true")],
  [["--container=a,b"], rule("container_name", "a|b")],
] as const)("createScrapeConfig() relabels for %j", ([argv, expected]) => {
  expect(kubesd(...argv).relabel_configs).toContainEqual(expected);
});

test("createScrapeConfig() names the pod that is meant by its uid", () => {
  expect(kubesd().relabel_configs).toContainEqual({
    source_labels: ["__meta_kubernetes_pod_uid"],
    target_label: "__param_target_uid",
  });
});

test("createScrapeConfig() keeps pods for which nothing was asked", () => {
  const kept = kubesd().relabel_configs.filter(({ action }) => action === "keep");
  expect(kept).toEqual([rule("phase", "Running"), rule("container_port_number", ".+")]);
});

test.for([
  [["--port=metrics"], "metrics;.+"],
  [["--port=metrics,web"], "(?:metrics|web);.+"],
  [["--port=metrics,8080"], "metrics;.+|.*;8080"],
  [["--port=8080,8081"], ".*;(?:8080|8081)"],
] as const)("createScrapeConfig() keeps the ports of %j", ([argv, regex]) => {
  const { relabel_configs: rules } = kubesd(...argv);
  expect(rules.find(({ source_labels: labels }) => labels?.length === 2)).toMatchObject({
    regex,
    action: "keep",
  });
  expect(rules).toContainEqual({
    source_labels: ["__meta_kubernetes_pod_container_port_number"],
    target_label: "__param_target_port",
  });
});

test("createScrapeConfig() asks for one port by its number whether or not a container declares it", () => {
  const job = kubesd("--port=8080");
  expect(job["params"]).toEqual({ target_port: ["8080"], target_scheme: ["http"] });
  expect(JSON.stringify(job.relabel_configs)).not.toContain("container_port");
});

test("createScrapeConfig() takes scope, path and scheme of pods for kubesd", () => {
  const job = kubesd("--namespace=a,b", "--selector=app in (web)", "--path=/m", "--scheme=https");
  expect(job).toMatchObject({ metrics_path: "/kubesd/m", params: { target_scheme: ["https"] } });
  expect(job.kubernetes_sd_configs[0]).toMatchObject({
    namespaces: { names: ["a", "b"] },
    selectors: [{ role: "pod", label: "app in (web)" }],
  });
  expect(kubesd("--namespace=*").kubernetes_sd_configs[0]).not.toHaveProperty("namespaces");
});

test("createScrapeConfig() prints a job for all pods as one target", () => {
  expect(mproxy("--port=metrics,8080", "--scheme=http", "--container=app", "--path=/m")).toEqual({
    job_name: "pods",
    scheme: "https",
    metrics_path: "/mproxy/a/web-/m",
    params: { upstreamPort: ["metrics", "8080"], ssl: ["false"], container: ["app"] },
    static_configs: [{ targets: ["proxy.example:5053"] }],
  });
  const narrowed = ["--workload=deployment/web", "--selector=a", "--annotated", "--ready", "--scheme=https"];
  expect(jobOf("--way=mproxy", "--namespace=a,b", ...narrowed)).toMatchObject({
    metrics_path: "/mproxy/a,b/-/metrics",
    params: {
      ssl: ["true"],
      selector: ["a"],
      workload: ["deployment/web"],
      ready: ["true"],
      annotated: ["true"],
    },
  });
  expect(mproxy()).not.toHaveProperty("params");
});

test.for(["sd", "kubesd", "mproxy"])(
  "createScrapeConfig() puts the prefix of the URL before paths (%s)",
  (way) => {
    const argv = [
      "--external-url=https://proxy.example/team/v1",
      `--way=${way}`,
      "--namespace=a",
      "--prefix=web-",
    ];
    const outcome = run(way === "kubesd" ? [...argv, api] : argv);
    expect(outcome).toMatchObject({ kind: "text", text: expect.stringContaining(`/team/v1/${way}`) });
  },
);

test("createScrapeConfig() prints a ScrapeConfig for the Prometheus Operator", () => {
  const secrets = ["--ca-file=client/ca.crt", "--cert-file=client/tls.crt", "--key-file=client/tls.key"];
  const times = ["--scrape-interval=30s", "--scrape-timeout=10s"];
  const object = parse(
    textOf("--operator", "--credentials-file=client/token", ...secrets, ...times),
  ) as unknown;
  const authorization = { credentials: { name: "client", key: "token" } };
  const tlsConfig = {
    ca: { secret: { name: "client", key: "ca.crt" } },
    cert: { secret: { name: "client", key: "tls.crt" } },
    keySecret: { name: "client", key: "tls.key" },
  };
  expect(object).toEqual({
    apiVersion: "monitoring.coreos.com/v1alpha1",
    kind: "ScrapeConfig",
    metadata: { name: "pods" },
    spec: {
      jobName: "pods",
      scrapeInterval: "30s",
      scrapeTimeout: "10s",
      httpSDConfigs: [
        { url: "https://proxy.example:5053/sd", refreshInterval: "60s", authorization, tlsConfig },
      ],
      authorization,
      tlsConfig,
    },
  });
});

test("createScrapeConfig() prints kubesd and mproxy for the operator, with Secrets for users and the API", () => {
  const user = ["--username=client/user", "--password-file=client/password", "--insecure-skip-verify"];
  const secrets = ["--kubernetes-ca-file=api/ca.crt", "--kubernetes-credentials-file=api/token"];
  const { spec } = parse(textOf("--operator", "--way=kubesd", api, "--selector=a", ...user, ...secrets)) as {
    spec: Record<string, unknown> & { relabelings: readonly unknown[] };
  };
  expect(spec).toMatchObject({
    scheme: "HTTPS",
    metricsPath: "/kubesd/metrics",
    params: { target_scheme: ["http"] },
    basicAuth: { username: { name: "client", key: "user" }, password: { name: "client", key: "password" } },
    tlsConfig: { insecureSkipVerify: true },
    kubernetesSDConfigs: [
      {
        role: "Pod",
        apiServer: "https://kubernetes.example:6443",
        selectors: [{ role: "Pod", label: "a" }],
        authorization: { credentials: { name: "api", key: "token" } },
        tlsConfig: { ca: { secret: { name: "api", key: "ca.crt" } } },
      },
    ],
  });
  expect(spec.relabelings).toContainEqual({
    sourceLabels: ["__meta_kubernetes_pod_uid"],
    targetLabel: "__tmp_hash",
  });
  const merged = textOf("--operator", "--way=mproxy", "--namespace=a", "--prefix=web-", "--port=80");
  expect(parse(merged)).toMatchObject({
    spec: {
      metricsPath: "/mproxy/a/web-/metrics",
      params: { upstreamPort: ["80"] },
      staticConfigs: [{ targets: ["proxy.example:5053"] }],
    },
  });
});

test("createScrapeConfig() says in comments what needs saying, and only then", () => {
  const comments = (...argv: string[]) => textOf(...argv).match(/(?<=# ).*/g);
  expect(comments()).toEqual([
    "The proxy tells the pods, and how each is scraped: no relabelling is needed.",
  ]);
  expect(comments("--ca-file=/root.crt")).toContain(
    "Once more: what stands above is for the list of pods alone, this is for the scrapes.",
  );
  expect(comments("--ca-file=root.crt")).toContain("Relative paths begin at the folder of this file.");
  const plain = ["--external-url=http://proxy.example", "--credentials-file=/token"];
  expect(run(plain)).toMatchObject({ text: expect.stringContaining("# In clear text: ") });
});

test.for([
  [["--way=all"], 'Cannot use --way: got "all"; wanted sd, kubesd or mproxy'],
  [["--namespace=A"], 'Cannot use --namespace: cannot read namespace "A": not an RFC 1123 label'],
  [["--namespace=a,"], 'Cannot use --namespace: cannot read namespace "": not an RFC 1123 label'],
  [
    ["--selector=a in b"],
    expect.stringMatching(/^Cannot use --selector: cannot read label selector "a in b": /),
  ],
  [["--selector="], expect.stringMatching(/^Cannot use --selector: cannot read label selector "": /)],
  [["--prefix=Web"], expect.stringMatching(/^Cannot use --prefix: cannot read pod name prefix "Web"/)],
  [["--workload=web"], expect.stringMatching(/^Cannot use --workload: cannot read workload "web"/)],
  [["--container=a_b"], expect.stringMatching(/^Cannot use --container: cannot read container "a_b"/)],
  [["--port=0"], expect.stringMatching(/^Cannot use --port: cannot read port "0"/)],
  [["--port=1,2,3,4,5,6,7,8,9"], expect.stringMatching(/^Cannot use --port: cannot read ports: there are 9/)],
  [["--path=metrics"], expect.stringMatching(/^Cannot use --path: cannot read /)],
  [["--path=/a b"], expect.stringMatching(/^Cannot use --path: cannot read request path/)],
  [["--scheme=ftp"], 'Cannot use --scheme: got "ftp"; wanted http or https'],
  [["--job-name="], 'Cannot use --job-name: got ""; wanted 1 to 200 characters on one line'],
  [
    ["--scrape-interval=1"],
    expect.stringMatching(/^Cannot use --scrape-interval: got "1"; wanted a duration/),
  ],
  [
    ["--scrape-timeout=0s"],
    expect.stringMatching(/^Cannot use --scrape-timeout: got "0s"; wanted a duration/),
  ],
  [
    ["--refresh-interval=x"],
    expect.stringMatching(/^Cannot use --refresh-interval: got "x"; wanted a duration/),
  ],
  [["--server-name=a b"], expect.stringMatching(/^Cannot use --server-name: got "a b"; wanted a DNS name/)],
  [
    ["--username=a:b", "--password-file=p"],
    expect.stringMatching(/^Cannot use --username: got "a:b"; wanted 1 to/),
  ],
  [["--ca-file="], expect.stringMatching(/^Cannot use --ca-file: got ""; wanted the path of a file/)],
  [
    ["--kubernetes-api-url=x"],
    expect.stringMatching(/^Cannot use --kubernetes-api-url: got "x"; wanted an http/),
  ],
  [["--ready=true"], "Cannot use --ready: it takes no value"],
  [["--ready", "--ready"], "Cannot use --ready: given more than once"],
  [["--path=/a", "--path=/b"], "Cannot use --path: given more than once"],
  [["--namespaces=a"], 'Cannot use "--namespaces": unknown flag (Did you mean --namespace?)'],
  [["--http-port=80"], 'Cannot use "--http-port": unknown flag'],
  [["--port"], "Cannot use --port: no value given"],
  [["word"], "Cannot use an argument that is no flag and no flag's value: only flags are taken"],
  [["--way=kubesd"], "Cannot print a job for --way kubesd: it needs --kubernetes-api-url"],
  [
    ["--way=kubesd", api, "--workload=job/a"],
    "Cannot use --workload with --way kubesd: it needs --way sd or mproxy",
  ],
  [
    ["--way=kubesd", api, "--refresh-interval=1s"],
    "Cannot use --refresh-interval with --way kubesd: it needs --way sd",
  ],
  [[api], "Cannot use --kubernetes-api-url with --way sd: it needs --way kubesd"],
  [["--kubernetes-ca-file=a"], "Cannot use --kubernetes-ca-file with --way sd: it needs --way kubesd"],
  [
    ["--kubernetes-credentials-file=a"],
    "Cannot use --kubernetes-credentials-file with --way sd: it needs --way kubesd",
  ],
  [["--way=mproxy", "--prefix=a"], "Cannot print a job for --way mproxy: it needs --namespace"],
  [
    ["--way=mproxy", "--namespace=a", "--ready", "--container=a"],
    "Cannot print a job for --way mproxy: it needs one of --prefix, --selector, --workload and --annotated",
  ],
  [
    ["--scrape-interval=5s", "--scrape-timeout=6s"],
    "Cannot use --scrape-timeout: it is longer than --scrape-interval, which is 5s",
  ],
  [
    ["--scrape-timeout=11s"],
    "Cannot use --scrape-timeout: longer than 10s it needs --scrape-interval, because Prometheus refuses one that is longer than its interval",
  ],
  [["--cert-file=a"], "Cannot use --cert-file: it needs --key-file"],
  [["--key-file=a"], "Cannot use --key-file: it needs --cert-file"],
  [["--username=a"], "Cannot use --username: it needs --password-file"],
  [["--password-file=a"], "Cannot use --password-file: it needs --username"],
  [
    ["--credentials-file=a", "--username=a", "--password-file=a"],
    "Cannot use --credentials-file: a user and a password are given too; Prometheus sends one of them",
  ],
  [
    ["--way=kubesd", "--kubernetes-api-url=http://a", "--kubernetes-ca-file=a"],
    "Cannot use --kubernetes-ca-file: --kubernetes-api-url is not https",
  ],
  [
    ["--way=kubesd", "--kubernetes-api-url=http://a", "--kubernetes-credentials-file=a"],
    "Cannot use --kubernetes-credentials-file: --kubernetes-api-url is not https",
  ],
  [
    ["--operator", "--job-name=My Pods"],
    "Cannot use --job-name with --operator: it becomes the name of an object; wanted a DNS subdomain",
  ],
  ...["root.crt", "/root.crt", "a/b/c", "a/", "A/b", "a/b c"].map(
    (text) =>
      [
        ["--operator", `--ca-file=${text}`],
        "Cannot use --ca-file with --operator: wanted <secret>/<key>, such as proxy-client/token",
      ] as const,
  ),
] as const)("createScrapeConfig() refuses %j", ([argv, problem]) => {
  expect(problemsOf([url, ...argv])).toEqual([problem]);
});

test.for(["--ca-file=a", "--server-name=a", "--insecure-skip-verify"])(
  "createScrapeConfig() refuses %s without TLS",
  (flag) => {
    expect(problemsOf(["--external-url=http://proxy.example", flag])).toEqual([
      `Cannot use ${flag.replace(/=.*/, "")}: --external-url is not https`,
    ]);
  },
);

test("createScrapeConfig() names every problem, one line each", () => {
  const problems = problemsOf([url, "--way=x", "--port=0", "--zzz"]);
  expect(problems).toHaveLength(3);
  for (const problem of problems) expect(problem).toMatch(/^Cannot [^\n]*[^.\n]$/);
  expect(problemsOf([url, "--cert-file=a", "--way=mproxy"])).toHaveLength(3);
});

test("createScrapeConfig() refuses what the proxy would, though each part is fine", () => {
  const names = Array.from({ length: 100 }, (_, index) => `${"n".repeat(40)}${index}`).join(",");
  expect(problemsOf([url, "--way=mproxy", "--prefix=a", `--namespace=${names}`])).toEqual([
    "Cannot print a job that the proxy would refuse: Cannot read request path: longer than 2048 bytes",
  ]);
  const containers = Array.from({ length: 200 }, (_, index) => `${"c".repeat(40)}${index}`).join(",");
  expect(problemsOf([url, `--container=${containers}`])).toEqual([
    "Cannot print a job that the proxy would refuse: Cannot read request query: longer than 8192 bytes",
  ]);
});

test.for(["-----BEGIN PRIVATE KEY-----", "eyJhbGciOiJub25lIn0.e30.", "a\nb"])(
  "createScrapeConfig() does not print what looks like a secret: %j",
  (secret) => {
    for (const flag of [
      "--credentials-file",
      "--key-file",
      "--password-file",
      "--kubernetes-credentials-file",
    ]) {
      const [problem, ...others] = problemsOf([url, flag, secret]);
      expect([problem, others]).toEqual([
        expect.stringMatching(`^Cannot use ${flag}: got a value that is not shown; wanted`),
        [],
      ]);
    }
  },
);

test("createScrapeConfig() quotes what a reader of YAML 1.1 would take for something else", () => {
  expect(textOf("--way=mproxy", "--namespace=on", "--prefix=a", "--container=yes,no,1e3")).toContain(
    'container: [ "yes", "no", "1e3" ]',
  );
});

test("createScrapeConfig() knows --help and --version, whatever else stands there", () => {
  expect(run(["--version", "--zzz"])).toEqual({ kind: "text", text: "k8s-prometheus-proxy 1.2.3" });
  const help = run(["--zzz", "-h"]);
  if (help.kind !== "text") throw new Error("no help");
  expect(help.text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  for (const key of Object.keys(flags) as FlagKey[]) {
    expect(help.text).toMatch(new RegExp(`^ {2}${nameOf(key)}( <.*>)?$`, "m"));
    expect(help.text.replaceAll(/\s+/g, " ")).toContain(flags[key].help);
    expect(flags[key].help).toMatch(/^[A-Za-z*].*\.$/);
  }
});
