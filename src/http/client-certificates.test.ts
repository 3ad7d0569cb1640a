// The five policies for certificates of clients, each against real handshakes of both TLS versions.
import { once } from "node:events";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { CertificateAuthority, type IssuedCertificate } from "../../test/support/certificate-authority.ts";
import { createLogger } from "../telemetry/logger.ts";
import { type ClientCertificatePolicy, noClientCertificates } from "./client-certificates.ts";
import { Listener } from "./listener.ts";
import { createServingCertificate } from "./serving-certificate.ts";
import type { TlsPolicy } from "./tls-connections.ts";

const root = CertificateAuthority.create({ name: "root" });
const clients = CertificateAuthority.create({ name: "clients" });
const middle = clients.intermediate("middle");
const named = (text: string) => ({ name: "test", bytes: Buffer.from(text), hash: "" });
const issued = root.issue({ ips: ["127.0.0.1"] });
const serving = createServingCertificate({
  key: named(issued.key),
  cert: named(issued.cert),
  password: "there is none",
});

const san = { dnsNames: ["prometheus.example"], uris: ["spiffe://a/b"], ips: ["10.0.0.1"] };
const certificates = {
  none: {},
  untrusted: CertificateAuthority.create({ name: "clients" }).issue(san),
  trusted: clients.issue(san),
  "trusted, other name": clients.issue({ dnsNames: ["other.example"] }),
  "trusted through an intermediate": withChain(middle.issue(san), middle.cert),
  "trusted, intermediate not sent": middle.issue(san),
  expired: clients.issue({ ...san, notAfter: new Date(Date.now() - 1000) }),
  "for servers": clients.issue({ ...san, usage: "server" }),
  "for clients": clients.issue({ ...san, usage: "client" }),
} satisfies Record<string, Partial<IssuedCertificate>>;
type Shown = keyof typeof certificates;

function withChain({ cert, key }: IssuedCertificate, chain: string): IssuedCertificate {
  return { cert: cert + chain, key };
}

const refused: string[] = [];
let requests = 0;
let listener: Listener;
let port = 0;
beforeAll(async () => {
  const logger = createLogger({ level: "error", format: "json", destination: { write: () => undefined } });
  listener = new Listener({
    logger,
    tls: true,
    onClientRefused: (refusal) => void refused.push(refusal),
    onRequest: () => requests++,
  });
  listener.app.get("/", () => "root");
  use({});
  ({ port } = await listener.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" }));
});
afterAll(() => listener.close({ graceMs: 0 }));

function use(o: Partial<ClientCertificatePolicy>, policy: Partial<TlsPolicy> = {}): void {
  listener.useCertificate(serving, {
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers: undefined,
    curves: undefined,
    honorCipherOrder: true,
    clients: { ...noClientCertificates, authorities: clients.cert, ...o },
    ...policy,
  });
}

/** Makes a request. Resolves with whether it was answered. */
async function ask(o: ConnectionOptions = {}): Promise<Asked> {
  const socket = connect({ host: "127.0.0.1", port, ca: root.cert, ...o });
  onTestFinished(() => void socket.destroy());
  const sessions: Buffer[] = [];
  socket.on("session", (session) => void sessions.push(session));
  let error: string | undefined;
  socket.on("error", ({ code }: NodeJS.ErrnoException) => (error ??= code));
  let reused = false;
  socket.on("secureConnect", () => (reused = socket.isSessionReused()));
  return { answered: (await askOn(socket)).endsWith("root"), reused, sessions, error };
}

interface Asked {
  readonly answered: boolean;
  readonly reused: boolean;
  readonly sessions: readonly Buffer[];
  /** The code of what the client was told. */
  readonly error: string | undefined;
}

/** Makes a request, and waits for the end of the connection. */
function askOn(socket: TLSSocket): Promise<string> {
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  socket.write("GET / HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n");
  return new Promise((resolve) => socket.once("close", () => resolve(text)));
}

const types = {
  NoClientCert: { asks: false, requires: false, verifies: false },
  RequestClientCert: { asks: true, requires: false, verifies: false },
  RequireAnyClientCert: { asks: true, requires: true, verifies: false },
  VerifyClientCertIfGiven: { asks: true, requires: false, verifies: true },
  RequireAndVerifyClientCert: { asks: true, requires: true, verifies: true },
};

const all = Object.keys(certificates) as Shown[];
const verified: Shown[] = [
  "trusted",
  "trusted, other name",
  "trusted through an intermediate",
  "for clients",
];
const letIn: Record<keyof typeof types, Shown[]> = {
  NoClientCert: all,
  RequestClientCert: all,
  RequireAnyClientCert: all.filter((shown) => shown !== "none"),
  VerifyClientCertIfGiven: ["none", ...verified],
  RequireAndVerifyClientCert: verified,
};

const versions = ["TLSv1.2", "TLSv1.3"] as const;
const cases = versions.flatMap((version) =>
  (Object.keys(types) as (keyof typeof types)[]).flatMap((type) =>
    all.map((shown) => [version, type, shown] as const),
  ),
);

test.for(cases)("%s, %s: %s", async ([version, type, shown]) => {
  use(types[type]);
  refused.length = 0;
  requests = 0;
  const { answered } = await ask({ ...certificates[shown], minVersion: version, maxVersion: version });
  const expected = letIn[type].includes(shown);
  expect([answered, requests]).toEqual([expected, expected ? 1 : 0]);
  expect(refused).toEqual(expected ? [] : [shown === "none" ? "missing" : "unverified"]);
});

test.for([
  ["trusted", ["prometheus.example"], true],
  ["trusted", ["x", "spiffe://a/b"], true],
  ["trusted", ["10.0.0.1"], true],
  ["trusted", ["Prometheus.example", "prometheus", "*.example", "10.0.0.0/8"], false],
  ["trusted, other name", ["prometheus.example"], false],
  ["untrusted", ["prometheus.example"], false],
] as [Shown, string[], boolean][])(
  "allowed names: %s with %j: %j",
  async ([shown, allowedNames, expected]) => {
    for (const version of versions) {
      use({ ...types.RequireAndVerifyClientCert, allowedNames });
      expect((await ask({ ...certificates[shown], minVersion: version, maxVersion: version })).answered).toBe(
        expected,
      );
    }
  },
);

test("names count also where the certificate is not verified, and are a reason of their own", async () => {
  use({ ...types.RequireAnyClientCert, allowedNames: ["prometheus.example"] });
  refused.length = 0;
  expect((await ask(certificates.untrusted)).answered).toBe(true);
  expect((await ask(certificates["trusted, other name"])).answered).toBe(false);
  expect((await ask()).answered).toBe(false);
  expect(refused).toEqual(["name", "missing"]);
});

test("an intermediate authority, or the certificate itself, can be what is trusted", async () => {
  use({ ...types.RequireAndVerifyClientCert, authorities: middle.cert });
  expect((await ask(certificates["trusted, intermediate not sent"])).answered).toBe(true);
  expect((await ask(certificates.trusted)).answered).toBe(false);
  use({ ...types.RequireAndVerifyClientCert, authorities: certificates.trusted.cert });
  expect((await ask(certificates.trusted)).answered).toBe(true);
  expect((await ask(certificates["for clients"])).answered).toBe(false);
});

test("without authorities of its own, those that Node.js trusts count", async () => {
  use({ ...types.RequireAndVerifyClientCert, authorities: undefined });
  expect((await ask(certificates.trusted)).answered).toBe(false);
});

test("a client without a certificate is told that it needs one", async () => {
  use(types.RequireAndVerifyClientCert);
  expect((await ask()).error).toBe("ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED");
});

test("a client without the key of its certificate does not get in", async () => {
  use(types.RequireAnyClientCert);
  const other = CertificateAuthority.create().issue({}).key;
  expect(() => connect({ host: "127.0.0.1", port, cert: certificates.trusted.cert, key: other })).toThrow(
    /mismatch/,
  );
});

test.for(versions)("a session is not taken up again where certificates count: %s", async (version) => {
  const only = { ...certificates.trusted, minVersion: version, maxVersion: version };
  const { minVersion, maxVersion } = only;
  use({});
  const [session] = (await ask(only)).sessions;
  // Where nobody is asked they are: the check of this test can fail.
  expect(await ask({ ...only, session: session! })).toMatchObject({ answered: true, reused: true });
  use(types.RequireAndVerifyClientCert);
  expect(await ask({ minVersion, maxVersion, session: session! })).toMatchObject({
    answered: false,
    reused: false,
  });
  const { sessions } = await ask(only);
  for (const one of sessions) {
    expect(await ask({ ...only, session: one })).toMatchObject({ answered: true, reused: false });
    expect(await ask({ minVersion, maxVersion, session: one })).toMatchObject({
      answered: false,
      reused: false,
    });
  }
});

test("a policy is that of the moment at which a connection begins; connections that are there live on", async () => {
  use({});
  const socket = connect({ host: "127.0.0.1", port, ca: root.cert });
  onTestFinished(() => void socket.destroy());
  await once(socket, "secureConnect");
  use(types.RequireAndVerifyClientCert);
  expect(await askOn(socket)).toContain("root");
  expect((await ask()).answered).toBe(false);
});

test("versions, cipher suites and curves of the policy are used", async () => {
  use({}, { minVersion: "TLSv1.3" });
  expect((await ask({ maxVersion: "TLSv1.2" })).answered).toBe(false);
  use({}, { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384", curves: "P-384" });
  expect((await ask({ minVersion: "TLSv1.3" })).answered).toBe(false);
  expect((await ask({ ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" })).answered).toBe(false);
  expect((await ask({ ecdhCurve: "P-256:X25519" })).answered).toBe(false);
  expect((await ask({ ecdhCurve: "P-256:P-384" })).answered).toBe(true);
  expect(() => use({}, { curves: "nonsense" })).toThrow();
  // What was before stays.
  expect((await ask({ minVersion: "TLSv1.3" })).answered).toBe(false);
});
