// Who answers in the API server's place without its certificate sees no token, also with NODE_TLS_REJECT_UNAUTHORIZED=0, which is
// for pods alone. The impostor keeps every byte that it can decrypt.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { CertificateAuthority, type IssuedCertificate } from "../support/certificate-authority.ts";
import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { type StartedProgram, startProgram, waitForLine } from "../support/http/start-program.ts";
import { until } from "../support/scrape/until.ts";

const token = "token-of-the-cluster";
const authority = CertificateAuthority.create();
const another = CertificateAuthority.create({ name: "another root" });
const here = { ips: ["127.0.0.1"] };

let folder: string;
let pods: FakePods;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "impostor-"));
  await writeFile(join(folder, "ca.crt"), authority.cert);
  const tls = another.issue({ ips: ["192.0.2.1"] });
  pods = await FakePods.start([{ name: "tls-1", tls, http: answers("tls_demo 1\n") }]);
});
afterAll(async () => {
  await pods.stop();
  await rm(folder, { recursive: true });
});

interface Impostor {
  readonly port: string;
  /** Connections that were dialled, whether or not a handshake followed. */
  readonly connections: () => number;
  /** What was said on them, out of TLS. */
  readonly heard: () => string;
}

/** Without a certificate it speaks no TLS, and keeps what it is sent in its place. */
async function listen(certificate?: IssuedCertificate): Promise<Impostor> {
  let heard = "";
  const sockets = new Set<Socket>();
  const hear = (socket: Socket) => {
    socket.on("data", (bytes) => (heard += bytes.toString("latin1")));
    socket.on("error", () => undefined);
  };
  const server: Server =
    certificate === undefined
      ? createTcpServer((socket) => {
          hear(socket);
          socket.write("HTTP/1.1 200 OK\r\n\r\n");
        })
      : createTlsServer(certificate, hear).on("tlsClientError", () => undefined);
  server.on("connection", (socket: Socket) => sockets.add(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const port = String((server.address() as AddressInfo).port);
  return { port, connections: () => sockets.size, heard: () => heard };
}

async function start({ port }: Impostor, env: Record<string, string> = {}): Promise<StartedProgram> {
  const program = await startProgram({
    env: {
      K8S_GLOBAL_TOKEN: token,
      K8S_CACERT: join(folder, "ca.crt"),
      KUBERNETES_SERVICE_HOST: "127.0.0.1",
      KUBERNETES_SERVICE_PORT: port,
      NODE_TLS_REJECT_UNAUTHORIZED: "0",
      ...env,
    },
  });
  onTestFinished(async () => {
    program.kill("SIGKILL");
    await program.exit;
  });
  return program;
}

const mproxy = ({ origin }: StartedProgram) =>
  request(origin, "/mproxy/project1/app-/metrics?upstreamPort=1", {
    headers: { "x-prometheus-scrape-timeout-seconds": "2" },
  });

test.for([
  ["of another authority", another.issue(here), {}, "UNABLE_TO_VERIFY_LEAF_SIGNATURE"],
  [
    "for another address",
    authority.issue({ ips: ["192.0.2.1"], dnsNames: ["kubernetes.default.svc"] }),
    {},
    "ERR_TLS_CERT_ALTNAME_INVALID",
  ],
  [
    "that has expired",
    authority.issue({ ...here, notAfter: new Date(Date.now() - 60_000) }),
    {},
    "CERT_HAS_EXPIRED",
  ],
  [
    "that no K8S_CACERT vouches for",
    authority.issue(here),
    { K8S_CACERT: "" },
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ],
] as [string, IssuedCertificate, Record<string, string>, string][])(
  "a certificate %s: not a byte of a request, 503, and the log says why; https pods are scraped unverified all the same",
  async ([, certificate, env, code]) => {
    const impostor = await listen(certificate);
    const program = await start(impostor, env);
    const { status, text } = await mproxy(program);
    expect([status, text]).toEqual([
      503,
      expect.stringContaining("the API server's certificate cannot be verified (K8S_CACERT)"),
    ]);
    const line = await waitForLine(program, "Cannot keep up with the pods: the last known ones stay in use");
    expect(line["reason"]).toBe(`the API server's certificate cannot be verified (${code})`);

    const pod = `/kubesd/metrics?pod=${pods.get("tls-1").ip}&target_port=${pods.port}&target_scheme=https`;
    const scraped = await request(program.origin, pod);
    expect([scraped.status, scraped.text]).toEqual([200, "tls_demo 1\n"]);

    expect(impostor.connections()).toBeGreaterThan(0);
    program.kill("SIGTERM");
    await program.exit;
    expect(impostor.heard()).toBe("");
    expect([...program.lines, text, program.stderr()].join("\n")).not.toContain(token);
  },
);

test("no TLS at all: it sees no token", async () => {
  const impostor = await listen();
  const program = await start(impostor);
  expect((await mproxy(program)).status).toBe(503);
  await until(() => impostor.heard() !== "");
  program.kill("SIGTERM");
  await program.exit;
  expect(impostor.heard()).not.toContain(token);
});

test("the certificate of the API server: the same listener is shown the token", async () => {
  const server = await listen(authority.issue(here));
  const program = await start(server);
  // It never answers.
  expect((await mproxy(program)).status).toBe(503);
  expect(server.heard()).toContain(`Bearer ${token}`);
});
