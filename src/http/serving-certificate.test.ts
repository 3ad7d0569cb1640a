import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";

import { CertificateAuthority } from "../../test/support/certificate-authority.ts";
import { CertificateFolder, encryptKey } from "../../test/support/certificate-files.ts";
import {
  createServingCertificate,
  findValidityProblem,
  readCertificateFiles,
  type ServingCertificate,
} from "./serving-certificate.ts";

const root = CertificateAuthority.create({ name: "root" });
const upper = root.intermediate("upper");
const lower = upper.intermediate("lower");
const leaf = lower.issue({ ips: ["127.0.0.1"], name: "leaf" });
const vague = lower.issue({ name: "vague", withoutAuthorityKeyId: true });
const rsa = root.issue({ ips: ["127.0.0.1"], name: "rsa", keyType: "rsa" });

interface Texts {
  readonly key?: string;
  readonly cert?: string;
  readonly ca?: string;
  readonly password?: string | Buffer;
}

/** Writes the files (key and certificate of `leaf` where nothing is said) and makes a certificate of them. */
async function serve(texts: Texts): Promise<ServingCertificate & { folder: CertificateFolder }> {
  const folder = await CertificateFolder.create();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  await folder.write({ key: leaf.key, cert: leaf.cert, ...texts });
  const files = {
    keyFile: folder.key,
    certFile: folder.cert,
    caFile: texts.ca === undefined ? undefined : folder.ca,
    passwordFile: texts.password === undefined ? undefined : folder.password,
  };
  return { ...createServingCertificate(await readCertificateFiles(files)), folder };
}

const namesOf = (chain: string) =>
  (chain.match(/-----BEGIN [^]*?-----END CERTIFICATE-----/g) ?? []).map((pem) =>
    new X509Certificate(pem).subject.slice("CN=".length),
  );

test.for([
  [{}, ["leaf"]],
  [{ ca: root.cert }, ["leaf"]],
  [{ ca: lower.cert }, ["leaf", "lower"]],
  [{ ca: root.cert + upper.cert + lower.cert }, ["leaf", "lower", "upper"]],
  [{ ca: lower.cert + lower.cert }, ["leaf", "lower"]],
  // The one above is of no use while the one between is missing.
  [{ ca: upper.cert }, ["leaf"]],
  [{ ca: CertificateAuthority.create().intermediate("foreign").cert }, ["leaf"]],
  // The same name, but another key.
  [{ ca: upper.intermediate("lower").cert }, ["leaf"]],
  [{ ...vague, ca: upper.intermediate("lower").cert }, ["vague"]],
  [{ ...vague, ca: upper.intermediate("lower").cert + lower.cert }, ["vague", "lower"]],
  [{ cert: leaf.cert + upper.cert + lower.cert, ca: upper.cert }, ["leaf", "upper", "lower"]],
  [{ cert: leaf.cert + lower.cert, ca: lower.cert + upper.cert }, ["leaf", "lower", "upper"]],
  [{ cert: leaf.cert + lower.cert + upper.cert + root.cert }, ["leaf", "lower", "upper", "root"]],
  [{ cert: `Bag Attributes\r\n${leaf.cert.replaceAll("\n", "\r\n")}` }, ["leaf"]],
] as [Texts, string[]][])("the chain of certificates, case %#", async ([texts, expected]) => {
  expect(namesOf((await serve(texts)).chain)).toEqual(expected);
});

test("the certificate expires with the first of its chain", async () => {
  const brief = lower.issue({ name: "brief", notAfter: new Date("2045-06-07T08:09:10Z") });
  const { expiresMs } = await serve({ ...brief });
  expect(new Date(expiresMs).toISOString()).toBe("2045-06-07T08:09:10.000Z");
  const { expiresMs: first } = await serve({ ...brief, ca: lower.cert });
  expect(first).toBe(new X509Certificate(lower.cert).validToDate.getTime());
});

const password = "s3cret with a blank ";
const rsaKey = createPrivateKey(rsa.key);
const pkcs1 = rsaKey.export({ type: "pkcs1", format: "pem" }).toString();
const sec1 = createPrivateKey(leaf.key).export({ type: "sec1", format: "pem" }).toString();
const ecParameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";

test.for([
  ["PKCS#8", { ...rsa }],
  ["PKCS#1", { ...rsa, key: pkcs1 }],
  ["SEC1", { key: sec1 }],
  ["SEC1 behind parameters", { key: ecParameters + sec1 }],
  ["a key with the certificate in its file", { key: leaf.cert + leaf.key }],
  ["a password that is not needed", { password: "x" }],
  ["encrypted PKCS#8", { key: encryptKey(leaf.key, { type: "pkcs8", passphrase: password }), password }],
  [
    "encrypted PKCS#8 of RSA",
    { ...rsa, key: encryptKey(rsa.key, { type: "pkcs8", passphrase: password }), password },
  ],
  [
    "encrypted PKCS#1",
    { ...rsa, key: encryptKey(rsa.key, { type: "pkcs1", passphrase: password }), password },
  ],
  [
    "PKCS#1 encrypted with triple DES",
    {
      ...rsa,
      key: encryptKey(rsa.key, { type: "pkcs1", cipher: "des-ede3-cbc", passphrase: password }),
      password,
    },
  ],
  ["encrypted SEC1", { key: encryptKey(leaf.key, { type: "sec1", passphrase: password }), password }],
  [
    "a password and a line feed",
    { key: encryptKey(leaf.key, { type: "pkcs8", passphrase: password }), password: `${password}\n` },
  ],
  [
    "a password and CR LF",
    { key: encryptKey(leaf.key, { type: "pkcs8", passphrase: password }), password: `${password}\r\n` },
  ],
  [
    "a password that ends with a line feed itself",
    { key: encryptKey(leaf.key, { type: "pkcs8", passphrase: "x\n" }), password: "x\n\n" },
  ],
  [
    "a password in UTF-8",
    { key: encryptKey(leaf.key, { type: "pkcs8", passphrase: "pässwörd" }), password: "pässwörd\n" },
  ],
  [
    "a password that is not UTF-8",
    {
      key: encryptKey(leaf.key, { type: "pkcs8", passphrase: Buffer.from([0xff, 0x80]) }),
      password: Buffer.from([0xff, 0x80, 10]),
    },
  ],
] as [string, Texts][])("a key is read as %s", async ([, texts]) => {
  const { key } = await serve(texts);
  expect(new X509Certificate(texts.cert ?? leaf.cert).checkPrivateKey(createPrivateKey(key))).toBe(true);
});

const encrypted = encryptKey(leaf.key, { type: "pkcs8", passphrase: "right" });
const legacy = encryptKey(rsa.key, { type: "pkcs1", passphrase: "right" });

test.for([
  [
    "a wrong password",
    { key: encrypted, password: "wrong" },
    /^Cannot use CERT_KEY_FILE "[^"]*tls.key": the password in CERT_KEY_PASSWD_FILE "[^"]*password" does not open it$/,
  ],
  ["a blank before the password", { key: encrypted, password: " right" }, /does not open it$/],
  ["an empty password", { key: encrypted, password: "\n" }, /does not open it$/],
  ["a password that is too long", { key: encrypted, password: "x".repeat(5000) }, /does not open it$/],
  ["a wrong password, traditional form", { ...rsa, key: legacy, password: "wrong" }, /does not open it$/],
  ["no password", { key: encrypted }, /it is encrypted, and CERT_KEY_PASSWD_FILE is not set$/],
  [
    "no password, traditional form",
    { ...rsa, key: legacy },
    /it is encrypted, and CERT_KEY_PASSWD_FILE is not set$/,
  ],
  [
    "an encryption of long ago",
    { ...rsa, key: legacy.replace("AES-256-CBC", "DES-CBC"), password: "right" },
    /no longer supported/,
  ],
  [
    "the key of another",
    { key: lower.issue({}).key },
    /it is not the key of the first certificate in CERT_FILE "[^"]*tls.crt"$/,
  ],
  ["another order", { cert: lower.cert + leaf.cert }, /not the key of the first certificate/],
  ["no key", { key: "nothing" }, /CERT_KEY_FILE "[^"]*": it has no private key in PEM form/],
  ["half a key", { key: leaf.key.slice(0, 100) }, /it has no private key in PEM form/],
  ["a certificate for a key", { key: leaf.cert }, /it has no private key in PEM form/],
  [
    "no certificate",
    { cert: leaf.key },
    /^Cannot use CERT_FILE "[^"]*tls.crt": it has no certificate in PEM form$/,
  ],
  ["an empty file", { cert: "" }, /CERT_FILE.*it has no certificate/],
  [
    "a broken certificate",
    { cert: `${leaf.cert}${leaf.cert.replace(/\n(.{40})/, "\n")}` },
    /CERT_FILE.*its certificate number 2 is broken$/,
  ],
  [
    "no authority",
    { ca: "none" },
    /^Cannot use CERT_CA_FILE "[^"]*ca.crt": it has no certificate in PEM form$/,
  ],
  [
    "a large file",
    { ca: `${root.cert}${"\n".repeat(1024 * 1024)}` },
    /^Cannot read CERT_CA_FILE "[^"]*ca.crt": it has more than 1048576 bytes$/,
  ],
] as [string, Texts, RegExp][])("%s is refused", async ([, texts, message]) => {
  const problem = await serve(texts).then(
    () => undefined,
    (error: Error) => error,
  );
  expect(problem?.message).toMatch(message);
  const shown = `${problem?.stack} ${String(problem?.cause)}`;
  expect(shown).not.toMatch(/wrong|right|PRIVATE/);
});

test("a file that is not there is named with its variable", async () => {
  await using folder = await CertificateFolder.create();
  await folder.write(leaf);
  const files = { keyFile: folder.key, certFile: folder.cert, caFile: undefined, passwordFile: undefined };
  await expect(readCertificateFiles({ ...files, keyFile: "/no/such" })).rejects.toThrow(
    'Cannot read CERT_KEY_FILE "/no/such": ENOENT',
  );
  await expect(readCertificateFiles({ ...files, certFile: "/no/such" })).rejects.toThrow(
    "Cannot read CERT_FILE",
  );
  await mkdir(folder.ca);
  await expect(readCertificateFiles({ ...files, caFile: folder.ca })).rejects.toThrow(
    "Cannot read CERT_CA_FILE",
  );
  await expect(readCertificateFiles({ ...files, passwordFile: "/no/such" })).rejects.toThrow(
    "Cannot read CERT_KEY_PASSWD_FILE",
  );
});

test("a key that TLS finds too short is refused before a client sees it", async () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const weak = root.issue({ name: "weak", privateKey });
  await expect(serve(weak)).rejects.toThrow(/^Cannot use CERT_FILE "[^"]*": TLS refuses it: .*too small/);
});

test("findValidityProblem() names the certificate of the chain that is not valid now", async () => {
  const certificate = await serve({ ca: lower.cert + upper.cert });
  expect(findValidityProblem(certificate, Date.now())).toBeUndefined();
  const { validFromDate, validToDate } = new X509Certificate(leaf.cert);
  expect(findValidityProblem(certificate, validToDate.getTime())).toBe(
    `the certificate of "CN=leaf" expired at ${validToDate.toISOString()}`,
  );
  expect(findValidityProblem(certificate, validFromDate.getTime() - 1)).toContain("is not valid before");
});
