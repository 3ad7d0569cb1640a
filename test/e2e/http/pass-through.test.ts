// `/kubesd` against real pods: bytes pass unchanged, headers do not, and what breaks is never ended.
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";

import { FakePods } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

let pods: FakePods;
let app: RunningApp;
const others: RunningApp[] = [];

const zipped = gzipSync("zipped_sample 1\n".repeat(1000));
const zstandard = zstdCompressSync("zstd_sample 1\n".repeat(1000));
const binary = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 31) & 255));

beforeAll(async () => {
  pods = await FakePods.start([
    {
      name: "plain",
      http: (_request, response) =>
        response
          .writeHead(200, {
            "content-type": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily",
            "set-cookie": "a=b",
            "access-control-allow-origin": "*",
            server: "pod",
            location: "/elsewhere",
          })
          .end(binary),
    },
    {
      name: "zipped",
      http: (_request, response) =>
        response.writeHead(200, { "content-type": "text/plain", "content-encoding": "gzip" }).end(zipped),
    },
    {
      name: "zstd",
      http: (_request, response) =>
        response.writeHead(200, { "content-type": "text/plain", "content-encoding": "zstd" }).end(zstandard),
    },
    {
      name: "teapot",
      http: (_request, response) => response.writeHead(418, { "content-type": "text/html" }).end("<b>"),
    },
    {
      name: "breaks",
      tcp: (socket) =>
        socket.once("data", () =>
          socket.end("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\na \r\n2\r\n1\n\r\n"),
        ),
    },
    { name: "empty", http: (_request, response) => response.writeHead(204).end() },
    {
      name: "redirect",
      http: (_request, response) => response.writeHead(302, { location: "http://10.0.0.1/" }).end(),
    },
    {
      name: "dies",
      http: (_request, response) => {
        response.writeHead(200, { "content-type": "text/plain" });
        response.write("begun 1\n");
        setTimeout(() => response.destroy(), 50);
      },
    },
    {
      name: "dies-short",
      tcp: (socket) =>
        socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort 1\n")),
    },
    { name: "hang", tcp: (socket) => socket.resume() },
    {
      name: "stops",
      http: (_request, response) => {
        response.writeHead(200, { "content-type": "text/plain" });
        response.write("begun 1\n");
        setTimeout(() => response.write("and 2\n"), 50);
      },
    },
    {
      name: "large",
      http: (request, response) => {
        const body = Buffer.alloc(3 * 1024 * 1024, "x");
        response
          .writeHead(200, request.url?.includes("announced") ? { "content-length": body.length } : {})
          .end(body);
      },
    },
    { name: "stray", unlisted: true },
  ]);
  app = await startApp({ PODS_FILE: pods.file });
});
afterAll(async () => {
  for (const running of [app, ...others]) await running.stop();
  await pods.stop();
});

const target = (name: string, query = "") =>
  `/kubesd/metrics?pod=${pods.get(name).ip}&target_port=${pods.port}${query}`;

test("/kubesd passes the body byte for byte, and of the headers only those of the content", async () => {
  const answer = await request(app.origin, target("plain"));
  expect(answer.status).toBe(200);
  expect(Buffer.compare(answer.body, binary)).toBe(0);
  expect(Object.keys(answer.headers).sort()).toEqual([
    "connection",
    "content-security-policy",
    "content-type",
    "date",
    "transfer-encoding",
    "x-content-type-options",
  ]);
  expect(answer.headers).toMatchObject({
    "content-type": "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily",
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
  });
});

test("/kubesd passes gzip as it is", async () => {
  const answer = await request(app.origin, target("zipped"), { headers: { "accept-encoding": "gzip" } });
  expect(answer.headers["content-encoding"]).toBe("gzip");
  expect(Buffer.compare(answer.body, zipped)).toBe(0);
});

test("/kubesd passes zstd as it is, and asks for the codings that the caller takes", async () => {
  const ask = (codings: string) =>
    request(app.origin, target("zstd"), { headers: { "accept-encoding": codings } });
  const answer = await ask("gzip;q=0.5, br, zstd");
  expect(answer.headers["content-encoding"]).toBe("zstd");
  expect(Buffer.compare(answer.body, zstandard)).toBe(0);
  await ask("gzip");
  await ask("br");
  const asked = pods
    .get("zstd")
    .requests.map(({ headers }) => headers[headers.indexOf("accept-encoding") + 1]);
  expect(asked).toEqual(["zstd, gzip;q=0.5", "gzip", "identity"]);
});

test("/kubesd passes the pod's status", async () => {
  const teapot = await request(app.origin, target("teapot"));
  expect([teapot.status, teapot.text]).toEqual([418, "<b>"]);
  expect((await request(app.origin, target("empty"))).status).toBe(204);
});

test("/kubesd reaches an address without a known pod unless KUBESD_REQUIRE_POD", async () => {
  expect((await request(app.origin, target("stray"))).status).toBe(200);
});

test("/kubesd answers HEAD with the pod's headers alone", async () => {
  const answer = await request(app.origin, target("zipped"), { method: "HEAD" });
  expect([answer.status, answer.text, answer.headers["content-encoding"]]).toEqual([200, "", "gzip"]);
});

test("/kubesd asks the pod with what the scraper accepts, and nothing else of it", async () => {
  const { requests } = pods.get("plain");
  const ask = async (headers: Record<string, string>, query = "") => {
    requests.length = 0;
    await request(app.origin, target("plain", query), { headers });
    const pairs = requests[0]!.headers;
    const seen = new Map<string, string>();
    for (let i = 0; i < pairs.length; i += 2) seen.set(pairs[i]!.toLowerCase(), pairs[i + 1]!);
    return { seen, url: requests[0]!.url };
  };
  const accept = "application/vnd.google.protobuf;q=0.6,text/plain;version=0.0.4;q=0.5";
  const usual = await ask(
    {
      accept,
      "accept-encoding": "gzip",
      authorization: "Bearer SECRET",
      cookie: "c",
      range: "bytes=0-1",
      "x-real-ip": "1.2.3.4",
      "x-prometheus-scrape-timeout-seconds": "3",
    },
    "&collect[]=a%2Fb&target_uid=uid-team-a-plain&match",
  );
  expect(usual.url).toBe("/metrics?collect[]=a%2Fb&match");
  expect([...usual.seen.keys()].sort()).toEqual([
    "accept",
    "accept-encoding",
    "connection",
    "host",
    "user-agent",
    "x-prometheus-scrape-timeout-seconds",
  ]);
  expect(usual.seen.get("accept")).toBe(accept);
  expect(usual.seen.get("accept-encoding")).toBe("gzip");
  expect(usual.seen.get("host")).toBe(`${pods.get("plain").ip}:${pods.port}`);
  expect(Number(usual.seen.get("x-prometheus-scrape-timeout-seconds"))).toBeLessThanOrEqual(2.5);

  const odd = await ask({ accept: "a/b,".repeat(600), "accept-encoding": "br, gzip;q=0, zstd;q=0, *;q=1" });
  expect([odd.seen.get("accept"), odd.seen.get("accept-encoding")]).toEqual(["*/*", "identity"]);
});

test("/kubesd destroys the connection when the pod breaks off", async () => {
  const answer = await request(app.origin, target("breaks"));
  expect([answer.status, answer.complete]).toEqual([200, false]);
});

for (const name of ["dies", "dies-short"]) {
  test(`/kubesd answers 502 when the pod breaks off in the first chunk of its body (${name})`, async () => {
    const answer = await request(app.origin, target(name));
    expect([answer.status, answer.text]).toEqual([502, expect.stringMatching(/\(truncated\)/)]);
    const { ip } = pods.get(name);
    await expect
      .poll(() => app.log.find((line) => line["ip"] === ip))
      .toMatchObject({ level: "warn", reason: "truncated", pod: name });
  });
}

test("/kubesd destroys the connection when the pod stops in the middle, at the deadline", async () => {
  const answer = await request(app.origin, target("stops"), {
    headers: { "x-prometheus-scrape-timeout-seconds": "1" },
  });
  expect([answer.status, answer.text, answer.complete]).toEqual([200, "begun 1\n", false]);
});

test("/kubesd answers 504 to a pod that does not, before the scraper stops waiting", async () => {
  const start = performance.now();
  const answer = await request(app.origin, target("hang"), {
    headers: { "x-prometheus-scrape-timeout-seconds": "1" },
  });
  expect([answer.status, answer.text]).toEqual([
    504,
    expect.stringMatching(/^Cannot scrape the pod \(timeout\): /),
  ]);
  expect(performance.now() - start).toBeLessThan(1000);
});

test("/kubesd answers 502 when nobody listens, and to a redirect", async () => {
  const refused = await request(app.origin, `/kubesd/metrics?pod=${pods.get("plain").ip}&target_port=1`);
  expect([refused.status, refused.text]).toEqual([502, expect.stringMatching(/\(connect\)/)]);
  const redirect = await request(app.origin, target("redirect"));
  expect([redirect.status, redirect.headers.location]).toEqual([502, undefined]);
  expect(redirect.text).not.toContain("10.0.0.1");
});

test("/kubesd cuts an answer off at MAX_RESPONSE_SIZE", async () => {
  const small = await startApp({ PODS_FILE: pods.file, MAX_RESPONSE_SIZE: "1MiB" });
  others.push(small);
  const announced = await request(small.origin, target("large", "&announced"));
  expect([announced.status, announced.text]).toEqual([502, expect.stringContaining("MAX_RESPONSE_SIZE")]);
  const chunked = await request(small.origin, target("large"));
  expect([chunked.status, chunked.complete]).toEqual([200, false]);
  expect(chunked.body.length).toBeLessThanOrEqual(1024 * 1024);
});

test("/kubesd answers 503 with Retry-After beyond MAX_CONCURRENT_KUBESD", async () => {
  const narrow = await startApp({ PODS_FILE: pods.file, MAX_CONCURRENT_KUBESD: "1" });
  others.push(narrow);
  const { connections } = pods.get("hang");
  const before = connections.accepted;
  const first = request(narrow.origin, target("hang"), {
    headers: { "x-prometheus-scrape-timeout-seconds": "2" },
  });
  await expect.poll(() => connections.accepted).toBe(before + 1);
  const second = await request(narrow.origin, target("plain"));
  expect([second.status, second.text]).toEqual([503, expect.stringContaining("MAX_CONCURRENT_KUBESD")]);
  expect(second.headers["retry-after"]).toMatch(/^[1-5]$/);
  expect((await first).status).toBe(504);
  expect((await request(narrow.origin, target("plain"))).status).toBe(200);
});

test("own metrics count statuses of pods under other", async () => {
  const { text } = await request(app.metricsOrigin, "/metrics");
  const samples = samplesOf(text);
  expect(
    Number(samples.get('k8s_prometheus_proxy_scrapes_total{route="kubesd",code="other"}')),
  ).toBeGreaterThan(0);
  expect(Number(samples.get('k8s_prometheus_proxy_scrapes_total{route="kubesd",code="504"}'))).toBe(1);
  expect(text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length).toBeLessThan(500);
});
