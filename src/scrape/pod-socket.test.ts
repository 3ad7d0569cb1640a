import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createSecureContext } from "node:tls";

import { describe, expect, onTestFinished, test } from "vitest";

import { createSelfSigned } from "../../test/support/scrape/self-signed.ts";
import { startRawPod } from "../../test/support/scrape/raw-pod.ts";
import { until } from "../../test/support/scrape/until.ts";
import type { PodFailure } from "./pod-failure.ts";
import { openPodSocket, type PodEndpoint, type PodSocketOptions } from "./pod-socket.ts";

const options: PodSocketOptions = {
  connectTimeoutMs: 2000,
  secureContext: createSecureContext(),
  rejectUnauthorized: true,
};

/** Dials; the failure, or undefined when the connection came about. */
function dial(endpoint: PodEndpoint, o: Partial<PodSocketOptions> = {}): Promise<PodFailure | undefined> {
  return new Promise((resolve) => {
    openPodSocket(endpoint, { ...options, ...o }, (error, socket) => {
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
      expect(() => openPodSocket(whole, options, () => {})).toThrow(RangeError);
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

  const check = (name: string, expected: string | undefined, o: Partial<PodSocketOptions>, served = mine) => {
    test(name, async () => {
      await using pod = await startRawPod(() => {}, { tls: served });
      const failure = await dial({ ip: pod.ip, port: pod.port, tls: true }, o);
      expect(failure === undefined ? undefined : `${failure.reason}: ${failure.detail}`).toBe(expected);
    });
  };

  check("takes a trusted certificate for the address", undefined, trusted);
  check(
    "refuses an untrusted certificate",
    "tls: the TLS handshake failed (DEPTH_ZERO_SELF_SIGNED_CERT)",
    {},
  );
  check("takes any certificate when told so", undefined, { rejectUnauthorized: false });
  const other = createSelfSigned({ ip: "127.0.0.2" });
  check(
    "refuses a trusted certificate for another address",
    "tls: the TLS handshake failed (ERR_TLS_CERT_ALTNAME_INVALID)",
    { secureContext: createSecureContext({ ca: other.cert }) },
    other,
  );

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
    expect((await dial({ ip: pod.ip, port: pod.port, tls: true }))?.reason).toBe("tls");
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
