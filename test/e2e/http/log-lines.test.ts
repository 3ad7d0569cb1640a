// What stands in the log and in error answers when everybody is hostile: clients, pods, the API server and files. Each of them says
// `marker`, which must not come out again, and characters that could pass for more than text.
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { CertificateAuthority } from "../../support/certificate-authority.ts";
import {
  pathTarget,
  podTarget,
  selectingTarget,
  type Subjects,
} from "../../support/guards/hostile-targets.ts";
import { FakePods, textType } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import { rawRequest } from "../../support/http/raw-request.ts";
import { type Program, runProgram, startProgram, waitForLine } from "../../support/http/start-program.ts";
import { Choices } from "../../support/kubernetes/choices.ts";

const maxLineLength = 16 * 1024;
/** What pods and the API server say, wherever there is room for text. */
const marker = "text-of-somebody-else";
const secret = "s3cret-of-the-proxy";
const evil = `${marker}\u202e\u0007`;
const headerEvil = `${marker}\u009b31m`;

let pods: FakePods;
let folder: string;

const raw = (bytes: string) => (socket: Socket) => {
  socket.on("data", () => void socket.end(bytes, "latin1"));
};
const head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "proxy-log-"));
  const named = CertificateAuthority.create({ name: marker }).issue({ dnsNames: [`${marker}.example`] });
  pods = await FakePods.start([
    { name: "status", tcp: raw(`HTTP/1.1 500 ${headerEvil}\r\nX: ${headerEvil}\r\n\r\n${marker}`) },
    { name: "redirect", tcp: raw(`HTTP/1.1 302 Found\r\nLocation: http://${marker}/\r\n\r\n`) },
    { name: "garbage", tcp: raw(`${evil}\r\n\r\n`) },
    { name: "type", tcp: raw(`HTTP/1.1 200 OK\r\nContent-Type: ${marker}/x\r\n\r\na 1\n`) },
    { name: "coding", tcp: raw(`${head}Content-Encoding: ${marker}\r\n\r\na 1\n`) },
    { name: "gzip", tcp: raw(`${head}Content-Encoding: gzip\r\n\r\n${marker}`) },
    { name: "length", tcp: raw(`${head}Content-Length: ${marker}\r\n\r\na 1\n`) },
    { name: "chunks", tcp: raw(`${head}Transfer-Encoding: chunked\r\n\r\n${marker}\r\n`) },
    { name: "line", tcp: raw(`${head}\r\n${marker} {${marker}=\r\n`) },
    { name: "utf8", tcp: raw(`${head}\r\na{b="${marker}\u00ff"} 1\n`) },
    { name: "header", tcp: raw(`HTTP/1.1 200 OK\r\n${marker} ${headerEvil}\r\n\r\n`) },
    { name: "tls-1", tls: named, http: (_request, response) => response.end(marker) },
    {
      name: "labels",
      labels: { [marker]: evil },
      annotations: { "prometheus.io/port": evil, "prometheus.io/scheme": evil, "prometheus.io/path": evil },
      http: (_request, response) => response.writeHead(200, { "content-type": textType }).end("a 1\n"),
    },
    // The types disagree: families are told at debug.
    { name: "types-1", http: (_request, response) => response.end("# TYPE a counter\na 1\n") },
    { name: "types-2", http: (_request, response) => response.end("# TYPE a gauge\na 1\n") },
  ]);
});
afterAll(async () => {
  await pods.stop();
  await rm(folder, { recursive: true });
});

/** Everything the program wrote: one JSON object a line, bounded, only text, and nothing that somebody else said. */
function requireProperLog({ lines, stderr }: Program, { forbidden }: { forbidden: readonly string[] }): void {
  expect(stderr()).toBe("");
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    expect(line.length).toBeLessThan(maxLineLength);
    expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    const event: unknown = JSON.parse(line);
    expect(event).toMatchObject({
      level: expect.any(String),
      time: expect.any(String),
      msg: expect.any(String),
    });
    for (const text of forbidden) expect(line).not.toContain(text);
  }
}

async function stop(program: Program): Promise<void> {
  program.kill("SIGKILL");
  await program.exit;
}

/** An error answer is one line of visible ASCII, bounded, and tells nothing that somebody else said. */
function requireProperAnswer({ status, text }: { status: number; text: string }): void {
  if (status === 200) return;
  expect(text).toMatch(/^[\x20-\x7e]{0,4096}\n$/);
  expect(text).not.toContain(marker);
}

test.for(["debug", "info"])(
  "hostile pods bring no text of theirs into the log at %s or into error answers",
  async (level) => {
    const tokens = join(folder, `tokens-${level}`);
    await writeFile(tokens, `${secret}\n`);
    const program = await startProgram({
      env: { PODS_FILE: pods.file, LOG_LEVEL: level, BEARER_TOKENS_FILE: tokens, SCRAPE_TIMEOUT: "2s" },
    });
    const headers = { authorization: `Bearer ${secret}` };
    const names =
      "status redirect garbage type coding gzip length chunks line utf8 header tls-1 labels types-".split(
        " ",
      );
    let failures = 0;
    for (const name of names) {
      for (const extra of ["", "&ssl=true"]) {
        const target = `/mproxy/team-a/${name}/metrics?upstreamPort=${pods.port}${extra}`;
        const answer = await request(program.origin, target, { headers });
        requireProperAnswer(answer);
        if (answer.status === 502) failures++;
      }
      if (name === "types-") continue;
      for (const scheme of ["http", "https"]) {
        const target = `/kubesd/metrics?pod=${pods.get(name).ip}&target_port=${pods.port}&target_scheme=${scheme}`;
        const answer = await request(program.origin, target, { headers });
        // What a pod answers passes as it is.
        if (answer.headers["content-security-policy"] === undefined) requireProperAnswer(answer);
      }
    }
    expect(failures).toBeGreaterThan(names.length);
    await request(program.origin, `/mproxy/team-a/labels/metrics`, { headers }).then(requireProperAnswer);
    await stop(program);
    requireProperLog(program, { forbidden: [marker, secret] });
  },
);

test("hostile requests leave lines of text in the log, and none of their credentials", async () => {
  const program = await startProgram({
    env: {
      PODS_FILE: pods.file,
      LOG_LEVEL: "debug",
      EXTERNAL_URL: "http://proxy.example",
      SCRAPE_TIMEOUT: "1s",
    },
  });
  const subjects: Subjects = {
    addresses: ["127.20.0.1", "127.20.0.13"],
    ports: [pods.port, 1],
    namespaces: ["team-a", "team-b"],
    paths: ["/metrics", "/x"],
    uids: ["x"],
  };
  const choices = new Choices(7);
  for (let i = 0; i < 600; i++) {
    const target = [podTarget, pathTarget, selectingTarget][i % 3]!(choices, subjects);
    const answer = await rawRequest(
      `GET ${target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${secret}\r\nCookie: ${secret}\r\nConnection: close\r\n\r\n`,
      { port: program.port },
    );
    if (answer.status >= 400 && answer.answers === 1 && answer.headers.has("content-length")) {
      expect(answer.rest).toMatch(/^[\x20-\x7e]{1,4096}\n$/);
    }
  }
  for (const bytes of [
    `\u0016\u0003\u0001${headerEvil}`,
    `GET / ${headerEvil}\r\n\r\n`,
    `${headerEvil}\r\n\r\n`,
  ])
    await rawRequest(bytes, { port: program.port });
  await stop(program);
  requireProperLog(program, { forbidden: [secret] });
});

/** An API server that answers everything with these bytes. */
async function startApi(status: number, body: string): Promise<Server> {
  const server = createServer((_request, response) =>
    response
      .writeHead(status, headerEvil.replaceAll(/[^ -~]/g, ""), { "content-type": "application/json" })
      .end(body),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const statusOf = (code: number) =>
  JSON.stringify({
    kind: "Status",
    code,
    reason: evil,
    message: `${evil} ${secret}`,
    details: { name: evil },
  });
test.for([
  ["a Status of 403", 403, statusOf(403)],
  ["a Status of 500", 500, statusOf(500)],
  ["a Status of 410", 410, statusOf(410)],
  ["text that is no JSON", 200, `{"kind": ${marker}`],
  ["a list that is none", 200, JSON.stringify({ kind: evil, items: evil })],
  [
    "pods that are none",
    200,
    JSON.stringify({ kind: "PodList", metadata: { resourceVersion: evil }, items: [evil] }),
  ],
] as const)(
  "an API server that answers %s brings no text of its own into the log or into answers",
  async ([, status, body]) => {
    const api = await startApi(status, body);
    const program = await startProgram({
      env: {
        KUBERNETES_API_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
        K8S_GLOBAL_TOKEN: secret,
        WATCH_NAMESPACES: "team-a",
        SCRAPE_TIMEOUT: "1s",
      },
    });
    await waitForLine(program, "Cannot keep up with the pods: the last known ones stay in use");
    requireProperAnswer(await request(program.origin, "/mproxy/team-a/app-/metrics?upstreamPort=1"));
    requireProperAnswer(await request(program.origin, "/sd?namespace=team-a"));
    requireProperAnswer(await request(program.metricsOrigin, "/-/ready"));
    await stop(program);
    api.closeAllConnections();
    api.close();
    requireProperLog(program, { forbidden: [marker, secret] });
  },
);

/** The program with a file that ends its start. */
function runRefused(env: Readonly<Record<string, string>>): Program {
  return runProgram({
    env: {
      CIDR_WHITELIST: "127.20.0.0/16",
      METRICS_PATH_WHITELIST: "^/metrics$",
      HTTP_PORT: "0",
      METRICS_HTTP_PORT: "0",
      LISTEN_ADDRESS: "127.0.0.1",
      ...env,
    },
  });
}

test.for<[string, string]>([
  ["YAML with a mistake", `basic_auth_users:\n  a: "${secret}\n`],
  ["an unknown key", `${secret}: 1\nbasic_auth_users: { a: ${secret} }\n`],
  ["a hash that is none", `basic_auth_users: { a: ${secret} }\n`],
  ["a key that is none", `tls_server_config: { cert: "${secret}", key: "${secret}" }\n`],
  ["an alias without its anchor", `basic_auth_users: *${secret}\n`],
])("a WEB_CONFIG_FILE with %s is refused in one line without what it says", async ([name, text]) => {
  const path = join(folder, `web-${name.replaceAll(" ", "-")}.yml`);
  await writeFile(path, text);
  const program = runRefused({ PODS_FILE: pods.file, HTTPS_PORT: "0", WEB_CONFIG_FILE: path });
  expect((await program.exit).code).toBe(2);
  // Keys are told, values are not.
  requireProperLog(program, { forbidden: name === "an unknown key" ? [`a: ${secret}`] : [secret] });
});

test.for<[string, string]>([
  ["JSON", `{"kind": ${secret}}`],
  ["YAML", `kind: "${secret}`],
  ["another kind", JSON.stringify({ kind: `\u202e${"x".repeat(99_999)}` })],
])("a PODS_FILE of broken %s is refused in one bounded line", async ([name, text]) => {
  const path = join(folder, `pods-${name}`);
  await writeFile(path, text);
  const program = runRefused({ PODS_FILE: path });
  expect((await program.exit).code).toBe(1);
  requireProperLog(program, { forbidden: [secret] });
});

test("a client that hangs up leaves lines of text", async () => {
  const program = await startProgram({ env: { PODS_FILE: pods.file, LOG_LEVEL: "debug" } });
  const socket = connect(program.port, "127.0.0.1");
  socket.write(`GET /mproxy/team-a/status/metrics?upstreamPort=${pods.port} HTTP/1.1\r\nHost: a\r\n\r\n`);
  socket.destroy();
  expect((await request(program.origin, "/")).status).toBe(200);
  await stop(program);
  requireProperLog(program, { forbidden: [marker] });
});
