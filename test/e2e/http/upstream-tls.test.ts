// TLS to pods over the started program: what is trusted, expected and shown, and what turns verification off.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, test } from "vitest";

import { CertificateAuthority } from "../../support/certificate-authority.ts";
import { FakePods } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import {
  runProgram,
  type StartedProgram,
  startProgram,
  waitForLine,
} from "../../support/http/start-program.ts";

const authority = CertificateAuthority.create();
const foreign = CertificateAuthority.create({ name: "foreign" });
const byAddress = authority.issue({ ips: ["127.20.0.2"] });
const client = authority.issue({ dnsNames: ["proxy"] });
const yesterday = new Date(Date.now() - 86_400_000);

let pods: FakePods;
let directory: string;
beforeAll(async () => {
  const labels = { all: "yes" };
  const clients = { ca: authority.cert, requestCert: true };
  pods = await FakePods.start([
    { name: "plain", labels },
    { name: "by-address", labels, tls: byAddress },
    { name: "by-name", labels, tls: authority.issue({ dnsNames: ["pods.example"], ips: ["10.9.9.9"] }) },
    { name: "foreign", labels, tls: foreign.issue({ ips: ["127.20.0.4"] }) },
    { name: "expired", labels, tls: authority.issue({ ips: ["127.20.0.5"], notAfter: yesterday }) },
    { name: "asks-back", labels, tls: { ...authority.issue({ ips: ["127.20.0.6"] }), ...clients } },
  ]);
  directory = await mkdtemp(join(tmpdir(), "upstream-tls-"));
});
// Tests run at the same time: a hook of one of them would not know which.
const programs: StartedProgram[] = [];
afterAll(async () => {
  for (const program of programs) program.kill("SIGTERM");
  await Promise.all(programs.map(({ exit }) => exit));
  await pods.stop();
  await rm(directory, { recursive: true });
});

async function write(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

async function start(env: Record<string, string>): Promise<StartedProgram> {
  const program = await startProgram({ env: { PODS_FILE: pods.file, ...env } });
  programs.push(program);
  return program;
}

/** What one pod gave on /kubesd. */
async function ask({ origin }: StartedProgram, name: string): Promise<string> {
  const { ip } = pods.get(name);
  const path = `/kubesd/metrics?pod=${ip}&target_port=${pods.port}&target_scheme=https`;
  const { status, text } = await request(origin, path);
  return `${status} ${text}`;
}

/** The status and reason of each pod on /mproxy: "up", or why not. */
async function merge({ origin }: StartedProgram, prefix: string): Promise<Record<string, string>> {
  const path = `/mproxy/team-a/${prefix}/metrics?upstreamPort=${pods.port}&ssl=true&selector=all`;
  const { text } = await request(origin, path);
  const outcomes: Record<string, string> = {};
  for (const [, name] of text.matchAll(/^up_demo\{podname="([^"]+)"/gm)) outcomes[name!] = "up";
  for (const [, name, reason] of text.matchAll(/_failure\{podname="([^"]+)".*reason="([^"]+)"/gm))
    outcomes[name!] = reason!;
  return outcomes;
}

const wayBack = /UPSTREAM_INSECURE_SKIP_VERIFY=true or NODE_TLS_REJECT_UNAUTHORIZED=0\n$/;
const up = "200 up_demo 1\n";

describe.concurrent("TLS to pods", { timeout: 40_000 }, () => {
  test("by default a pod of an unknown authority fails, and the answer names the way back", async ({
    expect,
  }) => {
    const program = await start({});
    const answer = await ask(program, "by-address");
    expect(answer).toMatch(/^502 Cannot scrape the pod \(tls\): .*\(UNABLE_TO_\w+\).*UPSTREAM_CA_FILE/);
    expect(answer).toMatch(wayBack);
    expect(await ask(program, "plain")).toMatch(/^502 .*\(tls\): .*WRONG_VERSION_NUMBER/);
    expect(await ask(program, "plain")).not.toMatch(wayBack);
    const { status, text } = await request(
      program.origin,
      `/mproxy/team-a/by-/metrics?upstreamPort=${pods.port}&ssl=true`,
    );
    expect([status, text]).toEqual([
      502,
      expect.stringMatching(
        /^Cannot scrape any of 2 pods: tls 2 \(the TLS handshake failed .*UPSTREAM_CA_FILE/,
      ),
    ]);
    const line = await waitForLine(program, "Pods are missing from a scrape");
    expect(line["named"]).toContainEqual(expect.stringMatching(/^by-address: tls, .*UPSTREAM_CA_FILE/));
    expect(program.lines.join("\n")).not.toMatch(/Loose settings.*https pods/);
  });

  test("UPSTREAM_CA_FILE: the pods of that authority, each for its own address and time", async ({
    expect,
  }) => {
    const program = await start({ UPSTREAM_CA_FILE: await write("ca", authority.cert) });
    expect(await ask(program, "by-address")).toBe(up);
    const wrong = await ask(program, "by-name");
    expect(wrong).toMatch(/\(ERR_TLS_CERT_ALTNAME_INVALID\).*UPSTREAM_SERVER_NAME/);
    expect(wrong).toMatch(wayBack);
    expect(await ask(program, "foreign")).toMatch(/\(UNABLE_TO_\w+\).*UPSTREAM_CA_FILE/);
    expect(await ask(program, "expired")).toMatch(/\(CERT_HAS_EXPIRED\)/);
    expect(await ask(program, "asks-back")).toMatch(
      /^502 Cannot scrape the pod \(tls\): .*UPSTREAM_CERT_FILE/,
    );
    expect(await merge(program, "-")).toEqual({
      plain: "tls",
      "by-address": "up",
      "by-name": "tls",
      foreign: "tls",
      expired: "tls",
      "asks-back": "tls",
    });
  });

  test("UPSTREAM_CA_FILE: a pod's own certificate is enough", async ({ expect }) => {
    const program = await start({ UPSTREAM_CA_FILE: await write("own", byAddress.cert) });
    expect(await ask(program, "by-address")).toBe(up);
    expect(await ask(program, "asks-back")).toMatch(/UPSTREAM_CA_FILE/);
  });

  for (const name of ["pods.example", "10.9.9.9"]) {
    test(`UPSTREAM_SERVER_NAME=${name}: in place of the address`, async ({ expect }) => {
      const program = await start({
        UPSTREAM_CA_FILE: await write(`ca-${name}`, authority.cert),
        UPSTREAM_SERVER_NAME: name,
      });
      expect(await ask(program, "by-name")).toBe(up);
      expect(await ask(program, "by-address")).toMatch(/\(ERR_TLS_CERT_ALTNAME_INVALID\)/);
    });
  }

  test("UPSTREAM_CERT_FILE and UPSTREAM_KEY_FILE: shown to pods that ask", async ({ expect }) => {
    const program = await start({
      UPSTREAM_CA_FILE: await write("ca-client", authority.cert),
      UPSTREAM_CERT_FILE: await write("cert", client.cert),
      UPSTREAM_KEY_FILE: await write("key", client.key),
    });
    expect(await ask(program, "asks-back")).toBe(up);
    expect(await merge(program, "asks-back")).toEqual({ "asks-back": "up" });
  });

  const off = { UPSTREAM_INSECURE_SKIP_VERIFY: "true", NODE_TLS_REJECT_UNAUTHORIZED: "0" };
  for (const [variable, value] of Object.entries(off)) {
    test(`${variable}=${value}: any certificate, said at start, and Node.js has nothing to add`, async ({
      expect,
    }) => {
      const program = await start({ [variable]: value });
      for (const name of ["by-address", "by-name", "foreign", "expired"])
        expect(await ask(program, name)).toBe(up);
      expect(await merge(program, "foreign")).toEqual({ foreign: "up" });
      expect(program.lines.join("\n")).toMatch(
        new RegExp(
          `Loose settings: .*https pods.* not verified \\(tighten with UPSTREAM_CA_FILE=.*${variable}`,
        ),
      );
      expect(program.stderr()).toBe("");
    });
  }

  test("NODE_TLS_REJECT_UNAUTHORIZED=1: pods are verified", async ({ expect }) => {
    const program = await start({ NODE_TLS_REJECT_UNAUTHORIZED: "1" });
    expect(await ask(program, "foreign")).toMatch(/^502 .*\(tls\)/);
  });

  test("a changed UPSTREAM_CA_FILE counts within 10 s", async ({ expect }) => {
    const program = await start({ UPSTREAM_CA_FILE: await write("ca-rotated", authority.cert) });
    expect(await ask(program, "foreign")).toMatch(/^502 /);
    expect(await ask(program, "by-address")).toBe(up);
    await write("ca-rotated", foreign.cert);
    const endMs = performance.now() + 25_000;
    let answer = "";
    while (answer !== up && performance.now() < endMs) {
      await delay(250);
      answer = await ask(program, "foreign");
    }
    expect(answer).toBe(up);
    // Nor does a kept connection outlive what it was verified by.
    expect(await ask(program, "by-address")).toMatch(/^502 .*\(tls\)/);
  });

  test("does not start with a file that cannot be used, and names it", async ({ expect }) => {
    const file = await write("bad", "not a certificate");
    const program = runProgram({
      env: {
        CIDR_WHITELIST: "127.20.0.0/16",
        METRICS_PATH_WHITELIST: "^/metrics$",
        PODS_FILE: pods.file,
        UPSTREAM_CA_FILE: file,
        HTTP_PORT: "0",
        METRICS_HTTP_PORT: "0",
      },
    });
    expect(await program.exit).toEqual({ code: 1, signal: null });
    const log = program.lines.join("\n");
    expect(log).toContain(
      JSON.stringify(`Cannot use UPSTREAM_CA_FILE "${file}": it has no certificate in PEM form`),
    );
    expect(log).not.toContain("Listening");
  });
});
