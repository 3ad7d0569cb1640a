/**
 * WEB_CONFIG_FILE with the real program (users: web-config-users.test.ts): what it lets in by certificate, that certificates and authorities are replaced under load
 * without a failed request, that Prometheus scrapes through it, and that Prometheus' own checker agrees with the manual.
 */
import { readFile, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { createWebConfig, readWebConfig } from "../../src/http/web-config/load-web-config.ts";
import { CertificateAuthority, type IssuedCertificate } from "../support/certificate-authority.ts";
import { CertificateFolder } from "../support/certificate-files.ts";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { runProgram, type StartedProgram } from "../support/http/start-program.ts";
import { promtoolCheckWebConfig } from "../support/promtool.ts";
import { startPrometheus } from "../support/prometheus-server.ts";
import { prometheusVersions } from "../support/tool-paths.ts";
import {
  createWebConfigFolder,
  startWithWebConfig,
  tlsSection,
  type WebConfigFolder,
} from "../support/web-config-folder.ts";

const root = CertificateAuthority.create({ name: "root" });
const clients = CertificateAuthority.create({ name: "clients" });
const san = {
  dnsNames: ["prometheus.example"],
  uris: ["spiffe://cluster.local/ns/monitoring/sa/prometheus"],
};
const shown = {
  none: undefined,
  untrusted: CertificateAuthority.create({ name: "clients" }).issue(san),
  trusted: clients.issue(san),
  "trusted, other name": clients.issue({ dnsNames: ["other.example"] }),
} satisfies Record<string, IssuedCertificate | undefined>;
type Shown = keyof typeof shown;

let pods: FakePods;
beforeAll(async () => {
  pods = await FakePods.start([{ name: "app-1", http: answers("demo_value 7\n") }]);
});
afterAll(() => pods.stop());

const newFolder = (text: string) => createWebConfigFolder(text, { root, clients });

const start = (folder: WebConfigFolder, env: Record<string, string> = {}) =>
  startWithWebConfig(folder, { PODS_FILE: pods.file, ...env });

const tls = tlsSection;
const target = () => `/mproxy/team-a/app-/metrics?upstreamPort=${pods.port}`;

/** Whether a scrape is answered. */
async function letsIn({ origin }: StartedProgram, who: Shown, agent?: Agent): Promise<boolean> {
  const certificate = shown[who];
  const common = {
    ca: root.cert,
    unjudged: "one and the same merge, thousands of times",
    ...(agent !== undefined && { agent }),
  };
  try {
    const answer = await request(origin, target(), {
      ...common,
      ...(certificate !== undefined && { certificate }),
    });
    return answer.status === 200 && answer.complete;
  } catch {
    return false;
  }
}

async function whoGetsIn(program: StartedProgram): Promise<Shown[]> {
  const getsIn: Shown[] = [];
  for (const who of Object.keys(shown) as Shown[]) if (await letsIn(program, who)) getsIn.push(who);
  return getsIn;
}

test.for([
  ["NoClientCert", ["none", "untrusted", "trusted", "trusted, other name"]],
  ["RequestClientCert", ["none", "untrusted", "trusted", "trusted, other name"]],
  ["RequireAnyClientCert", ["untrusted", "trusted", "trusted, other name"]],
  ["VerifyClientCertIfGiven", ["none", "trusted", "trusted, other name"]],
  ["RequireAndVerifyClientCert", ["trusted", "trusted, other name"]],
  ["RequireAnyClientCert, client_allowed_sans: [prometheus.example]", ["untrusted", "trusted"]],
  [
    'RequireAndVerifyClientCert, client_allowed_sans: ["x", "spiffe://cluster.local/ns/monitoring/sa/prometheus"]',
    ["trusted"],
  ],
] as [string, Shown[]][])("client_auth_type: %s lets in: %j", async ([type, expected]) => {
  const ca = type === "NoClientCert" ? "" : ", client_ca_file: ca.crt";
  const program = await start(await newFolder(tls(`, client_auth_type: ${type}${ca}`)));
  expect(await whoGetsIn(program)).toEqual(expected);
  const { text } = await request(program.metricsOrigin, "/metrics");
  const refused = [...text.matchAll(/tls_clients_refused_total\{reason="\w+"\} (\d+)/g)].map(([, n]) =>
    Number(n),
  );
  expect(refused.reduce((a, b) => a + b)).toBe(4 - expected.length);
});

test("certificate, key and authorities are replaced under load: no request of an allowed client fails, none of others succeeds", async () => {
  const required =
    ", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, client_allowed_sans: [prometheus.example]";
  const folder = await newFolder(tls(required));
  const program = await start(folder);
  const stopped = new AbortController();
  const results = { good: 0, failed: 0, refused: 0, wronglyLetIn: 0 };
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ...shown.trusted });
  const load = async (who: Shown, kept?: Agent) => {
    while (!stopped.signal.aborted) {
      const answered = await letsIn(program, who, kept);
      if (who === "trusted") results[answered ? "good" : "failed"]++;
      else results[answered ? "wronglyLetIn" : "refused"]++;
      await delay(5);
    }
  };
  const loads = [
    load("trusted", agent),
    load("trusted"),
    load("trusted"),
    ...(["none", "untrusted", "trusted, other name"] as const).map((who) => load(who)),
  ];
  const metric = async (name: string) => {
    const { text } = await request(program.metricsOrigin, "/metrics");
    return Number(new RegExp(`^k8s_prometheus_proxy_${name} (.*)$`, "m").exec(text)?.[1]);
  };
  const until = async (what: string, probe: () => Promise<boolean> | boolean) => {
    const end = performance.now() + 20_000;
    while (!(await probe())) {
      if (performance.now() > end) throw new Error(`Cannot see ${what}\n${program.lines.join("\n")}`);
      await delay(100);
    }
  };
  try {
    // A pair that does not fit, then one that does; then other authorities, the old one among them; then another file.
    const next = root.issue({ ips: ["127.0.0.1"], notAfter: new Date("2045-01-01T00:00:00Z") });
    await folder.write({ key: next.key });
    await until("that the pair does not fit", async () => (await metric("certificate_reload_success")) === 0);
    expect(await metric("certificate_expiry_timestamp_seconds")).toBeLessThan(Date.now() / 1000 + 100_000);
    await folder.write({ cert: next.cert });
    await until("the new pair", async () => (await metric("certificate_reload_success")) === 1);
    expect(await metric("certificate_expiry_timestamp_seconds")).toBe(
      Date.parse("2045-01-01T00:00:00Z") / 1000,
    );
    const reads = () => program.lines.filter((line) => line.includes("WEB_CONFIG_FILE read")).length;
    const before = reads();
    await folder.write({
      ca: CertificateAuthority.create().cert + clients.cert,
      ...root.issue({ ips: ["127.0.0.1"] }),
    });
    await until("the new authorities", () => reads() > before);
    const again = reads();
    await folder.configure(`${tls(required)}http_server_config: {headers: {X-Frame-Options: deny}}\n`);
    await until("the new file", () => reads() > again);
    await delay(500);
  } finally {
    stopped.abort();
    await Promise.all(loads);
    agent.destroy();
  }
  expect(results).toMatchObject({ failed: 0, wronglyLetIn: 0 });
  expect(results.good).toBeGreaterThan(100);
  expect(results.refused).toBeGreaterThan(100);
  const answer = await request(program.origin, "/", { ca: root.cert, certificate: shown.trusted });
  expect(answer.headers).toMatchObject({ "x-frame-options": "deny" });
});

test("headers and the rate limit are those of the file as it is now, also under plain HTTP", async () => {
  const folder = await newFolder("http_server_config: {headers: {X-Frame-Options: deny}}\n");
  const program = await start(folder);
  expect(program.origin).toMatch(/^http:/);
  expect((await request(program.origin, "/nothing")).headers["x-frame-options"]).toBe("deny");
  await folder.configure("rate_limit: {interval: 1h, burst: 2}\n");
  const end = performance.now() + 20_000;
  let answer = await request(program.origin, target());
  while (answer.status !== 429 && performance.now() < end) {
    await delay(200);
    answer = await request(program.origin, target());
  }
  expect([answer.status, answer.headers["retry-after"], answer.headers["x-frame-options"]]).toEqual([
    429,
    "1",
    undefined,
  ]);
});

test("Prometheus scrapes with a client certificate, and is down without", async () => {
  const folder = await newFolder(
    tls(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt, min_version: TLS13"),
  );
  const program = await start(folder);
  const prometheus = await CertificateFolder.create();
  onTestFinished(() => prometheus[Symbol.asyncDispose]());
  await prometheus.write({ ...shown.trusted, ca: root.cert });
  const job = (name: string, own: object) => ({
    job_name: name,
    scheme: "https",
    tls_config: { ca_file: prometheus.ca, ...own },
    metrics_path: "/mproxy/team-a/app-/metrics",
    params: { upstreamPort: [String(pods.port)] },
    static_configs: [{ targets: [`127.0.0.1:${program.port}`] }],
  });
  for (const version of prometheusVersions) {
    await using server = await startPrometheus({
      version,
      config: {
        global: { scrape_interval: "1s", scrape_timeout: "1s" },
        scrape_configs: [
          job("with", { cert_file: prometheus.cert, key_file: prometheus.key }),
          job("without", {}),
        ],
      },
    });
    await server.waitFor("a scrape of every target", async () => (await server.query("up")).length === 2);
    const up = (await server.query("up")).map(({ labels, value }) => `${labels["job"]} ${value}`);
    expect(up.sort()).toEqual(["with 1", "without 0"]);
  }
});

test.for([
  ["x: 1", {}, /^Cannot use WEB_CONFIG_FILE \\?"[^"]*web.yml\\?": x: there is no such key$/],
  [tls(", client_auth_type: Any"), {}, /tls_server_config.client_auth_type: wanted one of/],
  [
    tls(""),
    { CERT_FILE: "x" },
    /^Cannot serve HTTPS in two ways: WEB_CONFIG_FILE has tls_server_config, and CERT_FILE is set/,
  ],
  [tls(""), { CERT_KEY_FILE: "x", CERT_FILE: "y" }, /CERT_KEY_FILE, CERT_FILE are set; wanted one of both$/],
  [tls("").replace("tls.crt", "none.crt"), {}, /^Cannot read tls_server_config.cert_file .*ENOENT/],
] as [string, Record<string, string>, RegExp][])(
  "%j beside %j ends the program with code 2",
  async ([text, env, message]) => {
    const folder = await newFolder(text);
    const program = runProgram({
      env: {
        CIDR_WHITELIST: "127.20.0.0/16",
        METRICS_PATH_WHITELIST: "^/metrics$",
        PODS_FILE: pods.file,
        WEB_CONFIG_FILE: folder.web,
        HTTPS_PORT: "0",
        METRICS_HTTP_PORT: "0",
        ...env,
      },
    });
    expect(await program.exit).toEqual({ code: 2, signal: null });
    const { msg, err } = JSON.parse(program.lines.at(-1)!) as { msg: string; err: { message: string } };
    expect([msg, err.message]).toEqual(["Cannot start", expect.stringMatching(message)]);
  },
);

/** The examples of the manual, with their first lines. */
async function examples(): Promise<string[]> {
  const text = await readFile(new URL("../../docs/callers.md", import.meta.url), "utf8");
  return [...text.matchAll(/^```yaml\n(# web\.yml[^]*?)^```$/gm)].map(([, example]) => example!);
}

/** A folder with the files that the examples name. */
async function exampleFolder(text: string): Promise<WebConfigFolder> {
  const folder = await newFolder(text);
  await writeFile(join(dirname(folder.web), "client-ca.crt"), clients.cert);
  return folder;
}

test("promtool accepts every example of the manual, and so does the program", async () => {
  const all = await examples();
  expect(all).toHaveLength(3);
  for (const text of all) {
    const folder = await exampleFolder(text);
    for (const version of prometheusVersions) {
      const result = await promtoolCheckWebConfig(folder.web, version);
      const known = version !== "2.42" || !text.startsWith("# web.yml, as exporter-toolkit 0.10");
      expect([version, result.exitCode, result.output]).toEqual([version, known ? 0 : 1, expect.any(String)]);
    }
    expect(createWebConfig(await readWebConfig(folder.web)).tls).toBeDefined();
  }
});

test.for([
  "x: 1\n",
  tls(", client_ca: x, unknown: y"),
  tls(", client_auth_type: Any"),
  tls(", client_ca_file: ca.crt"),
  tls(", min_version: TLS14"),
  tls(", cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]"),
  tls(", curve_preferences: [CurveP192]"),
  tls("").replace("tls.crt", "none.crt"),
  tls("").replace("key_file: tls.key", "key_file: ca.crt"),
  "tls_server_config: {cert_file: tls.crt}\n",
  "http_server_config: {headers: {Server: x}}\n",
  "http_server_config: {headers: {X-Frame-Options: DENY}}\n",
  "basic_auth_users: {alice: secret}\n",
  "basic_auth_users: [alice]\n",
])("promtool refuses what the program refuses: %j", async (text) => {
  const folder = await newFolder(text);
  for (const version of prometheusVersions)
    expect((await promtoolCheckWebConfig(folder.web, version)).exitCode).toBe(1);
  await expect(readWebConfig(folder.web).then(createWebConfig)).rejects.toThrow();
});

test.for([
  tls(", client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt"),
  tls(", min_version: TLS12, max_version: TLS13, prefer_server_cipher_suites: false"),
  tls(
    ", cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256], curve_preferences: [X25519, CurveP256]",
  ),
  'http_server_config: {http2: false, headers: {X-XSS-Protection: "0"}}\n',
  "tls_server_config:\nbasic_auth_users:\n",
  "{}\n",
])("promtool accepts what the program accepts: %j", async (text) => {
  const folder = await newFolder(text);
  for (const version of prometheusVersions) {
    const { exitCode, output } = await promtoolCheckWebConfig(folder.web, version);
    expect([exitCode, output]).toEqual([0, expect.any(String)]);
  }
  createWebConfig(await readWebConfig(folder.web));
});
