import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createSecureContext, type TlsOptions, type TLSSocket } from "node:tls";

import { describe, expect, onTestFinished, test } from "vitest";

import { CertificateAuthority } from "../../test/support/certificate-authority.ts";
import { createSelfSigned } from "../../test/support/scrape/self-signed.ts";
import { startRawPod } from "../../test/support/scrape/raw-pod.ts";
import { until } from "../../test/support/scrape/until.ts";
import type { PodFailure } from "./pod-failure.ts";
import { openPodSocket, type PodEndpoint, type PodSocketOptions, type PodTls } from "./pod-socket.ts";

type DialOptions = Partial<PodTls> & { connectTimeoutMs?: number };

function optionsOf({ connectTimeoutMs = 2000, ...tls }: DialOptions = {}): PodSocketOptions {
  const secureContext = createSecureContext();
  return {
    connectTimeoutMs,
    tls: { secureContext, rejectUnauthorized: true, serverName: undefined, ...tls },
  };
}

/** Dials; the failure, or undefined when the connection came about. */
function dial(endpoint: PodEndpoint, o?: DialOptions): Promise<PodFailure | undefined> {
  return new Promise((resolve) => {
    openPodSocket(endpoint, optionsOf(o), (error, socket) => {
      socket?.destroy();
      resolve(error?.failure);
    });
  });
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

describe("openPodSocket()", () => {
  const refuses = (endpoint: Partial<PodEndpoint>) => {
    test(`refuses ${JSON.stringify(endpoint)}`, () => {
      const whole = { ip: "127.0.0.1", port: 9, tls: false, ...endpoint };
      expect(() => openPodSocket(whole, optionsOf(), () => {})).toThrow(RangeError);
    });
  };

  for (const ip of ["localhost", "pod.example", "", "127.1", "0x7f000001", "[::1]", "::1%lo", "127.0.0.1:80"])
    refuses({ ip });
  for (const port of [0, -1, 65_536, 1.5, NaN]) refuses({ port });

  test("connects", async () => {
    await using pod = await startRawPod(() => {});
    expect(await dial({ ip: pod.ip, port: pod.port, tls: false })).toBeUndefined();
  });

  test("names a refused connection", async () => {
    const failure = await dial({ ip: "127.0.0.1", port: await closedPort(), tls: false });
    expect(failure).toEqual({ reason: "connect", detail: "connecting failed (ECONNREFUSED)" });
  });

  test.skipIf(process.platform !== "linux")("gives up a connection that hangs", async () => {
    // A listener that has stopped accepting: the kernel drops what exceeds its queue, as a lost pod does.
    const script = `require("net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, function () {
      process.stdout.write(String(this.address().port));
    })`;
    const listener = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void listener.kill("SIGKILL"));
    const port = Number(await once(listener.stdout, "data"));
    listener.kill("SIGSTOP");
    const fillers: Socket[] = [];
    onTestFinished(() => fillers.forEach((filler) => filler.destroy()));
    for (let i = 0; i < 8; i++) fillers.push(connect({ port, host: "127.0.0.1" }).on("error", () => {}));
    await once(fillers[0]!, "connect");

    const failure = await dial({ ip: "127.0.0.1", port, tls: false }, { connectTimeoutMs: 100 });
    expect(failure).toEqual({ reason: "connect", detail: "connecting took longer than CONNECT_TIMEOUT" });
  });
});

describe("openPodSocket() with TLS", () => {
  const mine = createSelfSigned({ ip: "127.0.0.1" });
  const trusted = { secureContext: createSecureContext({ ca: mine.cert }) };

  const check = (name: string, expected: string | undefined, o: DialOptions, served: TlsOptions = mine) => {
    test(name, async () => {
      await using pod = await startRawPod(() => {}, { tls: served });
      const failure = await dial({ ip: pod.ip, port: pod.port, tls: true }, o);
      const text = failure === undefined ? undefined : `${failure.reason}: ${failure.detail}`;
      expect(text).toEqual(expected === undefined ? undefined : expect.stringContaining(expected));
      expect(failure?.unverified).toBe(expected === undefined ? undefined : true);
    });
  };

  check("takes a trusted certificate for the address", undefined, trusted);
  check(
    "refuses an untrusted certificate",
    "tls: the TLS handshake failed (DEPTH_ZERO_SELF_SIGNED_CERT): the certificate is of no known authority; UPSTREAM_CA_FILE ",
    {},
  );
  check("takes any certificate when told so", undefined, { rejectUnauthorized: false });
  const other = createSelfSigned({ ip: "127.0.0.2" });
  check(
    "refuses a trusted certificate for another address",
    "tls: the TLS handshake failed (ERR_TLS_CERT_ALTNAME_INVALID): the certificate is for another address or name; UPSTREAM_SERVER_NAME ",
    { secureContext: createSecureContext({ ca: other.cert }) },
    other,
  );

  const authority = CertificateAuthority.create();
  const known = { secureContext: createSecureContext({ ca: authority.cert }) };
  const named = authority.issue({ dnsNames: ["pods.example"], ips: ["10.9.9.9", "fd00::1"] });
  const addressed = authority.issue({ ips: ["127.0.0.1"] });
  check(
    "takes a certificate for the expected name",
    undefined,
    { ...known, serverName: "pods.example" },
    named,
  );
  check(
    "takes a certificate for an expected address",
    undefined,
    { ...known, serverName: "10.9.9.9" },
    named,
  );
  check("takes an expected address in any spelling", undefined, { ...known, serverName: "FD00:0::1" }, named);
  for (const serverName of ["other.example", "10.9.9.8", "127.0.0.1"]) {
    check(
      `refuses a certificate not for ${serverName}`,
      "ERR_TLS_CERT_ALTNAME_INVALID",
      { ...known, serverName },
      named,
    );
  }
  check(
    "does not take the dialled address for the expected name",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    { ...known, serverName: "pods.example" },
    addressed,
  );
  check(
    "refuses a certificate of the past",
    "the TLS handshake failed (CERT_HAS_EXPIRED): the certificate is not valid at this time",
    known,
    authority.issue({ ips: ["127.0.0.1"], notAfter: new Date(Date.now() - 1000) }),
  );

  test.for([
    ["pods.example", "pods.example"],
    ["10.9.9.9", false],
    [undefined, false],
  ] as const)("sends for the expected name %s the name %s", async ([serverName, sent]) => {
    const seen: unknown[] = [];
    await using pod = await startRawPod(() => {}, {
      // Here the server is through with the handshake before the client, which then breaks off.
      tls: { ...named, maxVersion: "TLSv1.2" },
      connected: (socket) => seen.push((socket as TLSSocket).servername),
    });
    await dial({ ip: pod.ip, port: pod.port, tls: true }, { serverName, rejectUnauthorized: false });
    await until(() => seen.length > 0);
    expect(seen).toEqual([sent]);
  });

  test("is not weakened by the environment", async () => {
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    onTestFinished(() => void delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"]);
    await using pod = await startRawPod(() => {}, { tls: mine });
    expect((await dial({ ip: pod.ip, port: pod.port, tls: true }))?.reason).toBe("tls");
  });

  test("names a pod that speaks no TLS", async () => {
    await using pod = await startRawPod(() => {}, {
      connected: (socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
    });
    expect(await dial({ ip: pod.ip, port: pod.port, tls: true })).toEqual({
      reason: "tls",
      detail: expect.stringMatching(/ \(ERR_SSL_WRONG_VERSION_NUMBER\): the pod may speak plain HTTP /),
    });
  });

  test("refuses TLS 1.1", async () => {
    const old = { ...mine, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
    await using pod = await startRawPod(() => {}, { tls: old });
    const secureContext = createSecureContext({ ca: mine.cert, minVersion: "TLSv1.2" });
    expect((await dial({ ip: pod.ip, port: pod.port, tls: true }, { secureContext }))?.reason).toBe("tls");
  });

  test("gives up a handshake that hangs", async () => {
    await using pod = await startRawPod(() => {});
    const failure = await dial({ ip: pod.ip, port: pod.port, tls: true }, { connectTimeoutMs: 50 });
    expect(failure).toEqual({ reason: "tls", detail: "the TLS handshake took longer than CONNECT_TIMEOUT" });
    await until(() => pod.open === 0);
  });
});
