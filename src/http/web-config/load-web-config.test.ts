import { mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

import { CertificateAuthority } from "../../../test/support/certificate-authority.ts";
import { CertificateFolder, encryptKey } from "../../../test/support/certificate-files.ts";
import { createWebConfig, type LoadedWebConfig, readWebConfig } from "./load-web-config.ts";

const root = CertificateAuthority.create();
const issued = root.issue({ ips: ["127.0.0.1"], notAfter: new Date("2045-06-07T08:09:10Z") });

async function newFolder(): Promise<CertificateFolder & { path: string }> {
  const folder = await CertificateFolder.create();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  await folder.write({ ...issued, ca: root.cert });
  return Object.assign(folder, { path: dirname(folder.key) });
}

/** Loads a file beside `tls.key`, `tls.crt` and `ca.crt`. */
async function load(
  text: string,
  contents: { key?: string; cert?: string; ca?: string } = {},
): Promise<LoadedWebConfig> {
  const folder = await newFolder();
  await folder.write(contents);
  const path = join(folder.path, "web.yml");
  await writeFile(path, text);
  return createWebConfig(await readWebConfig(path));
}

const tls = (keys: string) => `tls_server_config: {cert_file: tls.crt, key_file: tls.key${keys}}`;
const indent = (pem: string) => pem.trim().replaceAll("\n", "\n    ");
const inline = `tls_server_config:
  cert: |
    ${indent(issued.cert)}
  key: |
    ${indent(issued.key)}
  client_auth_type: RequireAndVerifyClientCert
  client_ca: |
    ${indent(root.cert)}
`;

test("files are looked for in the folder of WEB_CONFIG_FILE, or stand in it", async () => {
  const fromFiles = await load(tls(", client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt"));
  expect(fromFiles.tls?.certificate).toMatchObject({ chain: issued.cert });
  expect(fromFiles.tls?.policy).toEqual({
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers: undefined,
    curves: undefined,
    honorCipherOrder: true,
    clients: { asks: true, requires: true, verifies: true, authorities: root.cert, allowedNames: undefined },
  });
  expect(await load(inline)).toEqual(fromFiles);
});

test("absolute paths, and those that lead out of the folder, are as they are", async () => {
  const other = await newFolder();
  const folder = await newFolder();
  await mkdir(join(folder.path, "below"));
  const path = join(folder.path, "below", "web.yml");
  await writeFile(path, `tls_server_config: {cert_file: ${other.cert}, key_file: ../tls.key}`);
  expect(createWebConfig(await readWebConfig(path)).tls).toBeDefined();
  // The folder is that of the path, not that of the file that a link leads to.
  await symlink(path, join(folder.path, "web.yml"));
  await expect(readWebConfig(join(folder.path, "web.yml"))).rejects.toThrow("key_file");
});

test.for([
  ["NoClientCert", false, false, false],
  ["RequestClientCert", true, false, false],
  ["RequireAnyClientCert", true, true, false],
  ["RequireClientCert", true, true, false],
  ["VerifyClientCertIfGiven", true, false, true],
  ["RequireAndVerifyClientCert", true, true, true],
] as const)("client_auth_type: %s", async ([type, asks, requires, verifies]) => {
  expect((await load(tls(`, client_auth_type: ${type}`))).tls?.policy.clients).toMatchObject({
    asks,
    requires,
    verifies,
  });
});

test("a file without TLS has the rest", async () => {
  const hash = `$2y$10$${"a".repeat(53)}`;
  const loaded = await load(
    `{basic_auth_users: {alice: ${hash}}, http_server_config: {headers: {X-Frame-Options: deny}}, rate_limit: {interval: 1s, burst: 2}}`,
  );
  expect(loaded).toEqual({
    tls: undefined,
    users: new Map([["alice", hash]]),
    headers: { "x-frame-options": "deny" },
    rateLimit: { intervalMs: 1000, burst: 2 },
  });
});

test("the hash is that of all files", async () => {
  const folder = await newFolder();
  const path = join(folder.path, "web.yml");
  const text = tls(", client_auth_type: RequestClientCert, client_ca_file: ca.crt");
  await writeFile(path, text);
  const hashes = new Set([(await readWebConfig(path)).hash, (await readWebConfig(path)).hash]);
  expect(hashes.size).toBe(1);
  await writeFile(path, `${text}\n`);
  hashes.add((await readWebConfig(path)).hash);
  const another = root.issue({});
  for (const change of [{ key: another.key }, { cert: another.cert }, { ca: another.cert }]) {
    await folder.write(change);
    hashes.add((await readWebConfig(path)).hash);
  }
  expect(hashes.size).toBe(5);
});

const other = root.issue({});
const encrypted = encryptKey(issued.key, { type: "pkcs8", passphrase: "x" });

test.for([
  ["x: 1", {}, /^Cannot use WEB_CONFIG_FILE "[^"]*web.yml": x: there is no such key$/],
  [
    "tls_server_config: {cert_file: none.crt, key_file: tls.key}",
    {},
    /^Cannot read tls_server_config.cert_file "[^"]*none.crt": ENOENT/,
  ],
  [
    "tls_server_config: {cert_file: tls.crt, key_file: /dev/null}",
    {},
    /^Cannot read tls_server_config.key_file "\/dev\/null": it is not a regular file/,
  ],
  [
    tls(", client_auth_type: RequestClientCert, client_ca_file: none.crt"),
    {},
    /^Cannot read tls_server_config.client_ca_file "[^"]*none.crt": ENOENT/,
  ],
  [
    tls(", client_auth_type: RequestClientCert, client_ca_file: ca.crt"),
    { ca: "no PEM" },
    /^Cannot use tls_server_config.client_ca_file "[^"]*ca.crt": it has no certificate in PEM form$/,
  ],
  [
    tls(", client_auth_type: RequestClientCert, client_ca: text"),
    {},
    /^Cannot use tls_server_config.client_ca: it has no certificate in PEM form$/,
  ],
  [
    tls(""),
    { cert: "text" },
    /^Cannot use tls_server_config.cert_file "[^"]*tls.crt": it has no certificate/,
  ],
  [tls(""), { key: "text" }, /^Cannot use tls_server_config.key_file "[^"]*tls.key": it has no private key/],
  [
    tls(""),
    { key: encrypted },
    /^Cannot use tls_server_config.key_file "[^"]*": it is encrypted, and WEB_CONFIG_FILE has no key for its password$/,
  ],
  [
    tls(""),
    { key: other.key },
    /^Cannot use tls_server_config.key_file "[^"]*": it is not the key of the first certificate in tls_server_config.cert_file "[^"]*"$/,
  ],
  [
    "tls_server_config: {cert: text, key: text}",
    {},
    /^Cannot use tls_server_config.cert: it has no certificate in PEM form$/,
  ],
] as [string, { key?: string; cert?: string; ca?: string }, RegExp][])(
  "%j with %j is refused",
  async ([text, contents, message]) => {
    await expect(load(text, contents)).rejects.toThrow(message);
  },
);
