// The canaries must be able to sing: each thing that they watch for is done once by a program that does as it is told, in a process of its own
// and inside of this one.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { AddressList } from "./support/canaries/address-list.ts";
import { ConnectionPolicy } from "./support/canaries/connection-policy.ts";
import { SecretSearch, Secrets } from "./support/canaries/secrets.ts";
import { startWatching, stopWatching, takeFindings, watchApp } from "./support/canaries/watched-programs.ts";
import { createWrongServer, listen } from "./support/canaries/wrong-program.ts";
import { startProgram } from "./support/http/start-program.ts";
import { createSelfSigned } from "./support/scrape/self-signed.ts";

const entry = new URL("support/canaries/wrong-program.ts", import.meta.url).pathname;
const [podIp, otherIp, strangeIp] = ["127.20.0.1", "127.20.0.2", "127.21.0.1"];
const [token, password] = ["Bearer of-the-caller-alone", "Basic bWU6b2YtdGhlLWNhbGxlcg=="];
const clusterToken = "token-of-the-cluster";

const servers: Server[] = [];
let folder: string;
/** They take whatever comes, at every address of loopback. */
let port: number;
let tlsPort: number;
let apiPort: number;
beforeAll(async () => {
  startWatching();
  folder = await mkdtemp(join(tmpdir(), "canaries-test-"));
  const take: Parameters<typeof createHttpServer>[1] = (incoming, response) => {
    incoming.resume().once("end", () => response.end("{}"));
  };
  const open = async (server: Server) => {
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    return (server.address() as { port: number }).port;
  };
  port = await open(createHttpServer(take));
  tlsPort = await open(createHttpsServer(createSelfSigned({ ip: podIp }), take));
  apiPort = await open(createHttpServer(take));
  const pods = { items: [{ metadata: { namespace: "team-a", name: "pod" }, status: { podIP: podIp } }] };
  await writeFile(join(folder, "pods.yml"), JSON.stringify(pods));
});
afterEach(() => void takeFindings());
afterAll(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  await rm(folder, { recursive: true });
  stopWatching();
});

interface Wrong {
  readonly do: string;
  readonly host?: string;
  /** Default: that of the servers of pods. */
  readonly port?: () => number;
  readonly target?: string;
  readonly method?: string;
  readonly headers?: string;
  readonly body?: string;
  readonly document?: string;
  readonly url?: () => string;
  readonly pod?: string;
}

interface Case {
  readonly env?: Readonly<Record<string, string>>;
  readonly authorization?: string;
  /** What it is told to do, one after the other. */
  readonly deeds: readonly Wrong[];
}

const settings = (env: Case["env"]) => ({
  CIDR_WHITELIST: "127.20.0.0/16",
  METRICS_PATH_WHITELIST: "^/metrics$",
  ...(env?.["KUBERNETES_API_URL"] === undefined && { PODS_FILE: join(folder, "pods.yml") }),
  ...env,
  ...(env?.["KUBERNETES_API_URL"] !== undefined && { KUBERNETES_API_URL: `http://127.0.0.1:${apiPort}/k8s` }),
});

async function tell(origin: string, { authorization, deeds }: Case): Promise<void> {
  for (const { port: at = () => port, url = () => "", ...deed } of deeds) {
    const query = new URLSearchParams({
      host: podIp,
      target: "/metrics",
      ...deed,
      port: `${at()}`,
      url: url(),
    });
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    await (await fetch(`${origin}/?${query.toString()}`, { headers })).arrayBuffer();
  }
}

async function violationsOfProgram(o: Case): Promise<string[]> {
  const program = await startProgram({ entry, env: settings(o.env) });
  try {
    await tell(program.origin, o);
    // The log is through when the process has ended.
  } finally {
    program.kill("SIGKILL");
    await program.exit;
  }
  return takeFindings().violations;
}

async function violationsOfApp(o: Case): Promise<string[]> {
  const log: string[] = [];
  const start = async () => {
    const server = createWrongServer((text) => void log.push(text));
    return { server, port: await listen(server) };
  };
  const app = await watchApp({ settings: settings(o.env), log: () => log.join() }, start);
  await tell(`http://127.0.0.1:${app.port}`, o);
  await new Promise((resolve) => {
    app.server.close(resolve);
    app.server.closeAllConnections();
  });
  return takeFindings().violations;
}

const toApi = { host: "127.0.0.1", port: () => apiPort };
const list = { do: "ask", ...toApi, target: "/k8s/api/v1/pods?limit=500" };
const ofApi = { KUBERNETES_API_URL: "set" };
const withReviews = { ...ofApi, KUBERNETES_AUTH: "true" };
const tokenReviews = "/k8s/apis/authentication.k8s.io/v1/tokenreviews";
const accessReviews = "/k8s/apis/authorization.k8s.io/v1/subjectaccessreviews";
const asCluster = JSON.stringify({ authorization: `Bearer ${clusterToken}` });
const podOf = (namespace: string, podIP: string) =>
  JSON.stringify({ type: "ADDED", object: { metadata: { namespace }, status: { podIP } } });

const wrong: Record<string, Case & { readonly found: RegExp }> = {
  "an address outside of CIDR_WHITELIST": {
    deeds: [{ do: "ask", host: strangeIp, pod: strangeIp }],
    found: /^\w+ 0 dialled 127\.21\.0\.1:\d+, which the whitelists exclude$/u,
  },
  "an address that is no pod's": { deeds: [{ do: "ask", host: otherIp }], found: /known pod's/u },
  "an address that a caller names, under KUBESD_REQUIRE_POD": {
    env: { KUBESD_REQUIRE_POD: "true" },
    deeds: [{ do: "ask", host: otherIp, pod: otherIp }],
    found: /known pod's/u,
  },
  "a port outside of PORT_WHITELIST": {
    env: { PORT_WHITELIST: "1-2,9" },
    deeds: [{ do: "ask" }],
    found: /whitelists exclude/u,
  },
  "a pod outside of NAMESPACE_WHITELIST": {
    env: { NAMESPACE_WHITELIST: "team-b" },
    deeds: [{ do: "ask" }],
    found: /of namespace team-a/u,
  },
  "a name": {
    deeds: [{ do: "ask", host: "localhost" }],
    found: /dialled localhost:\d+, which is no address/u,
  },
  "another path of a pod": { deeds: [{ do: "ask", target: "/secret" }], found: /for GET \/secret/u },
  "another method": { deeds: [{ do: "ask", method: "HEAD" }], found: /for HEAD \/metrics/u },
  "a body for a pod": {
    deeds: [{ do: "ask", body: "some body", headers: '{"content-length":"9"}' }],
    found: /sent a body to the pod/u,
  },
  "bytes that are no request": {
    deeds: [{ do: "send what is no request" }],
    found: /no request of its own/u,
  },
  "fetch()": {
    deeds: [{ do: "fetch", url: () => `http://127.0.0.1:${port}/` }],
    found: /dialled 127\.0\.0\.1/u,
  },
  "dns.lookup()": { deeds: [{ do: "look up" }], found: /looked up pods\.invalid/u },
  "dns.resolve()": { deeds: [{ do: "resolve" }], found: /looked up pods\.invalid/u },
  "a datagram": { deeds: [{ do: "datagram" }], found: /a socket for datagrams/u },
  "a local socket": { deeds: [{ do: "local socket" }], found: /a local socket \/nowhere/u },
  "a process": { deeds: [{ do: "process" }], found: /opened a process/u },
  "the API server, where pods come from a file": {
    deeds: [list],
    found: /whitelists exclude/u,
  },
  "another path of the API server": {
    env: ofApi,
    deeds: [{ ...list, target: "/k8s/api/v1/secrets" }],
    found: /asked the API server for GET \/k8s\/api\/v1\/secrets/u,
  },
  "a path of the API server without its prefix": {
    env: ofApi,
    deeds: [{ ...list, target: "/api/v1/pods" }],
    found: /asked the API server/u,
  },
  "another method of the API server": {
    env: ofApi,
    deeds: [{ ...list, method: "DELETE" }],
    found: /asked the API server for DELETE/u,
  },
  "a review without KUBERNETES_AUTH": {
    env: ofApi,
    deeds: [{ ...list, method: "POST", target: tokenReviews }],
    found: /asked the API server for POST/u,
  },
  "a caller's Authorization, to a pod": {
    authorization: token,
    deeds: [{ do: "pass on" }],
    found: /a secret of the caller \(of-the-caller-alone\) is in what a pod was sent/u,
  },
  "a caller's Authorization, to a pod over TLS": {
    authorization: token,
    deeds: [{ do: "ask over TLS", port: () => tlsPort }],
    found: /a secret of the caller .* is in what a pod was sent/u,
  },
  "a caller's Authorization, in another header": {
    env: { FORWARD_AUTHORIZATION: "true" },
    authorization: token,
    deeds: [{ do: "pass on otherwise" }],
    found: /a secret of the caller .* is in what a pod was sent/u,
  },
  "a caller's password, in a query": {
    authorization: password,
    deeds: [{ do: "ask", target: "/metrics?p=of-the-caller" }],
    found: /\(of-the-caller\) is in what a pod was sent/u,
  },
  "a caller's Authorization, to the API server": {
    env: ofApi,
    authorization: token,
    deeds: [{ ...list, do: "pass on" }],
    found: /a secret of the caller .* is in what the API server was sent/u,
  },
  "a caller's token, in a review of access": {
    env: withReviews,
    authorization: token,
    deeds: [
      {
        ...list,
        method: "POST",
        target: accessReviews,
        body: '{"user":"of-the-caller-alone"}',
        headers: '{"content-length":"30"}',
      },
    ],
    found: /a secret of the caller .* is in what the API server was sent/u,
  },
  "the cluster's token, to a pod": {
    env: { K8S_GLOBAL_TOKEN: clusterToken },
    deeds: [{ do: "ask", headers: asCluster }],
    found: /a secret of the cluster \(token-of-the-cluster\) is in what a pod was sent/u,
  },
  "the token that the API server got, to a pod": {
    env: ofApi,
    deeds: [
      { ...list, headers: asCluster },
      { do: "decode", document: podOf("team-a", podIp) },
      { do: "ask", headers: asCluster },
    ],
    found: /a secret of the cluster \(token-of-the-cluster\) is in what a pod was sent/u,
  },
  "an answer with a secret": { authorization: token, deeds: [{ do: "answer" }], found: /is in an answer/u },
  "an answer with a secret in two parts": {
    authorization: token,
    deeds: [{ do: "answer in parts" }],
    found: /is in an answer/u,
  },
  "an answer with a secret, compressed": {
    authorization: token,
    deeds: [{ do: "answer gzip" }],
    found: /is in an answer/u,
  },
  "a log with a secret": {
    authorization: token,
    deeds: [{ do: "log" }],
    found: /logged a secret of the caller/u,
  },
};

const right: Record<string, Case> = {
  "a pod of the file": { deeds: [{ do: "ask", target: "/metrics?a=b" }] },
  "a pod of the file, over TLS": { deeds: [{ do: "ask over TLS", port: () => tlsPort }] },
  "an address that a caller names": { deeds: [{ do: "ask", host: otherIp, pod: otherIp }] },
  "a caller's Authorization with FORWARD_AUTHORIZATION": {
    env: { FORWARD_AUTHORIZATION: "true" },
    authorization: token,
    deeds: [{ do: "pass on" }],
  },
  "the API server, and a pod that it told of": {
    env: { ...ofApi, NAMESPACE_WHITELIST: "team-c", KUBESD_REQUIRE_POD: "true" },
    deeds: [
      { ...list, headers: asCluster },
      { ...list, target: "/k8s/api/v1/namespaces/team-c/pods?watch=true", headers: asCluster },
      { do: "decode", document: podOf("team-c", otherIp) },
      { do: "ask", host: otherIp },
    ],
  },
  "reviews, with the token of the caller in the one that asks for it": {
    env: withReviews,
    authorization: token,
    deeds: [
      {
        ...list,
        method: "POST",
        target: tokenReviews,
        body: '{"token":"of-the-caller-alone"}',
        headers: '{"content-length":"31"}',
      },
      { ...list, method: "POST", target: accessReviews },
    ],
  },
};

describe.each([
  ["a process", violationsOfProgram],
  ["an app in the test's own process", violationsOfApp],
])("of %s the canaries", (_, violationsOf) => {
  test.each(Object.entries(wrong))("find %s", async (_name, { found, ...o }) => {
    expect(await violationsOf(o)).toContainEqual(expect.stringMatching(found));
  });

  test.each(Object.entries(right))("find nothing in %s", async (_name, o) => {
    expect(await violationsOf(o)).toEqual([]);
  });
});

test("what the tests themselves do is nobody's", async () => {
  await watchApp({ settings: {}, log: () => "" }, async () => undefined);
  await (await fetch(`http://127.0.0.1:${port}/`)).text();
  expect(takeFindings()).toEqual({ violations: [], seen: new Set() });
});

test.each([
  ["10.0.0.0/8,fd00::/8", "10.1.2.3", true],
  ["10.0.0.0/8,fd00::/8", "11.1.2.3", false],
  ["10.0.0.0/8,fd00::/8", "fd00::1", true],
  ["10.0.0.0/8", "::ffff:10.1.2.3", false],
  ["10.0.0.9", "10.0.0.9", true],
  ["0.0.0.0/0", "127.0.0.1", false],
  ["0.0.0.0/0,127.0.0.0/8", "127.0.0.1", true],
  ["169.254.0.0/16", "169.254.169.254", true],
  ["::/0", "fe80::1", false],
])("CIDR_WHITELIST %s, %s: %s", (cidrs, ip, expected) => {
  expect(new AddressList(cidrs.split(",")).has(ip)).toBe(expected);
});

test.each([
  ["^/metrics$,^/[a,b]{1,2}$", "/a,b?x=y", false],
  ["^/metrics$,^/[a,b]{1,2}$", "/a,", true],
  ["/metrics", "/a/metrics/b?c", true],
  ["/metrics", "/other?p=/metrics", false],
])("METRICS_PATH_WHITELIST %s, %s: %s", (patterns, target, expected) => {
  const policy = new ConnectionPolicy({ METRICS_PATH_WHITELIST: patterns });
  expect(policy.mayAskPod("GET", target)).toBe(expected);
  expect(
    new ConnectionPolicy({ METRICS_PATH_WHITELIST: patterns, METRICS_PATH_MATCH: "full" }).mayAskPod(
      "GET",
      target,
    ),
  ).toBe(expected && patterns.startsWith("^"));
});

test("a secret is found wherever chunks end, and a private key by its lines", () => {
  const { key } = createSelfSigned({ ip: podIp });
  const secrets = new Secrets();
  secrets.add("0123456789", "caller");
  secrets.addKeys(key);
  for (let at = 1; at < 14; at++) {
    const search = new SecretSearch(secrets);
    const bytes = Buffer.from("__0123456789__");
    const found = [...search.next(bytes.subarray(0, at)), ...search.next(bytes.subarray(at))];
    expect(found.length, `${at}`).toBeGreaterThan(0);
  }
  expect(new SecretSearch(secrets).next(Buffer.from(key)).map(({ owner }) => owner)).toEqual(["operator"]);
  const oneByOne = new SecretSearch(secrets);
  expect(Array.from("_0123456789").flatMap((byte) => oneByOne.next(Buffer.from(byte))).length).toBe(1);
});
