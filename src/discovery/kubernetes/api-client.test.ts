// The API client over real TLS: whom it trusts, whom it gives its token, and what it does when either is replaced.
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { CertificateAuthority } from "../../../test/support/certificate-authority.ts";
import { FakeKubernetesApi } from "../../../test/support/kubernetes/fake-api.ts";
import { ApiClient } from "./api-client.ts";
import { ApiTransport } from "./api-transport.ts";
import { type BearerToken, FileToken, FixedToken } from "./bearer-token.ts";

let folder: string;
let api: FakeKubernetesApi;
const transports: ApiTransport[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "api-client-"));
  api = new FakeKubernetesApi();
});
afterEach(async () => {
  await Promise.all(transports.splice(0).map((transport) => transport.close()));
  await api.stop();
  await rm(folder, { recursive: true });
});

const authority = CertificateAuthority.create();
const another = CertificateAuthority.create({ name: "another root" });
const serve = (o: { by?: CertificateAuthority; ips?: string[] } = {}) =>
  api.start({ tls: (o.by ?? authority).issue({ ips: o.ips ?? ["127.0.0.1"] }) });

async function write(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

interface Setup {
  readonly token?: BearerToken | undefined;
  readonly caFile: string | undefined;
  readonly caRequired?: boolean;
  readonly pathPrefix?: string;
}

function create({ caFile, caRequired = true, pathPrefix = "", ...o }: Setup) {
  const token = "token" in o ? o.token : new FixedToken("abc");
  const clock = { ms: 0 };
  const lines: string[] = [];
  const log = (fields: unknown, text: unknown) => void lines.push(String(text ?? fields));
  const logger = { info: log, warn: log } as never;
  const transport = new ApiTransport({ origin: api.url, caFile, caRequired, logger, now: () => clock.ms });
  transports.push(transport);
  const client = new ApiClient({
    transport,
    token,
    pathPrefix,
    userAgent: "test/1",
  });
  const get = () =>
    client.getJson({ path: "/api/v1/pods", query: { limit: "1" }, signal: new AbortController().signal });
  return { get, client, clock, lines };
}

const podList = expect.objectContaining({ kind: "PodList" });
const tokensSeen = () => api.requests.map(({ authorization }) => authorization);

describe("the server", () => {
  test("is verified against K8S_CACERT, and only then sees the token", async () => {
    await serve();
    const { get } = create({ caFile: await write("ca", authority.cert) });
    expect(await get()).toEqual(podList);
    expect(tokensSeen()).toEqual(["Bearer abc"]);
  });

  test.for([
    ["of another authority", { by: another }],
    ["for another address", { ips: ["127.0.0.2"] }],
  ] as const)(
    "with a certificate %s never sees the token, whatever NODE_TLS_REJECT_UNAUTHORIZED says",
    async ([, o]) => {
      await serve({ ...o, ips: [...("ips" in o ? o.ips : ["127.0.0.1"])] });
      const { get } = create({ caFile: await write("ca", authority.cert) });
      const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
      try {
        await expect(get()).rejects.toMatchObject({ problem: "untrusted" });
      } finally {
        if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
        else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
      }
      expect(api.requests).toEqual([]);
    },
  );

  test("without K8S_CACERT is verified against the public authorities", async () => {
    await serve();
    for (const caFile of [undefined, join(folder, "absent")]) {
      await expect(create({ caFile, caRequired: false }).get()).rejects.toMatchObject({
        problem: "untrusted",
        message: expect.stringMatching(/UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN/),
      });
    }
    expect(api.requests).toEqual([]);
  });

  test.for([
    ["is missing", undefined],
    ["is empty", ""],
    ["holds no certificate", "hello"],
    ["holds a broken certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
  ] as const)("is not asked when K8S_CACERT was set but %s", async ([, text]) => {
    await serve();
    const caFile = text === undefined ? join(folder, "absent") : await write("ca", text);
    const { get, lines } = create({ caFile });
    await expect(get()).rejects.toMatchObject({
      problem: "credentials",
      message: expect.stringContaining("K8S_CACERT"),
    });
    await expect(get()).rejects.toMatchObject({ problem: "credentials" });
    expect(lines).toEqual([expect.stringMatching(/^Cannot read K8S_CACERT "/)]);
  });

  test("may change its authority: the new one counts after a minute, or as soon as the old one fails", async () => {
    await serve();
    const caFile = await write("ca", authority.cert);
    const { get, lines } = create({ caFile });
    await get();
    await write("ca", another.cert);
    await api.stop();
    await serve({ by: another });
    // By its certificate, or by the end of the connection that was kept.
    await expect(get()).rejects.toMatchObject({ name: "ApiError" });
    expect(await get()).toEqual(podList);
    expect(lines).toEqual(["The API server is verified by a new K8S_CACERT"]);
  });

  test("a removed authority is not trusted for longer than a minute", async () => {
    await serve();
    const { get, clock } = create({ caFile: await write("ca", authority.cert) });
    await get();
    await write("ca", another.cert);
    clock.ms = 59_999;
    await get();
    clock.ms = 60_000;
    await expect(get()).rejects.toMatchObject({ problem: "untrusted" });
  });

  test("keeps its authority when the file cannot be used any more, and that is logged once", async () => {
    await serve();
    const caFile = await write("ca", authority.cert);
    const { get, clock, lines } = create({ caFile, caRequired: false });
    await get();
    for (const spoil of [() => write("ca", ""), () => rm(caFile), () => symlink(folder, caFile)]) {
      await spoil();
      clock.ms += 60_000;
      expect(await get()).toEqual(podList);
    }
    await rm(caFile);
    await write("ca", authority.cert);
    clock.ms += 60_000;
    await get();
    expect(lines).toEqual([
      expect.stringMatching(/it has no certificate.*stays in use/),
      expect.stringMatching(/ENOENT.*stays in use/),
      expect.stringMatching(/not a regular file.*stays in use/),
      "K8S_CACERT can be read again",
    ]);
  });

  test("is not waited for when it cannot be reached", async () => {
    await serve();
    const { get } = create({ caFile: await write("ca", authority.cert) });
    await api.stop();
    await expect(get()).rejects.toMatchObject({
      problem: "unreachable",
      message: "the API server cannot be reached (ECONNREFUSED)",
    });
  });
});

describe("the token", () => {
  test("that was replaced is read again when the server refuses the old one, and no scrape notices", async () => {
    await serve();
    api.tokens.add("old");
    const path = await write("token", "old");
    const { get } = create({
      caFile: await write("ca", authority.cert),
      token: new FileToken({ path, logger: { info() {}, warn() {} } as never }),
    });
    await get();
    await write("token", "K8S_GLOBAL_TOKEN=new\n");
    api.tokens.delete("old");
    api.tokens.add("new");
    expect(await get()).toEqual(podList);
    expect(tokensSeen()).toEqual(["Bearer old", "Bearer old", "Bearer new"]);
  });

  test("is not sent twice in vain", async () => {
    await serve();
    api.tokens.add("other");
    const caFile = await write("ca", authority.cert);
    const path = await write("token", "old");
    for (const token of [
      new FixedToken("old"),
      new FileToken({ path, logger: { info() {}, warn() {} } as never }),
    ]) {
      await expect(create({ caFile, token }).get()).rejects.toMatchObject({
        problem: "unauthorized",
        status: 401,
      });
    }
    expect(tokensSeen()).toEqual(["Bearer old", "Bearer old"]);
  });

  test("is not sent where there is none", async () => {
    await api.start();
    await create({ caFile: undefined, token: undefined }).get();
    expect(tokensSeen()).toEqual([undefined]);
  });
});

test("paths begin with the prefix of the URL", async () => {
  await serve();
  const { get } = create({ caFile: await write("ca", authority.cert), pathPrefix: "/k8s/clusters/c-1" });
  await expect(get()).rejects.toMatchObject({ status: 404 });
  expect(api.requests.map(({ path }) => path)).toEqual(["/k8s/clusters/c-1/api/v1/pods"]);
});

test("a refusal whose words never come to an end is one all the same", async () => {
  await serve();
  const endless = api.fail({
    status: 403,
    headers: { "content-type": "application/json", "content-length": "100" },
    body: "{",
  });
  const { client } = create({ caFile: await write("ca", authority.cert) });
  const opening = client.openStream({
    path: "/api/v1/pods",
    query: {},
    signal: new AbortController().signal,
  });
  await expect(opening).rejects.toMatchObject({ problem: "forbidden" });
  expect(endless.hits).toBe(1);
}, 9000);

test("a request that is given up ends with its own reason", async () => {
  await serve();
  api.inject({ kind: "silence" });
  const { client } = create({ caFile: await write("ca", authority.cert) });
  const controller = new AbortController();
  const pending = client.getJson({ path: "/api/v1/pods", query: {}, signal: controller.signal });
  setTimeout(() => controller.abort(new Error("given up")), 50);
  await expect(pending).rejects.toThrow("given up");
});
