// `/sd` against a running app: what stands in the answer, and when there is none.
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { rawRequest } from "../../support/http/raw-request.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

interface Group {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

let pods: FakePods;
let app: RunningApp;
const others: RunningApp[] = [];

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "web-b", ports: { metrics: 0, http: 80 }, labels: { app: "web" }, ready: false },
    {
      name: "web-a",
      http: answers("own 1\n"),
      labels: { app: "web", "team/name": "é" },
      annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "1", "other.io/x": "hidden" },
      ports: { metrics: 0 },
    },
    { name: "db-0", namespace: "team-b", ports: { metrics: 0 }, moreContainers: { exporter: 9187 } },
    { name: "bare", namespace: "team-c" },
    { name: "ended", namespace: "team-c", phase: "Succeeded", ports: { metrics: 0 } },
  ]);
  app = await startApp({ PODS_FILE: pods.file });
});
afterAll(async () => {
  for (const running of [app, ...others]) await running.stop();
  await pods.stop();
});

async function startAnother(env: Record<string, string>): Promise<RunningApp> {
  const another = await startApp({ PODS_FILE: pods.file, ...env });
  others.push(another);
  return another;
}

async function groupsOf(query: string, o: { of?: RunningApp } = {}): Promise<readonly Group[]> {
  const answer = await request((o.of ?? app).origin, `/sd${query}`);
  expect([answer.status, answer.headers["content-type"]], answer.text).toEqual([200, "application/json"]);
  return JSON.parse(answer.text) as Group[];
}

const instancesOf = async (query: string, o: { of?: RunningApp } = {}) =>
  (await groupsOf(query, o)).map(({ labels }) => labels["instance"]);

test("/sd lists one group for each port of each pod, with everything that a scrape needs", async () => {
  const groups = await groupsOf(`?namespace=team-a&port=${pods.port}`);
  expect(groups.map(({ labels }) => labels["instance"])).toEqual([
    `web-a:${pods.port}`,
    `web-b:${pods.port}`,
  ]);
  const [{ targets, labels }] = groups as [Group];
  expect(targets).toEqual([`127.0.0.1:${app.port}`]);
  expect(labels).toEqual({
    __scheme__: "http",
    __metrics_path__: "/kubesd/metrics",
    __param_pod: pods.get("web-a").ip,
    __param_target_port: String(pods.port),
    __param_target_scheme: "http",
    __param_target_uid: "uid-team-a-web-a",
    __tmp_hash: "uid-team-a-web-a",
    instance: `web-a:${pods.port}`,
    podname: "web-a",
    podip: pods.get("web-a").ip,
    namespace: "team-a",
    __meta_kubernetes_namespace: "team-a",
    __meta_kubernetes_pod_name: "web-a",
    __meta_kubernetes_pod_ip: pods.get("web-a").ip,
    __meta_kubernetes_pod_ready: "true",
    __meta_kubernetes_pod_phase: "Running",
    __meta_kubernetes_pod_node_name: "node-1",
    __meta_kubernetes_pod_uid: "uid-team-a-web-a",
    __meta_kubernetes_pod_label_app: "web",
    __meta_kubernetes_pod_labelpresent_app: "true",
    __meta_kubernetes_pod_label_team_name: "é",
    __meta_kubernetes_pod_labelpresent_team_name: "true",
    __meta_kubernetes_pod_annotation_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_annotationpresent_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_annotation_prometheus_io_port: "1",
    __meta_kubernetes_pod_annotationpresent_prometheus_io_port: "true",
    __meta_kubernetes_pod_container_name: "main",
    __meta_kubernetes_pod_container_init: "false",
    __meta_kubernetes_pod_container_port_name: "metrics",
    __meta_kubernetes_pod_container_port_number: String(pods.port),
    __meta_kubernetes_pod_container_port_protocol: "TCP",
  });
});

test("a target of /sd can be scraped as it stands there", async () => {
  const [{ targets, labels }] = (await groupsOf(`?namespace=team-a&port=${pods.port}`)) as [Group];
  const parameters = new URLSearchParams(
    Object.entries(labels).flatMap(([name, value]) =>
      name.startsWith("__param_") ? [[name.slice("__param_".length), value] as [string, string]] : [],
    ),
  );
  const answer = await request(
    `${labels["__scheme__"]}://${targets[0]}`,
    `${labels["__metrics_path__"]}?${parameters.toString()}`,
  );
  expect([answer.status, answer.text]).toEqual([200, "own 1\n"]);
});

test("/sd lists what the parameters select", async () => {
  const port = pods.port;
  expect(await instancesOf("")).toEqual([`web-a:1`, `web-b:${port}`, `db-0:${port}`]);
  expect(await instancesOf("?namespace=*")).toHaveLength(3);
  expect(await instancesOf("?namespace=team-b,team-c")).toEqual([`db-0:${port}`]);
  expect(await instancesOf("?namespace=team-b&namespace=team-a&port=metrics")).toHaveLength(3);
  expect(await instancesOf("?port=http,metrics&prefix=web-b")).toEqual(["web-b:80", `web-b:${port}`]);
  expect(await instancesOf("?selector=app%3Dweb,team/name&port=7")).toEqual(["web-a:7"]);
  expect(await instancesOf("?ready=true&namespace=team-a")).toEqual(["web-a:1"]);
  expect(await instancesOf("?annotated=true")).toEqual(["web-a:1"]);
  expect(await instancesOf("?container=exporter&port=9187")).toEqual(["db-0:9187"]);
  expect(await instancesOf("?container=exporter")).toEqual([]);
  expect(await instancesOf("?workload=deployment/web")).toEqual([]);
  const shards = await Promise.all([0, 1, 2].map((index) => instancesOf(`?shard=${index}/3`)));
  expect(shards.flat()).toHaveLength(3);
  const [{ labels }] = (await groupsOf("?namespace=team-b&scheme=https&path=/metrics")) as [Group];
  expect(labels).toMatchObject({ __param_target_scheme: "https", __metrics_path__: "/kubesd/metrics" });
});

test("/sd refuses what /kubesd would", async () => {
  const strict = await startAnother({ PORT_WHITELIST: "80", NAMESPACE_WHITELIST: "team-a" });
  const check = async (query: string, status: number, text: string) => {
    const answer = await request(strict.origin, `/sd${query}`);
    expect([answer.status, answer.text]).toEqual([status, `${text}\n`]);
    expect(answer.headers["content-type"]).toContain("text/plain");
  };
  await check("?port=22", 403, "Cannot scrape port 22: not on PORT_WHITELIST");
  await check("?namespace=team-b", 403, 'Cannot scrape namespace "team-b": not on NAMESPACE_WHITELIST');
  await check("?path=/admin", 500, 'Cannot scrape path "/admin": not on METRICS_PATH_WHITELIST');
  await check(
    "?namepace=x",
    400,
    'Cannot read request query: /sd knows no parameter "namepace", only annotated, container, namespace, path, port, prefix, ready, scheme, selector, shard, workload',
  );
  expect(await instancesOf("?port=http,metrics", { of: strict })).toEqual(["web-b:80"]);
  const { text } = await request(strict.metricsOrigin, "/metrics");
  expect(samplesOf(text).get('k8s_prometheus_proxy_sd_targets_skipped{reason="port_not_allowed"}')).toBe("2");
  expect(samplesOf(text).get('k8s_prometheus_proxy_scrapes_total{route="sd",code="403"}')).toBe("2");
});

test("/sd tells EXTERNAL_URL, else the Host of the request and APP_URL_PREFIX", async () => {
  const prefixed = await startAnother({ APP_URL_PREFIX: "v1" });
  const ask = async (target: string, host: string | undefined, of: RunningApp) => {
    const head = host === undefined ? "HTTP/1.0" : `HTTP/1.1\r\nHost: ${host}`;
    const { status, rest } = await rawRequest(`GET ${target} ${head}\r\nConnection: close\r\n\r\n`, {
      port: of.port,
    });
    return { status, rest };
  };
  const addressIn = async (target: string, host: string, of: RunningApp) => {
    const answer = await ask(target, host, of);
    const text = answer.rest.replace(/^[0-9a-f]+\r\n|\r\n0\r\n\r\n$/g, "");
    const [{ targets, labels }] = JSON.parse(text) as [Group];
    return [labels["__scheme__"], targets[0], labels["__metrics_path__"]];
  };
  expect(await addressIn("/v1/sd", "proxy.example:80", prefixed)).toEqual([
    "http",
    "proxy.example:80",
    "/v1/kubesd/metrics",
  ]);
  expect(await addressIn("/v1/sd", "[fd00::1]", prefixed)).toEqual([
    "http",
    "[fd00::1]",
    "/v1/kubesd/metrics",
  ]);
  const external = await startAnother({ APP_URL_PREFIX: "v1", EXTERNAL_URL: "https://outside.example/a/b" });
  expect(await addressIn("/v1/sd", "inside:80", external)).toEqual([
    "https",
    "outside.example",
    "/a/b/kubesd/metrics",
  ]);
  expect(await ask("/sd", undefined, app)).toEqual({
    status: 400,
    rest: "Cannot tell the proxy's address: the request has no Host, and EXTERNAL_URL is not set\n",
  });
});

test("/sd shows the annotations of SD_ANNOTATIONS", async () => {
  const shown = async (pattern: string) => {
    const of = await startAnother({ SD_ANNOTATIONS: pattern });
    const [{ labels }] = (await groupsOf("?prefix=web-a", { of })) as [Group];
    // The port of the annotation counts, shown or not.
    expect(labels["instance"]).toBe("web-a:1");
    return Object.keys(labels)
      .filter((name) => name.startsWith("__meta_kubernetes_pod_annotation_"))
      .map((name) => name.slice("__meta_kubernetes_pod_annotation_".length));
  };
  expect(await shown("")).toEqual([]);
  expect(await shown("other.*")).toEqual(["other_io_x"]);
  expect(await shown(".*")).toEqual(["prometheus_io_scrape", "prometheus_io_port", "other_io_x"]);
});

test("/sd answers 304 as long as nothing has changed, whatever coding is asked for", async () => {
  const first = await request(app.origin, "/sd");
  const { etag } = first.headers;
  expect(etag).toMatch(/^W\/"[A-Za-z0-9_-]{43}"$/);
  expect(first.headers).toMatchObject({ "cache-control": "no-cache", vary: "Accept-Encoding" });
  const again = async (headers: Record<string, string>) => {
    const { status, text } = await request(app.origin, "/sd", { headers });
    return [status, text === "" ? "" : "body"];
  };
  expect(await again({ "if-none-match": etag! })).toEqual([304, ""]);
  expect(await again({ "if-none-match": `"x", ${etag!.slice(2)}` })).toEqual([304, ""]);
  expect(await again({ "if-none-match": "*" })).toEqual([304, ""]);
  expect(await again({ "if-none-match": etag!, "accept-encoding": "gzip" })).toEqual([304, ""]);
  expect(await again({ "if-none-match": '"x"' })).toEqual([200, "body"]);
  expect((await request(app.origin, "/sd?namespace=team-b")).headers.etag).not.toBe(etag);
  const { text } = await request(app.metricsOrigin, "/metrics");
  expect(samplesOf(text).get('k8s_prometheus_proxy_scrapes_total{route="sd",code="304"}')).toBe("4");
});

test("/sd is compressed for whoever asks, and has no body for HEAD", async () => {
  const plain = await request(app.origin, "/sd");
  const gzip = await request(app.origin, "/sd", { headers: { "accept-encoding": "gzip" } });
  const zstd = await request(app.origin, "/sd", { headers: { "accept-encoding": "zstd" } });
  expect([gzip.headers["content-encoding"], zstd.headers["content-encoding"]]).toEqual(["gzip", "zstd"]);
  expect(gunzipSync(gzip.body)).toEqual(plain.body);
  expect(zstdDecompressSync(zstd.body)).toEqual(plain.body);
  expect(gzip.headers.etag).toBe(plain.headers.etag);
  const head = await request(app.origin, "/sd", { method: "HEAD" });
  expect([head.status, head.text, head.headers.etag]).toEqual([200, "", plain.headers.etag]);
});

test("/sd of a selection that nothing matches is an empty list", async () => {
  const answer = await request(app.origin, "/sd?namespace=team-c");
  expect([answer.status, answer.text]).toEqual([200, "[]\n"]);
});

test("/sd refuses a list that is longer than MAX_RESPONSE_SIZE", async () => {
  const small = await startAnother({ MAX_RESPONSE_SIZE: "1KiB" });
  const answer = await request(small.origin, "/sd");
  expect([answer.status, answer.text]).toEqual([
    502,
    "Cannot answer: the list of targets has more than 1024 bytes (MAX_RESPONSE_SIZE)\n",
  ]);
  const { text } = await request(small.metricsOrigin, "/metrics");
  expect(samplesOf(text).get('k8s_prometheus_proxy_limit_hits_total{limit="max_response_size"}')).toBe("1");
  expect(samplesOf(text).get("k8s_prometheus_proxy_buffered_bytes")).toBe("0");
});
