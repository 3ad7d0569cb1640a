/**
 * The users of WEB_CONFIG_FILE with the real program: who gets in, alone and beside bearer tokens and client certificates; that all of
 * it is replaced under load without a failed request; that the users of no file are served without being asked; and Prometheus.
 */
import { rename, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { hashSync } from "bcryptjs";
import { afterAll, beforeAll, expect, test } from "vitest";

import { CertificateAuthority, type IssuedCertificate } from "../support/certificate-authority.ts";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { type Answer, request } from "../support/http/http-client.ts";
import { runProgram, type StartedProgram } from "../support/http/start-program.ts";
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
const client = clients.issue({ dnsNames: ["prometheus.example"] });
const newFolder = (text: string) => createWebConfigFolder(text, { root, clients });

let pods: FakePods;
beforeAll(async () => {
  pods = await FakePods.start([
    { name: "app-1", http: answers("demo_value 7\n") },
    { name: "wants-1", http: (_request, response) => void response.writeHead(401).end("no") },
  ]);
});
afterAll(() => pods.stop());

const start = (folder: WebConfigFolder, env: Record<string, string> = {}) =>
  startWithWebConfig(folder, { PODS_FILE: pods.file, ...env });

const users = (passwords: Record<string, string>) =>
  `basic_auth_users: ${JSON.stringify(Object.fromEntries(Object.entries(passwords).map(([user, password]) => [user, hashSync(password, 4)])))}\n`;
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString("base64")}`;
const merged = () => `/mproxy/team-a/app-/metrics?upstreamPort=${pods.port}`;
const passed = (name = "app-1") => `/kubesd/metrics?pod=${pods.get(name).ip}&target_port=${pods.port}`;
const ways = () => [merged(), passed(), `/sd?namespace=team-a&port=${pods.port}`];

function get({ origin }: StartedProgram, target: string, authorization?: string): Promise<Answer> {
  return request(origin, target, {
    ca: root.cert,
    headers: authorization === undefined ? {} : { authorization },
  });
}

const statuses = (program: StartedProgram, authorization?: string) =>
  Promise.all(ways().map(async (target) => (await get(program, target, authorization)).status));

async function until(what: string, probe: () => Promise<boolean> | boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await probe())) {
    if (performance.now() > end) throw new Error(`Cannot see ${what} within 20 s`);
    await delay(100);
  }
}

const everybody = "everybody who reaches the main listener may scrape";
const warnings = ({ lines }: StartedProgram) => lines.filter((line) => line.includes(everybody)).length;

test("who knows a password gets in everywhere, and others get 401 and the way to ask; no pod and no log sees any of it", async () => {
  const program = await start(await newFolder(users({ alice: "wonderland", bob: "builder" })));
  const before = pods.get("app-1").requests.length;
  for (const pair of ["alice:wonderland", "bob:builder"]) {
    expect(await statuses(program, basic(pair)), pair).toEqual([200, 200, 200]);
  }
  const scrapes = pods.get("app-1").requests.slice(before);
  expect(scrapes).toHaveLength(4);
  for (const wrong of [
    undefined,
    basic("alice:builder"),
    basic("alice:"),
    basic("carol:wonderland"),
    basic(":"),
    "Basic wonderland",
    "Bearer wonderland",
  ]) {
    expect(await statuses(program, wrong), wrong).toEqual([401, 401, 401]);
  }
  expect(pods.get("app-1").requests).toHaveLength(before + 4);
  const refusal = await get(program, merged());
  expect([refusal.headers["www-authenticate"], refusal.text]).toEqual([
    'Basic realm="k8s-prometheus-proxy", charset="UTF-8"',
    "Cannot authenticate the caller: it sends no credentials (WEB_CONFIG_FILE)\n",
  ]);
  expect((await get(program, "/")).status).toBe(200);
  const seen = JSON.stringify(scrapes) + program.lines.join("\n");
  for (const secret of [
    "wonderland",
    "builder",
    "$2",
    ...[basic("alice:wonderland"), basic("bob:builder")].map((text) => text.slice(6)),
  ]) {
    expect(seen).not.toContain(secret);
  }
  expect(warnings(program)).toBe(0);
});

test("passwords over plain HTTP are warned about where others can read them", async () => {
  const file = await newFolder(users({ alice: "wonderland" }));
  const told = async (address: string) => {
    const { lines } = await start(file, { LISTEN_ADDRESS: address });
    return lines.filter((line) => line.includes("over plain HTTP")).length;
  };
  expect(await told("127.0.0.1")).toBe(0);
  expect(await told("0.0.0.0")).toBe(1);
});

test("a pod that refuses its caller is not said to miss what is the proxy's", async () => {
  const program = await start(await newFolder(users({ alice: "wonderland" })));
  const own = basic("alice:wonderland");
  expect((await get(program, passed("wants-1"), own)).status).toBe(401);
  const answer = await get(program, `/mproxy/team-a/wants-/metrics?upstreamPort=${pods.port}`, own);
  expect(answer.text).toBe("Cannot scrape the pod: bad_status 1 (the pod answered 401)\n");
  expect(program.lines.join("\n")).not.toContain("FORWARD_AUTHORIZATION");
});

test("users come, change and go while it runs; with the last one gone nobody gets in", async () => {
  const folder = await newFolder("{}\n");
  const program = await start(folder);
  expect([await statuses(program), warnings(program)]).toEqual([[200, 200, 200], 1]);
  await folder.configure(users({ alice: "wonderland" }));
  await until("that passwords are asked for", async () => (await statuses(program))[0] === 401);
  expect(await statuses(program, basic("alice:wonderland"))).toEqual([200, 200, 200]);
  await folder.configure(users({ alice: "looking-glass" }));
  await until(
    "the new password",
    async () => (await statuses(program, basic("alice:looking-glass")))[0] === 200,
  );
  expect(await statuses(program, basic("alice:wonderland"))).toEqual([401, 401, 401]);
  await folder.configure("{}\n");
  await until(
    "that nobody gets in",
    async () => (await statuses(program, basic("alice:looking-glass")))[0] === 401,
  );
  expect([await statuses(program), warnings(program)]).toEqual([[401, 401, 401], 1]);
});

test.for([
  ["client_auth_type: RequireAnyClientCert", 1],
  ["client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt", 1],
  ["client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt", 0],
] as const)("a file with %s and no users warns %i times that everybody gets in", async ([keys, expected]) => {
  expect(warnings(await start(await newFolder(tlsSection(`, ${keys}`))))).toBe(expected);
});

test("users beside FORWARD_AUTHORIZATION end the start with code 2; later their file is not used", async () => {
  const forwarding = { FORWARD_AUTHORIZATION: "true" };
  const refused =
    /Cannot use FORWARD_AUTHORIZATION with basic_auth_users of WEB_CONFIG_FILE: pods would see the credentials/;
  const folder = await newFolder("{}\n");
  const program = await start(folder, forwarding);
  await folder.configure(users({ alice: "wonderland" }));
  await until("that the file is refused", () => refused.test(program.lines.join("\n")));
  expect((await request(program.metricsOrigin, "/metrics")).text).toContain("certificate_reload_success 0\n");
  expect(await statuses(program)).toEqual([200, 200, 200]);
  const next = runProgram({
    env: {
      ...forwarding,
      CIDR_WHITELIST: "127.20.0.0/16",
      METRICS_PATH_WHITELIST: "^/metrics$",
      PODS_FILE: pods.file,
      WEB_CONFIG_FILE: folder.web,
      HTTP_PORT: "0",
      METRICS_HTTP_PORT: "0",
    },
  });
  expect(await next.exit).toEqual({ code: 2, signal: null });
  expect(next.lines.join("\n")).toMatch(refused);
});

interface Client {
  readonly certificate?: IssuedCertificate;
  readonly authorization?: string;
  readonly agent?: Agent;
}

test("certificates, users and tokens are replaced under load: no request of an allowed client fails, none of others succeeds", async () => {
  const mutual = tlsSection(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt");
  const folder = await newFolder(mutual + users({ alice: "wonderland", bob: "builder" }));
  const tokensPath = join(dirname(folder.web), "tokens");
  const replaceTokens = async (text: string) => {
    await writeFile(`${tokensPath}.new`, text);
    await rename(`${tokensPath}.new`, tokensPath);
  };
  await replaceTokens("first-token\n");
  const program = await start(folder, { BEARER_TOKENS_FILE: tokensPath });
  const ask = async ({ certificate, authorization, agent }: Client): Promise<number | "refused"> => {
    try {
      const answer = await request(program.origin, merged(), {
        ca: root.cert,
        unjudged: "one and the same merge, thousands of times",
        ...(agent !== undefined && { agent }),
        ...(certificate !== undefined && { certificate }),
        ...(authorization !== undefined && { headers: { authorization } }),
      });
      return answer.complete ? answer.status : "refused";
    } catch {
      return "refused";
    }
  };
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ...client });
  const alice = basic("alice:wonderland");
  const all: [Client, number | "refused"][] = [
    [{ agent, authorization: alice }, 200],
    [{ certificate: client, authorization: alice }, 200],
    [{ certificate: client, authorization: "Bearer first-token" }, 200],
    [{ certificate: client }, 401],
    [{ certificate: client, authorization: basic("alice:builder") }, 401],
    [{ certificate: client, authorization: basic("nobody:wonderland") }, 401],
    [{ certificate: client, authorization: "Bearer wrong-token" }, 401],
    [{ authorization: alice }, "refused"],
    [
      {
        certificate: CertificateAuthority.create({ name: "clients" }).issue({}),
        authorization: "Bearer first-token",
      },
      "refused",
    ],
  ];
  const stopped = new AbortController();
  const good = all.map(() => 0);
  const wrong: unknown[] = [];
  const loads = all.map(async ([client, expected], index) => {
    while (!stopped.signal.aborted) {
      const got = await ask(client);
      if (got === expected) good[index]!++;
      else wrong.push([index, got]);
      await delay(10);
    }
  });
  const reads = () => program.lines.filter((line) => line.includes("WEB_CONFIG_FILE read")).length;
  const change = async (what: string, act: () => Promise<void>) => {
    const before = reads();
    await act();
    await until(what, () => reads() > before);
  };
  try {
    await change("the next certificate", () => folder.write(root.issue({ ips: ["127.0.0.1"] })));
    // Alice's hash is another one, and has to be checked anew.
    await change("the next users", () =>
      folder.configure(mutual + users({ alice: "wonderland", bob: "mason", carol: "carols" })),
    );
    await replaceTokens("first-token\nsecond-token\n");
    const added = { certificate: client, authorization: "Bearer second-token" };
    await until("the next token", async () => (await ask(added)) === 200);
    await change("the next authorities", () =>
      folder.write({
        ca: CertificateAuthority.create().cert + clients.cert,
        ...root.issue({ ips: ["127.0.0.1"] }),
      }),
    );
    const asBob = (password: string) => ask({ certificate: client, authorization: basic(`bob:${password}`) });
    expect([await asBob("builder"), await asBob("mason")]).toEqual([401, 200]);
    await delay(500);
  } finally {
    stopped.abort();
    await Promise.all(loads);
    agent.destroy();
  }
  expect(wrong).toEqual([]);
  expect(Math.min(...good)).toBeGreaterThan(30);
  const { headers } = await request(program.origin, merged(), { ca: root.cert, certificate: client });
  expect(headers["www-authenticate"]).toBe(
    'Basic realm="k8s-prometheus-proxy", charset="UTF-8", Bearer realm="k8s-prometheus-proxy"',
  );
});

test("Prometheus discovers and scrapes with basic_auth, and is down with a wrong password", async () => {
  const folder = await newFolder(tlsSection("") + users({ prometheus: "s3cret" }));
  const program = await start(folder);
  const rootFile = join(dirname(folder.web), "root.crt");
  await writeFile(rootFile, root.cert);
  const access = (password: string) => ({
    tls_config: { ca_file: rootFile },
    basic_auth: { username: "prometheus", password },
  });
  const discovered = (name: string, atDiscovery: string, onJob: string) => ({
    job_name: name,
    scheme: "https",
    ...access(onJob),
    http_sd_configs: [
      {
        url: `https://127.0.0.1:${program.port}/sd?namespace=team-a&prefix=app-&port=${pods.port}`,
        refresh_interval: "1s",
        ...access(atDiscovery),
      },
    ],
  });
  for (const version of prometheusVersions) {
    await using server = await startPrometheus({
      version,
      config: {
        global: { scrape_interval: "1s", scrape_timeout: "1s" },
        scrape_configs: [
          discovered("good", "s3cret", "s3cret"),
          discovered("wrong on the job", "s3cret", "secret"),
          discovered("wrong at the discovery", "secret", "s3cret"),
        ],
      },
    });
    await server.waitFor("scrapes of two jobs", async () => (await server.query("up")).length === 2);
    const up = (await server.query("up")).map(({ labels, value }) => `${labels["job"]} ${value}`);
    expect(up.sort()).toEqual(["good 1", "wrong on the job 0"]);
    const values = await server.query("demo_value");
    expect(values.map(({ labels, value }) => `${labels["podname"]} ${value}`)).toEqual(["app-1 7"]);
  }
});
