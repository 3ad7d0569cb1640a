// The original's variables about the cluster and about what may be scraped, over the started program: defaults, precedence, forms
// and meaning as its manual has them. Ports, certificates and the prefix: http/listener-environment.test.ts and http/https.test.ts;
// API servers that are none: impostor-api-server.test.ts.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";

import { CertificateAuthority } from "../support/certificate-authority.ts";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import {
  type ProgramOptions,
  runProgram,
  type StartedProgram,
  startProgram,
  waitForLine,
} from "../support/http/start-program.ts";
import { FakeKubernetesApi } from "../support/kubernetes/fake-api.ts";
import { smallPod } from "../support/kubernetes/pod-objects.ts";
import { until } from "../support/scrape/until.ts";

const token = "token-of-the-cluster";
const authority = CertificateAuthority.create();
const another = CertificateAuthority.create({ name: "another root" });

let api: FakeKubernetesApi;
let pods: FakePods;
let folder: string;
let caFile: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "original-environment-"));
  caFile = await file("ca.crt", authority.cert);
  const selfSigned = another.issue({ ips: ["192.0.2.1"] });
  pods = await FakePods.start([
    { name: "app-1", http: answers("plain_demo 1\n") },
    { name: "app-2", http: answers("plain_demo 2\n") },
    { name: "outside", listedIp: "192.0.2.9", http: answers("outside_demo 1\n") },
    { name: "tls-1", tls: selfSigned, http: answers("tls_demo 1\n") },
  ]);
  api = new FakeKubernetesApi();
  api.tokens.add(token);
  for (const name of ["app-1", "app-2", "tls-1"]) {
    api.createPod(smallPod({ namespace: "project1", name, ip: pods.get(name).ip }));
  }
  api.createPod(smallPod({ namespace: "project1", name: "app-outside", ip: "192.0.2.9" }));
  await api.start({ tls: authority.issue({ ips: ["127.0.0.1"], dnsNames: ["localhost"] }) });
});
beforeEach(() => {
  api.requests.length = 0;
});
afterAll(async () => {
  await Promise.all([api.stop(), pods.stop()]);
  await rm(folder, { recursive: true });
});

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const cluster = () => ({
  KUBERNETES_SERVICE_HOST: "127.0.0.1",
  KUBERNETES_SERVICE_PORT: new URL(api.url).port,
  K8S_CACERT: caFile,
});

async function start(
  env: Record<string, string>,
  options: Omit<ProgramOptions, "env"> = {},
): Promise<StartedProgram> {
  const program = await startProgram({ ...options, env: { ...cluster(), ...env } });
  onTestFinished(async () => {
    program.kill("SIGTERM");
    await program.exit;
  });
  return program;
}

const mproxy = ({ origin }: StartedProgram, query = "", path = "/metrics") =>
  request(origin, `/mproxy/project1/app-${path}?upstreamPort=${pods.port}${query}`);
const tokensSeen = () => [...new Set(api.requests.map(({ authorization }) => authorization))];

describe("the token", () => {
  test("K8S_GLOBAL_TOKEN is shown to the API server, and beats TOKEN_FILE", async () => {
    const program = await start({
      K8S_GLOBAL_TOKEN: token,
      TOKEN_FILE: await file("other", "another-token"),
    });
    expect((await mproxy(program)).status).toBe(200);
    expect(tokensSeen()).toEqual([`Bearer ${token}`]);
  });

  for (const text of [token, `${token}\n`, `K8S_GLOBAL_TOKEN=${token}`, `K8S_GLOBAL_TOKEN=${token}\n`]) {
    test(`TOKEN_FILE holds it as ${JSON.stringify(text)}`, async () => {
      const program = await start({ TOKEN_FILE: await file("token", text) });
      expect((await mproxy(program)).status).toBe(200);
      expect(tokensSeen()).toEqual([`Bearer ${token}`]);
    });
  }

  test("a TOKEN_FILE that is not there: 503 that names it, and it is found once it is", async () => {
    const path = join(folder, "later");
    const program = await start({ TOKEN_FILE: path });
    const { status, text } = await mproxy(program);
    expect([status, text]).toEqual([503, expect.stringMatching(/are not known yet: .*TOKEN_FILE/)]);
    // The answer may overtake the log.
    const fault = `Cannot read a token from TOKEN_FILE \\"${path}\\": ENOENT`;
    await until(() => program.lines.some((line) => line.includes(fault)));
    await writeFile(path, token);
    const endMs = performance.now() + 15_000;
    while ((await mproxy(program)).status !== 200) {
      expect(performance.now(), "the token was not found within 15 s").toBeLessThan(endMs);
      await delay(50);
    }
  });

  test("by default, token and authority are where Kubernetes mounts them", async () => {
    // A view of the file system of its own, in which /var/run is empty but for these two files.
    const mounts =
      'mount -t tmpfs tmpfs "$(readlink -f /var/run)" && d=/var/run/secrets/kubernetes.io/serviceaccount && ' +
      `mkdir -p "$d" && cp "$CA" "$d/ca.crt" && printf %s "$TOKEN" > "$d/token" && exec "$0" "$@"`;
    const program = await start(
      { K8S_CACERT: "", CA: caFile, TOKEN: token },
      { under: ["unshare", "--mount", "sh", "-c", mounts] },
    );
    expect((await mproxy(program)).status).toBe(200);
    expect(tokensSeen()).toEqual([`Bearer ${token}`]);
  });
});

describe("the API server", () => {
  test("is at KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, by name as well", async () => {
    const program = await start({ K8S_GLOBAL_TOKEN: token, KUBERNETES_SERVICE_HOST: "localhost" });
    expect((await mproxy(program)).status).toBe(200);
  });

  test("without a port is asked on 443", async () => {
    const program = await start({ K8S_GLOBAL_TOKEN: token, KUBERNETES_SERVICE_PORT: "" });
    const { status, text } = await mproxy(program);
    expect([status, text]).toEqual([503, expect.stringContaining("the API server cannot be reached")]);
    // The answer may overtake the log.
    const line = await waitForLine(program, "Cannot keep up with the pods: the last known ones stay in use");
    expect(line["err"]).toMatchObject({ cause: { message: "connect ECONNREFUSED 127.0.0.1:443" } });
  });
});

test("NODE_TLS_REJECT_UNAUTHORIZED=0 is for pods: any certificate of theirs will do, both ways", async () => {
  const strict = await start({ K8S_GLOBAL_TOKEN: token });
  const loose = await start({ K8S_GLOBAL_TOKEN: token, NODE_TLS_REJECT_UNAUTHORIZED: "0" });
  const { ip } = pods.get("tls-1");
  const all = `/mproxy/project1/tls-/metrics?upstreamPort=${pods.port}&ssl=true`;
  const one = `/kubesd/metrics?pod=${ip}&target_port=${pods.port}&target_scheme=https`;
  for (const path of [all, one]) {
    expect((await request(strict.origin, path)).status, path).toBe(502);
    const { status, text } = await request(loose.origin, path);
    expect([status, /tls_demo/.test(text)], path).toEqual([200, true]);
  }
});

describe("what may be scraped", () => {
  test("METRICS_PATH_WHITELIST: patterns that match anywhere in the path; others are answered 500", async () => {
    const program = await start({
      K8S_GLOBAL_TOKEN: token,
      METRICS_PATH_WHITELIST: "/metrics,^/prom/[a-z]{1,3}$",
    });
    for (const [path, status] of [
      ["/metrics", 200],
      ["/ctxt/metrics", 200],
      ["/metricsx", 200],
      ["/prom/abc", 200],
      ["/prom/abcd", 500],
      ["/admin", 500],
    ] as const) {
      expect((await mproxy(program, "", path)).status, path).toBe(status);
    }
    const { text } = await mproxy(program, "", "/admin");
    expect(text).toBe('Cannot scrape path "/admin": not on METRICS_PATH_WHITELIST\n');
  });

  test("CIDR_WHITELIST: pods outside are ignored on /mproxy, and answered 500 on /kubesd", async () => {
    const program = await start({ K8S_GLOBAL_TOKEN: token, CIDR_WHITELIST: "10.0.0.0/8, 127.20.0.0/16" });
    const { status, text } = await mproxy(program);
    expect([status, text.includes("app-1"), text.includes("app-outside")]).toEqual([200, true, false]);
    const one = await request(program.origin, `/kubesd/metrics?pod=192.0.2.9&target_port=${pods.port}`);
    expect([one.status, one.text]).toEqual([500, expect.stringContaining("not in CIDR_WHITELIST")]);
    expect(pods.get("outside").connections.accepted).toBe(0);
  });
});

test("without the required variables, all of them are named, and the program ends with 2", async () => {
  const program = runProgram({ env: {} });
  onTestFinished(() => program.kill("SIGKILL"));
  expect(await program.exit).toEqual({ code: 2, signal: null });
  for (const name of ["CIDR_WHITELIST", "METRICS_PATH_WHITELIST", "KUBERNETES_SERVICE_HOST"]) {
    expect(program.stderr()).toContain(name);
  }
});

test("a pod's environment as Kubernetes makes it does no harm", async () => {
  const { port } = new URL(api.url);
  const program = await start({
    K8S_GLOBAL_TOKEN: token,
    KUBERNETES_PORT: `tcp://127.0.0.1:${port}`,
    KUBERNETES_PORT_443_TCP: `tcp://127.0.0.1:${port}`,
    KUBERNETES_PORT_443_TCP_ADDR: "127.0.0.1",
    KUBERNETES_PORT_443_TCP_PORT: port,
    KUBERNETES_PORT_443_TCP_PROTO: "tcp",
    KUBERNETES_SERVICE_PORT_HTTPS: port,
    PROMETHEUS_PROXY_SERVICE_HOST: "10.96.7.7",
    PROMETHEUS_PROXY_SERVICE_PORT: "5050",
    HOSTNAME: "proxy-abc",
    HTTPS_PROXY: "http://127.0.0.1:9",
    NODE_USE_ENV_PROXY: "1",
  });
  expect((await mproxy(program)).status).toBe(200);
});
