// The original's variables for ports and paths, over the started program: defaults, precedence, and the prefix in all its forms.
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { CertificateAuthority } from "../../support/certificate-authority.ts";
import { CertificateFolder } from "../../support/certificate-files.ts";
import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import { type Program, runProgram, startProgram, waitForLine } from "../../support/http/start-program.ts";

/** Not the address of other tests: the default ports are the same for everybody. */
const address = "127.0.53.1";
const root = CertificateAuthority.create();

let pods: FakePods;
let folder: CertificateFolder;

beforeAll(async () => {
  pods = await FakePods.start([{ name: "app-1", http: answers("one_demo 1\n") }]);
  folder = await CertificateFolder.create();
  await folder.write(root.issue({ ips: [address, "127.0.0.1"] }));
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  await pods.stop();
});

/** Stopped with its test, also where the test fails: the default ports are needed again. */
function run(env: Record<string, string>, args: readonly string[] = []): Program {
  const program = runProgram({
    args,
    env: {
      CIDR_WHITELIST: "127.20.0.0/16",
      METRICS_PATH_WHITELIST: "^/metrics$",
      PODS_FILE: pods.file,
      LISTEN_ADDRESS: address,
      SHUTDOWN_DELAY: "0s",
      ...env,
    },
  });
  onTestFinished(() => end(program));
  return program;
}

async function end(program: Program): Promise<void> {
  program.kill("SIGKILL");
  await program.exit;
}

test.for([
  [{}, [], "http://", 5050, 5055],
  [{ HTTPS_PORT: "15063" }, [], "http://", 5050, 5055],
  [{ HTTP_PORT: "15060" }, [], "http://", 15060, 5055],
  [{ HTTP_PORT: "15060", K8S_NODEJS_PORT: "15061", METRICS_HTTP_PORT: "15065" }, [], "http://", 15061, 15065],
  [{ K8S_NODEJS_PORT: "15061" }, ["--http-port=15060"], "http://", 15060, 5055],
  [
    { CERT_FILE: "absent", CERT_CA_FILE: "absent", CERT_KEY_PASSWD_FILE: "absent" },
    [],
    "http://",
    5050,
    5055,
  ],
  [{ tls: "" }, [], "https://", 5053, 5055],
  [{ tls: "", HTTP_PORT: "15060", HTTPS_PORT: "15063" }, [], "https://", 15063, 5055],
  [{ tls: "", HTTPS_PORT: "15063", K8S_NODEJS_PORT: "15061" }, [], "https://", 15061, 5055],
  [{ tls: "", HTTPS_PORT: "15063" }, ["--k8s-nodejs-port=15061"], "https://", 15061, 5055],
] as [Record<string, string>, string[], string, number, number][])(
  "%j %j serves %s on %i, own metrics on %i",
  async ([{ tls, ...env }, args, scheme, port, metricsPort]) => {
    const program = run({ ...env, ...(tls !== undefined && folder.env) }, args);
    await waitForLine(program, "Started");
    const origin = `${scheme}${address}:${port}`;
    expect((await request(origin, "/", { ca: root.cert })).status).toBe(200);
    expect((await request(`http://${address}:${metricsPort}`, "/-/ready")).status).toBe(200);
    const foreign = `${scheme === "http://" ? "https://" : "http://"}${address}:${port}`;
    await expect(request(foreign, "/", { ca: root.cert })).rejects.toThrow();
  },
);

test.for([
  [{ CERT_KEY_FILE: "k" }, "CERT_FILE is not"],
  [{ METRICS_HTTP_PORT: "5050" }, "HTTP_PORT and METRICS_HTTP_PORT must differ"],
  [{ CERT_KEY_FILE: "k", CERT_FILE: "c", K8S_NODEJS_PORT: "5055" }, "K8S_NODEJS_PORT and METRICS_HTTP_PORT"],
  [{ APP_URL_PREFIX: "a//b" }, "APP_URL_PREFIX"],
  [{ APP_URL_PREFIX: "../a" }, "APP_URL_PREFIX"],
] as [Record<string, string>, string][])("%j ends the program with 2", async ([env, text]) => {
  const program = run(env);
  expect(await program.exit).toEqual({ code: 2, signal: null });
  expect(program.stderr()).toContain(text);
});

test.for([
  ["v1", "/v1"],
  ["/v1", "/v1"],
  ["/v1/", "/v1"],
  ["team-a/v1", "/team-a/v1"],
  ["/team-a/v1/", "/team-a/v1"],
  ["/", ""],
])("APP_URL_PREFIX=%s puts %j before all paths", async ([text = "", prefix = ""]) => {
  const program = await startProgram({ env: { PODS_FILE: pods.file, APP_URL_PREFIX: text } });
  try {
    const get = async (target: string) => {
      const { status, text: body } = await request(program.origin, target);
      return [status, body] as const;
    };
    const { ip } = pods.get("app-1");
    const merge = `/mproxy/team-a/app-/metrics?upstreamPort=${pods.port}`;
    const pass = `/kubesd/metrics?pod=${ip}&target_port=${pods.port}`;
    const before = pods.get("app-1").requests.length;
    expect(await get(prefix + merge)).toEqual([
      200,
      expect.stringContaining(`one_demo{podname="app-1",podip="${ip}"} 1`),
    ]);
    expect(await get(prefix + pass)).toEqual([200, "one_demo 1\n"]);
    expect(
      pods
        .get("app-1")
        .requests.slice(before)
        .map(({ url }) => url),
    ).toEqual(["/metrics", "/metrics"]);
    for (const target of ["/", `${prefix}/`, prefix === "" ? "/" : prefix])
      expect((await get(target))[0]).toBe(200);
    if (prefix !== "") {
      for (const target of [merge, pass, prefix.toUpperCase() + merge, `${prefix}x${merge}`])
        expect(await get(target)).toEqual([404, expect.stringContaining(`"${prefix}/"`)]);
    }
    expect((await request(program.metricsOrigin, "/metrics")).text).toContain(
      'scrapes_total{route="mproxy",code="200"} 1\n',
    );
  } finally {
    await end(program);
  }
});
