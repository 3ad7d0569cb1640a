// What the proxy takes from clients at most, by the whole application: each limit with what its client sees, and that beyond it no pod is
// dialled.
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";

import { CertificateAuthority } from "../../support/certificate-authority.ts";
import { CertificateFolder } from "../../support/certificate-files.ts";
import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { rawRequest } from "../../support/http/raw-request.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

const root = CertificateAuthority.create({ name: "root" });
const leaf = root.issue({ ips: ["127.0.0.1"] });
const maxRequestsPerConnection = 1000;

let pods: FakePods;
let folder: CertificateFolder;
let app: RunningApp;
let secure: RunningApp;

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "good", http: answers("up_demo 1\n", { "content-length": "10" }) },
    { name: "hangs", tcp: (socket) => void socket.resume() },
    { name: "untouched", http: answers("up_demo 1\n") },
  ]);
  folder = await CertificateFolder.create();
  await folder.write({ key: leaf.key, cert: leaf.cert });
  const env = { PODS_FILE: pods.file, MAX_CONCURRENT_SCRAPES: "1", MAX_CONCURRENT_KUBESD: "1" };
  app = await startApp(env);
  secure = await startApp({ ...env, HTTPS_PORT: "0", ...folder.env });
});
afterAll(async () => {
  await app.stop();
  await secure.stop();
  await pods.stop();
  await folder[Symbol.asyncDispose]();
});

const passTarget = (name: string) => `/kubesd/metrics?pod=${pods.get(name).ip}&target_port=${pods.port}`;
const mergeTarget = (name: string) => `/mproxy/team-a/${name}/metrics?upstreamPort=${pods.port}`;

async function limitHits({ metricsOrigin }: RunningApp, limit: string): Promise<number> {
  const samples = samplesOf((await request(metricsOrigin, "/metrics")).text);
  return Number(samples.get(`k8s_prometheus_proxy_limit_hits_total{limit="${limit}"}`) ?? 0);
}

for (const [name, target, variable, limit] of [
  ["/mproxy", mergeTarget, "MAX_CONCURRENT_SCRAPES", "max_concurrent_scrapes"],
  ["/kubesd", passTarget, "MAX_CONCURRENT_KUBESD", "max_concurrent_kubesd"],
] as const) {
  test(`${name} sheds one scrape too many with 503 and Retry-After, and dials nobody for it`, async () => {
    const before = await limitHits(app, limit);
    const holder = connect(app.port, "127.0.0.1");
    holder.on("error", () => undefined).write(`GET ${target("hangs")} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await expect.poll(() => pods.get("hangs").connections.open).toBe(1);
    const accepted = pods.accepted;
    for (let i = 0; i < 50; i++) {
      const answer = await request(app.origin, target("untouched"));
      expect(answer.status).toBe(503);
      expect(answer.headers["retry-after"]).toMatch(/^[1-5]$/);
      expect(answer.text).toBe(`Cannot scrape now: too many scrapes at once (${variable})\n`);
    }
    expect(pods.accepted).toBe(accepted);
    expect(pods.get("untouched").connections.accepted).toBe(0);
    expect((await limitHits(app, limit)) - before).toBe(50);
    holder.destroy();
    // The place is free again.
    await expect.poll(async () => (await request(app.origin, target("good"))).status).toBe(200);
  });
}

test("a head of 16 KiB, a path of 2048 bytes and a query of 8192 are the longest, and nobody is dialled for longer ones", async () => {
  const accepted = pods.accepted;
  const statusOf = async (target: string, headers = "") =>
    (
      await rawRequest(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers}\r\n`, {
        port: app.port,
      })
    ).status;
  const path = (length: number) => `/kubesd/${"a".repeat(length - "/kubesd/".length)}`;
  const query = (length: number) => passTarget("good").replace("?", `?x=${"a".repeat(length)}&`);
  const queryLength = passTarget("good").split("?", 2)[1]!.length + "x=&".length;
  // 500: a path that may be, but is not on METRICS_PATH_WHITELIST.
  expect(await statusOf(`${path(2048)}?pod=10.0.0.1&target_port=1`)).toBe(500);
  expect(await statusOf(`${path(2049)}?pod=10.0.0.1&target_port=1`)).toBe(400);
  expect(await statusOf(query(8193 - queryLength))).toBe(400);
  expect(await statusOf(passTarget("good"), `X: ${"a".repeat(16 * 1024)}\r\n`)).toBe(431);
  expect(pods.accepted).toBe(accepted);
  expect(await statusOf(query(8192 - queryLength))).toBe(200);
  expect(await limitHits(app, "path_length")).toBe(1);
  expect(await limitHits(app, "query_length")).toBe(1);
  expect(await limitHits(app, "header_size")).toBe(1);
});

test.for(["HTTP", "HTTPS"])(
  "a head that does not arrive within 10 s is answered 408 over %s",
  async (scheme) => {
    const startedMs = performance.now();
    const { status, rest } = await rawRequest("GET / HTTP/1.1\r\nHost: a\r\nX: ", {
      port: scheme === "HTTP" ? app.port : secure.port,
      timeoutMs: 20_000,
      ...(scheme === "HTTPS" && { tls: { ca: root.cert } }),
    });
    expect([status, rest]).toEqual([408, "Cannot read the request: it did not arrive in time\n"]);
    expect(performance.now() - startedMs).toBeGreaterThan(9_000);
  },
);

interface Listening {
  readonly origin: string;
  readonly target: string;
  readonly ca?: string;
}

const listeners: Readonly<Record<string, () => Listening>> = {
  "main listener over HTTP": () => ({ origin: app.origin, target: passTarget("good") }),
  "main listener over HTTPS": () => ({
    origin: `https://127.0.0.1:${secure.port}`,
    target: passTarget("good"),
    ca: root.cert,
  }),
  "metrics listener": () => ({ origin: app.metricsOrigin, target: "/-/healthy" }),
};

test.for(Object.keys(listeners))(
  "%s: a client that asks 3,000 times gets 3,000 answers, over a new connection every thousand",
  async (name) => {
    const { origin, target, ca } = listeners[name]!();
    const options = { keepAlive: true, maxSockets: 1 };
    const agent = ca === undefined ? new HttpAgent(options) : new HttpsAgent({ ...options, ca });
    const closing: number[] = [];
    for (let asked = 1; asked <= 3 * maxRequestsPerConnection; asked++) {
      const answer = await request(origin, target, { agent });
      expect([answer.status, answer.complete]).toEqual([200, true]);
      if (answer.headers.connection === "close") closing.push(asked);
    }
    agent.destroy();
    expect(closing).toEqual([1, 2, 3].map((nth) => nth * maxRequestsPerConnection));
  },
);

test.for(Object.keys(listeners))(
  "%s: a client that asks as soon as it has an answer loses none, and nothing comes behind the last one of a connection",
  async (name) => {
    const { origin, target, ca } = listeners[name]!();
    const { port } = new URL(origin);
    const address = { port: Number(port), host: "127.0.0.1" };
    const question = `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const statuses: string[] = [];
    // Each connection until the server ends it: the next question goes out in the very turn in which an answer is whole.
    for (let connection = 0; connection < 3; connection++) {
      await new Promise<void>((resolve) => {
        const socket = ca === undefined ? connect(address) : connectTls({ ...address, ca });
        let text = "";
        socket.setEncoding("latin1").on("data", (chunk: string) => {
          text += chunk;
          for (;;) {
            const [whole, status, length] =
              /^HTTP\/1\.1 (\d{3})[^]*?\r\ncontent-length: (\d+)\r\n[^]*?\r\n\r\n/i.exec(text) ?? [];
            if (whole === undefined || text.length < whole.length + Number(length)) return;
            text = text.slice(whole.length + Number(length));
            statuses.push(status!);
            if (!/\r\nconnection: close\r\n/i.test(whole)) socket.write(question);
          }
        });
        socket
          .on("error", () => undefined)
          .on("close", () => {
            if (text !== "") statuses.push(text);
            resolve();
          });
        socket.write(question);
      });
    }
    expect(statuses.filter((status) => status !== "200")).toEqual([]);
    expect(statuses).toHaveLength(3 * maxRequestsPerConnection);
  },
);

test("what a client has sent behind the last request of a connection is not answered, as if it had never arrived", async () => {
  const question = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const socket = connect(app.port, "127.0.0.1");
  let text = "";
  let answered = 0;
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
    const whole = text.match(/HTTP\/1\.1 [^]*?"}/g)?.length ?? 0;
    if (whole === answered) return;
    answered = whole;
    socket.write(answered === maxRequestsPerConnection - 1 ? question + question : question);
  });
  const closed = new Promise((resolve) => socket.on("error", () => undefined).on("close", resolve));
  socket.write(question);
  await closed;
  expect(text.match(/HTTP\/1\.1 \d{3}/g)).toEqual(
    Array.from({ length: maxRequestsPerConnection }, () => "HTTP/1.1 200"),
  );
});
