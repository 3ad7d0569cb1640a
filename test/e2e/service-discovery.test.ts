// The job of the manual for `/sd`, as it stands there: real Prometheus servers that know nothing but the proxy's address scrape real
// pods of a real API server, over HTTP, HTTPS and through something that ends TLS in between.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { CertificateAuthority } from "../support/certificate-authority.ts";
import { CertificateFolder } from "../support/certificate-files.ts";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { startTlsFront, type TlsFront } from "../support/http/tls-front.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import { nativeHistogram, protobufType } from "../support/native-histogram.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";

const root = CertificateAuthority.create({ name: "root of the proxy" });
const podRoot = CertificateAuthority.create({ name: "root of the pods" });
const namespace = "project1";
const histogram = nativeHistogram("demo_seconds");
const jobs = ["pods", "selected", "https", "front"] as const;
const versions = ["3.5", "2.42"] as const;

let cluster: Cluster;
let pods: FakePods;
/** A second port at the address of the first pod. */
let admin: FakePods;
let front: TlsFront;
let folders: CertificateFolder[] = [];
let programs: StartedProgram[] = [];
let servers: PrometheusServer[] = [];

const server = (version: (typeof versions)[number]) => servers[versions.indexOf(version)]!;
const text = (name: string) => answers(`fruit_info{fruit="${name}"} 1\n`);

/** What the cluster says of each pod; its address is that of its server, or of the one named. */
function podObject(name: string, { at = name }: { at?: string } = {}) {
  const metrics = { name: "metrics", containerPort: pods.port };
  const admins = { name: "admin-metrics", containerPort: admin.port };
  const annotations = {
    "prometheus.io/port": String(pods.port),
    "prometheus.io/path": "/custom",
    "prometheus.io/scheme": "https",
  };
  return {
    namespace,
    name,
    ip: pods.get(at).ip,
    labels: { app: name.startsWith("web-") ? "web" : "other" },
    ...(name === "annotated"
      ? { annotations }
      : { containerPorts: name === "two-ports" ? [metrics, admins] : [metrics] }),
  };
}

beforeAll(async () => {
  const [proxyFolder, clientFolder, podFolder] = (folders = await Promise.all([
    CertificateFolder.create(),
    CertificateFolder.create(),
    CertificateFolder.create(),
  ])) as [CertificateFolder, CertificateFolder, CertificateFolder];
  const certificate = root.issue({ ips: ["127.0.0.1"] });
  await proxyFolder.write(certificate);
  await clientFolder.write({ ca: root.cert });
  await podFolder.write({ ca: podRoot.cert });
  cluster = await startCluster({ tokens: [{ token: "proxy-token", user: "proxy" }] });
  const plain = ["two-ports", "web-0", "web-1", "spare", "late"];
  pods = await FakePods.start([
    ...plain.map((name) => ({ name, http: text(name) })),
    { name: "annotated", http: text("annotated"), tls: podRoot.issue({ ips: ["127.20.0.6"] }) },
    { name: "histogram", http: answers(histogram, { "content-type": protobufType }) },
  ]);
  admin = await FakePods.start([{ name: "two-ports", http: text("admin") }]);
  await cluster.createNamespace(namespace);
  await cluster.createPods(
    ["two-ports", "web-0", "web-1", "annotated", "histogram"].map((name) => podObject(name)),
  );
  await cluster.allowPods({ subject: "proxy", verbs: ["list", "watch"], namespace });
  front = await startTlsFront({ ...certificate, path: "/metrics-proxy" });
  const env = {
    METRICS_PATH_WHITELIST: "^/metrics$,^/custom$",
    KUBERNETES_SERVICE_HOST: cluster.host,
    KUBERNETES_SERVICE_PORT: String(cluster.port),
    K8S_CACERT: cluster.caFile,
    K8S_GLOBAL_TOKEN: "proxy-token",
    UPSTREAM_CA_FILE: podFolder.ca,
  };
  programs = await Promise.all([
    startProgram({ env }),
    startProgram({ env: { ...env, ...proxyFolder.env, HTTPS_PORT: "0", APP_URL_PREFIX: "team/v1" } }),
    startProgram({ env: { ...env, EXTERNAL_URL: front.url } }),
  ]);
  const [http, https, behind] = programs as [StartedProgram, StartedProgram, StartedProgram];
  front.forwardTo(behind.origin);
  const refresh_interval = "500ms";
  const sd = (url: string) => ({ http_sd_configs: [{ url, refresh_interval }] });
  const tls_config = { ca_file: clientFolder.ca };
  const sdWithTls = (url: string) => ({
    http_sd_configs: [{ url, refresh_interval, tls_config }],
    tls_config,
  });
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s" },
    scrape_configs: [
      { job_name: "pods", ...sd(`${http.origin}/sd?namespace=${namespace}`) },
      { job_name: "selected", ...sd(`${http.origin}/sd?namespace=${namespace}&selector=app%3Dweb`) },
      { job_name: "https", ...sdWithTls(`${https.origin}/team/v1/sd?namespace=${namespace}`) },
      { job_name: "front", ...sdWithTls(`${front.url}/sd?namespace=${namespace}`) },
    ],
  };
  servers = await Promise.all(
    versions.map((version) =>
      startPrometheus({ version, config, flags: ["--enable-feature=native-histograms"] }),
    ),
  );
}, 150_000);

afterAll(async () => {
  await Promise.all(servers.map((one) => one.stop()));
  for (const program of programs) program.kill("SIGTERM");
  await Promise.all(programs.map(({ exit }) => exit));
  await front?.stop();
  await Promise.all([cluster?.stop(), pods?.stop(), admin?.stop()]);
  await Promise.all(folders.map((folder) => folder[Symbol.asyncDispose]()));
});

/** `up` as it has to be for pods and the servers behind them: labels and value. */
function upOf(name: string, { at = name, port = pods.port }: { at?: string; port?: number } = {}): string {
  return `1 ${name}:${port} ${name} ${pods.get(at).ip} ${namespace}`;
}

async function upsIn(version: (typeof versions)[number], job: string): Promise<string[]> {
  const samples = await server(version).query(`up{job="${job}"}`);
  return samples
    .map(({ labels, value }) => {
      const { __name__: _name, job: _job, instance, podname, podip, namespace: of, ...others } = labels;
      expect(others).toEqual({});
      return `${value} ${instance} ${podname} ${podip} ${of}`;
    })
    .sort();
}

/** Waits until a job has these targets and no others, all of them up. */
async function untilUp(version: (typeof versions)[number], job: string, expected: string[]): Promise<void> {
  let found: string[] = [];
  await server(version)
    .waitFor(`the targets of job ${job}`, async () => {
      found = await upsIn(version, job);
      return JSON.stringify(found) === JSON.stringify(expected.toSorted());
    })
    .catch(() => expect(found).toEqual(expected.toSorted()));
}

/** Where a job's targets are scraped: past the front they could be reached too. */
function baseOf(job: (typeof jobs)[number]): string {
  if (job === "front") return front.url;
  return job === "https" ? `${programs[1]!.origin}/team/v1` : programs[0]!.origin;
}

/** The job `selected` lists the pods `web-…` alone. */
const wanted = (job: string, all: readonly string[]) =>
  all.filter((line) => job !== "selected" || line.includes(" web-"));

describe.each(versions)("Prometheus %s", (version) => {
  const oldest = () => [
    upOf("two-ports"),
    upOf("two-ports", { port: admin.port }),
    upOf("web-0"),
    upOf("web-1"),
    upOf("annotated"),
    upOf("histogram"),
  ];

  test.each(jobs)(
    "job %s: each port of each pod is up, with the labels of its pod and no other",
    async (job) => {
      await untilUp(version, job, wanted(job, oldest()));
      const targets = (await server(version).targets()).filter(({ scrapePool }) => scrapePool === job);
      expect(targets.map(({ health, lastError }) => `${health}${lastError}`)).toEqual(
        wanted(job, oldest()).map(() => "up"),
      );
      expect(new Set(targets.map(({ scrapeUrl }) => scrapeUrl.split("/kubesd/")[0]))).toEqual(
        new Set([baseOf(job)]),
      );
    },
  );

  test("the samples of each target are those of its own pod", async () => {
    const samples = await server(version).query('fruit_info{job="pods"}');
    expect(samples.map(({ labels }) => `${labels["instance"]} ${labels["fruit"]}`).sort()).toEqual(
      [
        `two-ports:${pods.port} two-ports`,
        `two-ports:${admin.port} admin`,
        `web-0:${pods.port} web-0`,
        `web-1:${pods.port} web-1`,
        `annotated:${pods.port} annotated`,
      ].sort(),
    );
  });

  test("a native histogram arrives", async () => {
    const value = async (expression: string) => (await server(version).query(expression)).map((s) => s.value);
    expect(await value('histogram_count(demo_seconds{job="https"})')).toEqual(["3"]);
    expect(await value('histogram_sum(demo_seconds{job="https"})')).toEqual(["6.5"]);
  });
});

test("the annotations decide about port, path and scheme", () => {
  const urls = pods.get("annotated").requests.map(({ url }) => url.split("?")[0]);
  expect(new Set(urls)).toEqual(new Set(["/custom"]));
  expect(new Set(pods.get("web-0").requests.map(({ url }) => url.split("?")[0]))).toEqual(
    new Set(["/metrics"]),
  );
});

test("protobuf passes byte for byte", async () => {
  const targets = await server("3.5").targets();
  const { scrapeUrl } = targets.find(
    ({ scrapePool, labels }) => scrapePool === "pods" && labels["podname"] === "histogram",
  )!;
  const { origin, pathname, search } = new URL(scrapeUrl);
  const answer = await request(origin, pathname + search, { headers: { accept: protobufType } });
  expect(answer.headers["content-type"]).toBe(protobufType);
  expect(answer.body).toEqual(histogram);
});

describe("targets follow", () => {
  const others = () => [
    upOf("two-ports"),
    upOf("two-ports", { port: admin.port }),
    upOf("annotated"),
    upOf("histogram"),
  ];

  async function untilEverywhere(
    web: readonly string[],
    { selected = web }: { selected?: readonly string[] } = {},
  ) {
    for (const version of versions) {
      for (const job of jobs)
        await untilUp(version, job, job === "selected" ? [...selected] : [...others(), ...web]);
    }
  }

  test("a pod that is created, and one that is deleted", async () => {
    await cluster.createPod({ ...podObject("late"), labels: { app: "web" } });
    await untilEverywhere([upOf("web-0"), upOf("web-1"), upOf("late")]);
    await cluster.deletePod(namespace, "late");
    await untilEverywhere([upOf("web-0"), upOf("web-1")]);
  });

  test("a pod whose address changes", async () => {
    await cluster.setPodStatus(namespace, "web-1", { ip: pods.get("spare").ip });
    await untilEverywhere([upOf("web-0"), upOf("web-1", { at: "spare" })]);
  });

  test("a pod that is relabelled: in and out of a selector, and in the labels for relabelling", async () => {
    await cluster.request(
      "PATCH",
      `/api/v1/namespaces/${namespace}/pods/web-0`,
      { metadata: { labels: { app: "retired" } } },
      { contentType: "application/merge-patch+json" },
    );
    const web1 = upOf("web-1", { at: "spare" });
    await untilEverywhere([upOf("web-0"), web1], { selected: [web1] });
    await server("3.5").waitFor("the new label", async (prometheus) => {
      const targets = (await prometheus.targets()).filter(
        ({ scrapePool, labels }) => scrapePool === "pods" && labels["podname"] === "web-0",
      );
      return targets.every(
        (target) => target.discoveredLabels["__meta_kubernetes_pod_label_app"] === "retired",
      );
    });
  });
});
