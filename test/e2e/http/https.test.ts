// The started program under HTTPS: certificates and keys as users of the original have them, and clients that know only the root.
import { once } from "node:events";
import { Agent } from "node:https";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

import { CertificateAuthority } from "../../support/certificate-authority.ts";
import { CertificateFolder, encryptKey } from "../../support/certificate-files.ts";
import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request, samplesOf } from "../../support/http/http-client.ts";
import { rawRequest } from "../../support/http/raw-request.ts";
import {
  type Program,
  runProgram,
  type StartedProgram,
  startProgram,
  waitForLine,
} from "../../support/http/start-program.ts";

const root = CertificateAuthority.create({ name: "root" });
const upper = root.intermediate("upper");
const lower = upper.intermediate("lower");
const leaf = lower.issue({ ips: ["127.0.0.1"], dnsNames: ["proxy.example"] });
const rsa = lower.issue({ ips: ["127.0.0.1"], keyType: "rsa" });
const chain = root.cert + upper.cert + lower.cert;
const tls = { ca: root.cert };
/** Blanks at the ends belong to a password. */
const password = " s3cret-pass ";

let pods: FakePods;
let folder: CertificateFolder;
const programs: Program[] = [];

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "app-1", http: answers("one_demo 1\n") },
    { name: "app-2", http: answers("two_demo 2\n") },
    {
      name: "late-1",
      http: (request, response) =>
        void delay(700).then(() =>
          answers("late_demo 1\n", { "x-seen": request.url ?? "" })(request, response),
        ),
    },
    { name: "large-1", http: answers("large_demo 1\n".repeat(400_000)) },
  ]);
});
afterAll(() => pods.stop());

afterEach(async () => {
  for (const program of programs.splice(0)) {
    program.kill("SIGKILL");
    await program.exit;
  }
  await folder[Symbol.asyncDispose]();
});

interface Files {
  readonly key: string;
  readonly cert: string;
  readonly ca?: string;
  readonly password?: string;
}

/** Writes the files and returns the variables that name them. */
async function variablesFor(files: Files): Promise<Record<string, string>> {
  folder = await CertificateFolder.create();
  await folder.write(files);
  return {
    ...folder.env,
    PODS_FILE: pods.file,
    HTTPS_PORT: "0",
    ...(files.ca !== undefined && { CERT_CA_FILE: folder.ca }),
    ...(files.password !== undefined && { CERT_KEY_PASSWD_FILE: folder.password }),
  };
}

async function start(files: Files, env: Record<string, string> = {}): Promise<StartedProgram> {
  const program = await startProgram({ env: { ...(await variablesFor(files)), ...env } });
  programs.push(program);
  return program;
}

async function fails(files: Files): Promise<{ code: number | null; output: string; message: string }> {
  const env = {
    CIDR_WHITELIST: "127.20.0.0/16",
    METRICS_PATH_WHITELIST: "^/metrics$",
    LISTEN_ADDRESS: "127.0.0.1",
    METRICS_HTTP_PORT: "0",
    ...(await variablesFor(files)),
  };
  const program = runProgram({ env });
  programs.push(program);
  const { code } = await program.exit;
  const { err } = JSON.parse(program.lines.at(-1) ?? "{}") as { err?: { message: string } };
  return { code, output: program.lines.join("\n") + program.stderr(), message: err?.message ?? "" };
}

class CountingAgent extends Agent {
  connections = 0;

  override createConnection(
    ...args: Parameters<Agent["createConnection"]>
  ): ReturnType<Agent["createConnection"]> {
    this.connections++;
    return super.createConnection(...args);
  }
}

const merge = (prefix: string) => `/mproxy/team-a/${prefix}/metrics?upstreamPort=${pods.port}`;
const pass = (name: string) => `/kubesd/metrics?pod=${pods.get(name).ip}&target_port=${pods.port}`;

test("both ways of scraping, for a client that knows only the root, over one connection", async () => {
  const program = await start({ ...leaf, ca: chain });
  expect(program.origin).toMatch(/^https:/);
  const agent = new CountingAgent({ keepAlive: true, maxSockets: 1, ...tls });
  const merged = await request(program.origin, merge("app-"), { agent });
  expect([merged.status, merged.complete]).toEqual([200, true]);
  const samples = samplesOf(merged.text);
  for (const [name, series, value] of [
    ["app-1", "one_demo", "1"],
    ["app-2", "two_demo", "2"],
  ] as const) {
    expect(samples.get(`${series}{podname="${name}",podip="${pods.get(name).ip}"}`)).toBe(value);
  }
  const passed = await request(program.origin, pass("app-1"), { agent });
  expect([passed.status, passed.text]).toEqual([200, "one_demo 1\n"]);
  expect((await request(program.origin, "/mproxy/team-a/app-/admin?upstreamPort=1", { agent })).status).toBe(
    500,
  );
  expect((await request(program.origin, "/", { agent })).status).toBe(200);
  agent.destroy();
  expect(agent.connections).toBe(1);

  await expect(request(program.origin, "/", { ca: CertificateAuthority.create().cert })).rejects.toThrow(
    /certificate|signature/,
  );
  const metrics = await request(program.metricsOrigin, "/metrics");
  expect(metrics.text).toMatch(/^k8s_prometheus_proxy_certificate_reload_success 1$/m);
  expect(metrics.text).toMatch(/^k8s_prometheus_proxy_certificate_expiry_timestamp_seconds \d{10}$/m);
});

test("without CERT_CA_FILE the chain may stand in CERT_FILE, and without any the root is not enough", async () => {
  const whole = await start({ ...leaf, cert: leaf.cert + lower.cert + upper.cert });
  expect((await request(whole.origin, "/", tls)).status).toBe(200);
  await folder[Symbol.asyncDispose]();
  const bare = await start(leaf);
  await expect(request(bare.origin, "/", tls)).rejects.toThrow("unable to verify the first certificate");
  expect((await request(bare.origin, "/", { ca: chain })).status).toBe(200);
});

test.for([
  ["PKCS#8", { ...leaf, key: encryptKey(leaf.key, { type: "pkcs8", passphrase: password }) }],
  ["PKCS#1 (traditional)", { ...rsa, key: encryptKey(rsa.key, { type: "pkcs1", passphrase: password }) }],
  ["SEC1 (traditional)", { ...leaf, key: encryptKey(leaf.key, { type: "sec1", passphrase: password }) }],
] as const)(
  "an encrypted key in the form %s, its password with a line break behind it",
  async ([, files]) => {
    for (const ending of ["", "\n", "\r\n"]) {
      const program = await start({ ...files, ca: chain, password: password + ending });
      expect((await request(program.origin, merge("app-"), tls)).status).toBe(200);
      await folder[Symbol.asyncDispose]();
    }
    folder = await CertificateFolder.create();
  },
);

test.for([
  [
    "a wrong password",
    { password: "gue55" },
    /^Cannot use CERT_KEY_FILE "[^"]+": the password in CERT_KEY_PASSWD_FILE "[^"]+" does not open it$/,
  ],
  ["a trimmed password", { password: password.trim() }, /does not open it$/],
  [
    "no password",
    {},
    /^Cannot use CERT_KEY_FILE "[^"]+": it is encrypted, and CERT_KEY_PASSWD_FILE is not set$/,
  ],
  [
    "the key of another certificate",
    { key: rsa.key },
    /^Cannot use CERT_KEY_FILE "[^"]+": it is not the key of the first certificate in CERT_FILE "[^"]+"$/,
  ],
  [
    "no certificate",
    { key: leaf.key, cert: "" },
    /^Cannot use CERT_FILE "[^"]+": it has no certificate in PEM form$/,
  ],
] as [string, Partial<Files>, RegExp][])(
  "%s ends the program with 1 and a message that shows no secret",
  async ([, files, text]) => {
    const key = encryptKey(leaf.key, { type: "pkcs8", passphrase: password });
    const { code, output, message } = await fails({ ...leaf, key, ...files });
    expect(code).toBe(1);
    expect(message).toMatch(text);
    expect(output).not.toMatch(/s3cret-pass|gue55|PRIVATE KEY/);
    // It never listened without a certificate.
    expect(output).not.toContain('"Listening"');
  },
);

test("an expired certificate is served, with a warning", async () => {
  const expired = lower.issue({ ips: ["127.0.0.1"], notAfter: new Date(Date.now() - 60_000) });
  const program = await start({ ...expired, ca: chain });
  await expect(request(program.origin, "/", tls)).rejects.toThrow("expired");
  const warning = program.lines.find((line) => line.includes("Clients will refuse the certificate"));
  expect(warning).toContain("expired at");
});

test("a renewed certificate is used without a restart, and one that does not fit is not", async () => {
  const program = await start({ ...leaf, ca: chain });
  const presented = async () => {
    const socket = connectTls({ port: program.port, host: "127.0.0.1", ...tls });
    await once(socket, "secureConnect");
    const { raw } = socket.getPeerCertificate();
    socket.destroy();
    return raw.toString("base64");
  };
  const before = await presented();
  await folder.write({ key: rsa.key });
  const fault = await waitForLine(
    program,
    "The certificate's files cannot be used, the last good ones stay in use",
  );
  expect(JSON.stringify(fault)).toContain("it is not the key of the first certificate");
  expect(await presented()).toBe(before);
  expect((await request(program.metricsOrigin, "/metrics")).text).toContain("certificate_reload_success 0\n");
  await folder.write({ cert: rsa.cert });
  await waitForLine(program, "The certificate's files can be used again");
  expect(rsa.cert.replaceAll("\n", "")).toContain(await presented());
  expect((await request(program.metricsOrigin, "/metrics")).text).toContain("certificate_reload_success 1\n");
});

test("clients that do not speak TLS, or stop in the middle, are closed within seconds and harm nobody", async () => {
  const program = await start({ ...leaf, ca: chain }, { LOG_LEVEL: "debug" });
  const { port } = program;
  const logged = program.lines.length;
  const plain = await rawRequest("GET / HTTP/1.1\r\nHost: a\r\n\r\n", { port });
  expect([plain.status, plain.rest]).toEqual([0, ""]);
  expect((await rawRequest("\u0000garbage".repeat(1000), { port })).status).toBe(0);

  const began = performance.now();
  const closedAfter = async (act: (write: (bytes: Buffer) => void) => NodeJS.Timeout | undefined) => {
    const socket = connect(port, "127.0.0.1")
      .on("error", () => undefined)
      .resume();
    const timer = act((bytes) => void socket.write(bytes));
    await once(socket, "close");
    clearInterval(timer);
    return performance.now() - began;
  };
  // The beginning of a hello of 512 bytes.
  const hello = Buffer.concat([Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]), Buffer.alloc(505)]);
  let sent = 0;
  const closing = Promise.all([
    closedAfter(() => undefined),
    closedAfter((write) => {
      write(hello.subarray(0, 50));
      return undefined;
    }),
    // A byte now and then does not buy time.
    closedAfter((write) => setInterval(() => write(hello.subarray(sent, ++sent)), 500)),
  ]);
  expect((await request(program.origin, merge("app-"), tls)).status).toBe(200);
  const idle = connectTls({ port, host: "127.0.0.1", ...tls }).on("error", () => undefined);
  const idleClosed = once(idle.resume(), "close");
  for (const time of await closing) {
    expect(time).toBeGreaterThan(9000);
    expect(time).toBeLessThan(14_000);
  }
  // Over TLS, but without a request.
  await idleClosed;
  expect(performance.now() - began).toBeLessThan(16_000);
  expect((await request(program.metricsOrigin, "/metrics")).text).toContain(
    'limit_hits_total{limit="client_handshake"} 3\n',
  );
  expect(program.lines.slice(logged).filter((line) => !line.includes("Pods scraped"))).toEqual([]);
  expect((await request(program.origin, "/", tls)).status).toBe(200);
});

test("a client that leaves, and one that reads slowly, are treated as without TLS", async () => {
  const program = await start({ ...leaf, ca: chain });
  const target = `GET ${merge("large-")} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`;
  const leaving = connectTls({ port: program.port, host: "127.0.0.1", ...tls }, () => leaving.write(target));
  await once(leaving, "readable");
  leaving.destroy();
  const slow = connectTls({ port: program.port, host: "127.0.0.1", ...tls }, () => slow.write(target));
  let bytes = 0;
  for await (const chunk of slow) {
    bytes += (chunk as Buffer).length;
    if (bytes < 2_000_000) await delay(20);
  }
  // Whole: the samples of the pod, each with its labels.
  expect(bytes).toBeGreaterThan(16_000_000);
  const metrics = async () => (await request(program.metricsOrigin, "/metrics")).text;
  expect(await metrics()).toContain('scrapes_total{route="mproxy",code="499"} 1\n');
  expect(await metrics()).toContain("k8s_prometheus_proxy_scrapes_in_flight 0\n");
});

test("SIGTERM under HTTPS: finishes what runs, holds on to nobody, ends with 0", async () => {
  const program = await start({ ...leaf, ca: chain }, { SHUTDOWN_DELAY: "300ms" });
  const silent = connect(program.port, "127.0.0.1").on("error", () => undefined);
  const idle = connectTls({ port: program.port, host: "127.0.0.1", ...tls }).on("error", () => undefined);
  await Promise.all([once(silent, "connect"), once(idle, "secureConnect")]);
  const began = performance.now();
  const running = request(program.origin, merge("late-"), tls);
  await delay(100);
  program.kill("SIGTERM");
  await waitForLine(program, "Stopping");
  const during = await request(program.origin, merge("app-"), tls);
  expect([during.status, during.headers.connection]).toEqual([200, "close"]);
  const late = await running;
  expect([late.status, late.complete, late.text.includes("late_demo{")]).toEqual([200, true, true]);
  expect(await program.exit).toEqual({ code: 0, signal: null });
  expect(performance.now() - began).toBeLessThan(8000);
});
