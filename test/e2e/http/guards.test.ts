// What is refused before any route: answered once, closed where the framing is in doubt, and no pod hears of it.
import { afterAll, beforeAll, expect, test } from "vitest";

import { FakePods } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { rawRequest } from "../../support/http/raw-request.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

let pods: FakePods;
let app: RunningApp;
let target = "";

beforeAll(async () => {
  pods = await FakePods.start([{ name: "app-1" }]);
  app = await startApp({ PODS_FILE: pods.file });
  target = `/kubesd/metrics?pod=${pods.get("app-1").ip}&target_port=${pods.port}`;
});
afterAll(async () => {
  await app.stop();
  await pods.stop();
});

const host = "Host: proxy\r\n";

/** `make` gets a target that would be scraped if the request were well formed. */
const check = (name: string, status: number, make: (target: string) => string) =>
  test(`${status} to ${name}, and no pod is asked`, async () => {
    const answer = await rawRequest(make(target), { port: app.port });
    expect([answer.status, answer.answers]).toEqual([status, 1]);
    expect([pods.accepted, pods.get("app-1").requests.length]).toEqual([0, 0]);
  });

check("HTTP/0.9", 400, (url) => `GET ${url}\r\n\r\n`);
check("HTTP/2.0 in the request line", 400, (url) => `GET ${url} HTTP/2.0\r\n${host}\r\n`);
check("two Hosts", 400, (url) => `GET ${url} HTTP/1.1\r\n${host}${host}\r\n`);
check("no Host", 400, (url) => `GET ${url} HTTP/1.1\r\n\r\n`);
check(
  "an absolute target",
  400,
  (url) => `GET http://proxy${url} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
);
check(
  "a target that begins with two slashes",
  400,
  (url) => `GET /${url} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
);
check(
  "an escaped route",
  400,
  (url) => `GET ${url.replace("/kubesd", "/%6bubesd")} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
);
check("a fragment", 400, (url) => `GET ${url}#x HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
check("Expect", 400, (url) => `GET ${url} HTTP/1.1\r\n${host}Expect: 100-continue\r\n\r\n`);
check(
  "a chunked body",
  400,
  (url) =>
    `GET ${url} HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET ${url} HTTP/1.1\r\n${host}\r\n`,
);
check("a body with a request in it", 400, (url) => {
  const inner = `GET ${url} HTTP/1.1\r\n${host}\r\n`;
  return `GET ${url} HTTP/1.1\r\n${host}Content-Length: ${inner.length}\r\n\r\n${inner}`;
});
check(
  "a request behind a body",
  400,
  (url) => `GET ${url} HTTP/1.1\r\n${host}Content-Length: 1\r\n\r\nxGET ${url} HTTP/1.1\r\n${host}\r\n`,
);
check(
  "both framings",
  400,
  (url) => `GET ${url} HTTP/1.1\r\n${host}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
);
check("POST", 405, (url) => `POST ${url} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
check("CONNECT", 405, () => `CONNECT ${pods.get("app-1").ip}:${pods.port} HTTP/1.1\r\n${host}\r\n`);
check("line feeds alone", 400, (url) => `GET ${url} HTTP/1.1\nHost: proxy\n\n`);
check(
  "a control character in the query",
  400,
  (url) => `GET ${url}&x=\u0001 HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
);
check(
  "a long path",
  400,
  (url) => `GET ${url.replace("metrics", "m".repeat(3000))} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
);
check(
  "a long query",
  400,
  (url) => `GET ${url}&x=${"x".repeat(9000)} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
);
check("a long header", 431, (url) => `GET ${url} HTTP/1.1\r\n${host}X: ${"x".repeat(20_000)}\r\n\r\n`);

test("the limits that were hit are counted, and no other series appears", async () => {
  const { text } = await request(app.metricsOrigin, "/metrics");
  const samples = samplesOf(text);
  for (const limit of ["path_length", "query_length", "header_size"]) {
    expect(samples.get(`k8s_prometheus_proxy_limit_hits_total{limit="${limit}"}`)).toBe("1");
  }
  expect(samples.size).toBeLessThan(500);
});

test("the same request, well formed, is scraped", async () => {
  const answer = await request(app.origin, target);
  expect([answer.status, answer.text, pods.accepted]).toEqual([200, "up_demo 1\n", 1]);
});
