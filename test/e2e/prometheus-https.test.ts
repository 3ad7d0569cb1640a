/**
 * The original's manual under HTTPS, below a prefix: real Prometheus servers that know only the root of the proxy's certificate
 * scrape both ways through the real program, before and after the certificate is renewed.
 */
import { afterAll, beforeAll, expect, test } from "vitest";

import { CertificateAuthority } from "../support/certificate-authority.ts";
import { CertificateFolder, encryptKey } from "../support/certificate-files.ts";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus-server.ts";

const root = CertificateAuthority.create({ name: "root" });
const middle = root.intermediate("middle");
const name = "proxy.example";
const podNames = ["app-1", "app-2"];

let pods: FakePods;
let proxy: CertificateFolder;
let client: CertificateFolder;
let program: StartedProgram;
let servers: PrometheusServer[] = [];

/** An RSA certificate with an encrypted key of the traditional form, as many users of the original have it. */
const issue = () => {
  const { key, cert } = middle.issue({ dnsNames: [name], keyType: "rsa" });
  return { cert, key: encryptKey(key, { type: "pkcs1", passphrase: "pass word" }) };
};

beforeAll(async () => {
  pods = await FakePods.start(podNames.map((pod) => ({ name: pod, http: answers("demo_value 7\n") })));
  proxy = await CertificateFolder.create();
  client = await CertificateFolder.create();
  await proxy.write({ ...issue(), ca: root.cert + middle.cert, password: "pass word\n" });
  await client.write({ ca: root.cert });
  program = await startProgram({
    env: {
      ...proxy.env,
      CERT_CA_FILE: proxy.ca,
      CERT_KEY_PASSWD_FILE: proxy.password,
      HTTPS_PORT: "0",
      APP_URL_PREFIX: "team/v1",
      PODS_FILE: pods.file,
    },
  });
  const common = { scheme: "https", tls_config: { ca_file: client.ca, server_name: name } };
  const targets = [`127.0.0.1:${program.port}`];
  const config = {
    global: { scrape_interval: "1s", scrape_timeout: "1s" },
    scrape_configs: [
      {
        ...common,
        job_name: "all",
        metrics_path: "/team/v1/mproxy/team-a/app-/metrics",
        params: { upstreamPort: [String(pods.port)], ssl: ["false"] },
        static_configs: [{ targets }],
      },
      {
        ...common,
        job_name: "one",
        metrics_path: "/team/v1/kubesd/metrics",
        params: { target_port: [String(pods.port)], target_scheme: ["http"] },
        static_configs: podNames.map((pod) => {
          const { ip } = pods.get(pod);
          return { targets, labels: { __param_pod: ip, podname: pod, podip: ip, instance: pod } };
        }),
      },
    ],
  };
  servers = await Promise.all([
    startPrometheus({ version: "3.5", config }),
    startPrometheus({ version: "2.42", config }),
  ]);
});

afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  program?.kill("SIGTERM");
  await program?.exit;
  await Promise.all([proxy, client].map((folder) => folder?.[Symbol.asyncDispose]()));
  await pods?.stop();
});

test("both jobs are up, in Prometheus 3.5 and 2.42", async () => {
  for (const server of servers) {
    await server.waitFor("a scrape of every target", async () => (await server.query("up")).length === 3);
    expect((await server.targets()).map(({ health, lastError }) => ({ health, lastError }))).toEqual(
      Array.from({ length: 3 }, () => ({ health: "up", lastError: "" })),
    );
    const found = (await server.query("demo_value")).map(
      ({ labels, value }) => `${labels["job"]} ${labels["podname"]} ${labels["podip"]} ${value}`,
    );
    expect(found.sort()).toEqual(
      ["all", "one"].flatMap((job) => podNames.map((pod) => `${job} ${pod} ${pods.get(pod).ip} 7`)),
    );
  }
});

test("a renewal of the certificate costs no scrape", async () => {
  await proxy.write(issue());
  const readAgain = () =>
    program.lines.filter((line) => line.includes("Certificate read from CERT_FILE")).length === 2;
  const [server] = servers;
  await server!.waitFor("the new certificate", () => Promise.resolve(readAgain()), 25_000);
  // A Prometheus that starts now sees the new certificate; those that run keep their connections.
  const counts = async () => (await server!.query("sum(count_over_time(up[1m]))"))[0]?.value;
  const before = Number(await counts());
  await server!.waitFor("more scrapes", async () => Number(await counts()) >= before + 6);
  for (const one of servers) expect(await one.query("min_over_time(up[1m]) < 1")).toEqual([]);
});
