import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { CertificateAuthority } from "../../test/support/certificate-authority.ts";
import { Alarm } from "../../test/support/files/alarm.ts";
import { ok, startRawPod } from "../../test/support/scrape/raw-pod.ts";
import { PodConnections } from "./pod-connections.ts";
import { UpstreamRequest } from "./upstream-request.ts";
import { maxUpstreamFileBytes, UpstreamTls, type UpstreamTlsSettings } from "./upstream-tls.ts";

const ip = "127.0.0.1";
const authority = CertificateAuthority.create();
const foreign = CertificateAuthority.create({ name: "foreign" });
const client = authority.issue({ dnsNames: ["proxy"] });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "upstream-tls-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

type Settings = Partial<UpstreamTlsSettings>;

function create(settings: Settings) {
  const alarm = new Alarm();
  const logged: string[] = [];
  const log = (first: string | { err: Error }) =>
    void logged.push(typeof first === "string" ? first : first.err.message);
  const hits: string[] = [];
  const tls = new UpstreamTls({
    settings: { verifiesPods: true, ...settings },
    logger: { info: log, warn: log },
    metrics: { limitHit: (limit) => void hits.push(limit) },
    sleep: alarm.sleep,
  });
  onTestFinished(() => tls.stop());
  return { tls, alarm, logged, hits };
}

async function started(settings: Settings): Promise<ReturnType<typeof create>> {
  const created = create(settings);
  await created.tls.start();
  return created;
}

/** Asks a pod with this TLS once; the body, or why there is none. */
async function ask(tls: UpstreamTls, served: TlsOptions): Promise<string> {
  await using pod = await startRawPod(({ socket }) => socket.write(ok("metrics")), { tls: served });
  const connections = new PodConnections({ connectTimeoutMs: 2000, tls });
  try {
    return await new Promise((resolve) => {
      new UpstreamRequest({
        connections,
        target: pod.target(),
        headers: { accept: "*/*", acceptEncoding: "gzip", userAgent: "test", timeoutSeconds: "1" },
        maxBodyBytes: 1e6,
        isCurrent: () => true,
        receiver: {
          head: () => {},
          data: (chunk) => resolve(chunk.toString()),
          end: () => {},
          failed: ({ reason, detail }) => resolve(`${reason}: ${detail}`),
        },
      }).start();
    });
  } finally {
    connections.close();
  }
}

describe("UpstreamTls", () => {
  const mine = authority.issue({ ips: [ip] });

  test("trusts what is in UPSTREAM_CA_FILE, and nothing else", async () => {
    const { tls } = await started({ upstreamCaFile: await write("ca", authority.cert) });
    expect(await ask(tls, mine)).toBe("metrics");
    const refused = /^tls: .*\(UNABLE_TO_\w+\).*UPSTREAM_CA_FILE/;
    expect(await ask(tls, foreign.issue({ ips: [ip] }))).toMatch(refused);
    const without = await started({});
    expect(await ask(without.tls, mine)).toMatch(refused);
  });

  test("trusts every certificate of a bundle", async () => {
    const { tls } = await started({ upstreamCaFile: await write("ca", foreign.cert + authority.cert) });
    expect(await ask(tls, mine)).toBe("metrics");
    expect(await ask(tls, foreign.issue({ ips: [ip] }))).toBe("metrics");
  });

  test("trusts a pod's own certificate, and an intermediate without its root, as Prometheus does", async () => {
    const own = await started({ upstreamCaFile: await write("own", mine.cert) });
    expect(await ask(own.tls, mine)).toBe("metrics");
    expect(await ask(own.tls, authority.issue({ ips: [ip] }))).toContain("tls: ");
    const middle = authority.intermediate("middle");
    const under = await started({ upstreamCaFile: await write("middle", middle.cert) });
    expect(await ask(under.tls, middle.issue({ ips: [ip] }))).toBe("metrics");
  });

  test("takes any certificate where pods are not to be verified", async () => {
    const settings = {
      upstreamCaFile: await write("ca", authority.cert),
      upstreamServerName: "pods.example",
    };
    const { tls } = await started({ ...settings, verifiesPods: false });
    expect(await ask(tls, foreign.issue({ ips: ["10.0.0.1"] }))).toBe("metrics");
  });

  test("expects UPSTREAM_SERVER_NAME", async () => {
    const upstreamCaFile = await write("ca", authority.cert);
    const { tls } = await started({ upstreamCaFile, upstreamServerName: "pods.example" });
    expect(await ask(tls, authority.issue({ dnsNames: ["pods.example"] }))).toBe("metrics");
    expect(await ask(tls, mine)).toContain("(ERR_TLS_CERT_ALTNAME_INVALID)");
  });

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    test(`shows pods a certificate with its chain (${version})`, async () => {
      const middle = authority.intermediate("middle");
      const issued = middle.issue({ dnsNames: ["proxy"] });
      const upstreamCaFile = await write("ca", authority.cert);
      const served = {
        ...mine,
        ca: authority.cert,
        requestCert: true,
        minVersion: version,
        maxVersion: version,
      };
      const { tls } = await started({
        upstreamCaFile,
        upstreamCertFile: await write("cert", issued.cert + middle.cert),
        upstreamKeyFile: await write("key", issued.key),
      });
      expect(await ask(tls, served)).toBe("metrics");
      const without = await started({ upstreamCaFile });
      expect(await ask(without.tls, served)).toMatch(/^tls: .*UPSTREAM_CERT_FILE/);
    });
  }

  test("refuses TLS 1.1", async () => {
    const { tls } = await started({ upstreamCaFile: await write("ca", authority.cert) });
    const old = { ...mine, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
    expect(await ask(tls, old)).toMatch(/^tls: /);
  });

  test("does not start with a file that cannot be used, and names it", async () => {
    const [good, key] = [await write("good", client.cert), await write("key", client.key)];
    const bad = await write("bad", "x");
    const check = (settings: Settings, problem: string) =>
      expect(create(settings).tls.start()).rejects.toThrow(problem);
    await check(
      { upstreamCaFile: bad },
      `Cannot use UPSTREAM_CA_FILE "${bad}": it has no certificate in PEM form`,
    );
    await check(
      { upstreamCaFile: folder },
      `Cannot use UPSTREAM_CA_FILE "${folder}": it is not a regular file`,
    );
    await check(
      { upstreamCertFile: bad, upstreamKeyFile: key },
      `Cannot use UPSTREAM_CERT_FILE "${bad}": it has no certificate in PEM form`,
    );
    await check(
      { upstreamCertFile: good, upstreamKeyFile: bad },
      `Cannot use UPSTREAM_KEY_FILE "${bad}": it has no private key in PEM form`,
    );
    await check(
      { upstreamCertFile: good, upstreamKeyFile: `${bad}2` },
      `Cannot use UPSTREAM_KEY_FILE "${bad}2": ENOENT`,
    );
    await truncate(bad, maxUpstreamFileBytes + 1);
    await check({ upstreamCaFile: bad }, `"${bad}": it has more than 1048576 bytes`);
  });

  test("dials nothing before it has been started", () => {
    expect(() => create({}).tls.secureContext).toThrow("start() has to be called first");
  });

  test("polls only where there are files", async () => {
    expect((await started({})).alarm.slept).toEqual([]);
    expect((await started({ upstreamCaFile: await write("ca", authority.cert) })).alarm.slept).toEqual([
      10_000,
    ]);
  });
});

describe("UpstreamTls rotation", () => {
  test("uses changed authorities for the next connection", async () => {
    const upstreamCaFile = await write("ca", authority.cert);
    const { tls, alarm, logged } = await started({ upstreamCaFile });
    const next = foreign.issue({ ips: [ip] });
    expect(await ask(tls, next)).toContain("tls: ");
    await alarm.ring();
    expect(logged).toEqual([]);
    await write("ca", foreign.cert);
    await alarm.ring();
    expect(await ask(tls, next)).toBe("metrics");
    expect(await ask(tls, authority.issue({ ips: [ip] }))).toContain("tls: ");
    expect(logged).toEqual(["TLS to pods uses the changed UPSTREAM_* files"]);
  });

  test("keeps the last good pair while certificate and key do not belong together, and says so once", async () => {
    const served = { ...authority.issue({ ips: [ip] }), ca: foreign.cert, requestCert: true };
    const { tls, alarm, logged } = await started({
      upstreamCaFile: await write("ca", authority.cert),
      upstreamCertFile: await write("cert", client.cert),
      upstreamKeyFile: await write("key", client.key),
    });
    expect(await ask(tls, { ...served, ca: authority.cert })).toBe("metrics");
    const next = foreign.issue({ dnsNames: ["proxy"] });
    await write("cert", next.cert);
    await alarm.ring();
    await alarm.ring();
    expect(logged).toEqual([
      expect.stringMatching(/^Cannot use UPSTREAM_KEY_FILE .* not that of the first /),
    ]);
    expect(await ask(tls, { ...served, ca: authority.cert })).toBe("metrics");
    await write("key", next.key);
    await alarm.ring();
    expect(await ask(tls, served)).toBe("metrics");
    expect(logged.slice(1)).toEqual(["TLS to pods uses the changed UPSTREAM_* files"]);
  });

  test("keeps the last good files while one is gone or too large", async () => {
    const upstreamCaFile = await write("ca", authority.cert);
    const { tls, alarm, logged, hits } = await started({ upstreamCaFile });
    await rm(upstreamCaFile);
    await alarm.ring();
    await write("ca", "");
    await truncate(upstreamCaFile, maxUpstreamFileBytes + 1);
    await alarm.ring();
    expect(hits).toEqual(["upstream_file_size"]);
    expect(await ask(tls, authority.issue({ ips: [ip] }))).toBe("metrics");
    await write("ca", authority.cert);
    await alarm.ring();
    await alarm.ring();
    expect(logged).toEqual([
      expect.stringContaining("ENOENT"),
      expect.stringContaining("more than 1048576 bytes"),
      "The UPSTREAM_* files can be used again",
    ]);
  });
});
