// The key, the certificate and its chain that HTTPS is served with, from the files of the original's variables. Whatever is wrong
// with them is said here, before a client sees it, with variable and path. Never shows the key or its password.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

import type { CertificateFiles } from "../config/listener-settings.ts";
import { parseCertificates } from "../files/parse-certificates.ts";
import { readBoundedFile } from "../files/read-bounded-file.ts";

/** Far more than any chain has; a bundle of all public authorities has a quarter of it. */
const maxFileBytes = 1024 * 1024;

/** Longer chains are refused by clients. */
const maxChainLength = 10;

/** The files as they were at one moment. */
export interface CertificateContents {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly ca: Buffer | undefined;
  readonly password: Buffer | undefined;
  /** Equal for equal contents. */
  readonly hash: string;
}

/** What a TLS server needs. Key and certificate fit each other. */
export interface ServingCertificate {
  /** PEM, not encrypted: never to be logged. */
  readonly key: string;
  /** PEM: the certificate, then the authorities that lead to its root, in this order, without the root. */
  readonly chain: string;
  /** When the first of the chain expires, in ms since 1970. */
  readonly expiresMs: number;
}

/** Rejects when a file is absent, unreadable, no regular file or larger than 1 MiB. */
export async function readCertificateFiles(files: CertificateFiles): Promise<CertificateContents> {
  // One after the other: of several that cannot be read it is always the same that is named.
  const key = await read("CERT_KEY_FILE", files.keyFile);
  const cert = await read("CERT_FILE", files.certFile);
  const ca = await readIfNamed("CERT_CA_FILE", files.caFile);
  const password = await readIfNamed("CERT_KEY_PASSWD_FILE", files.passwordFile);
  return {
    key: key.bytes,
    cert: cert.bytes,
    ca: ca?.bytes,
    password: password?.bytes,
    hash: [key, cert, ca, password].map((content) => content?.hash ?? "").join(" "),
  };
}

async function readIfNamed(variable: string, path: string | undefined) {
  return path === undefined ? undefined : await read(variable, path);
}

async function read(variable: string, path: string) {
  try {
    return await readBoundedFile(path, { maxBytes: maxFileBytes });
  } catch (error) {
    throw new Error(`Cannot read ${variable} ${JSON.stringify(path)}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Throws when the contents are not what they should be or do not fit each other. */
export function createServingCertificate(
  { key, cert, ca, password }: CertificateContents,
  files: CertificateFiles,
): ServingCertificate {
  const certificates = parse("CERT_FILE", files.certFile, cert);
  const authorities = ca === undefined ? [] : parse("CERT_CA_FILE", files.caFile ?? "", ca);
  const privateKey = openKey(key, password, files);
  const leaf = certificates[0]!;
  if (!leaf.checkPrivateKey(privateKey)) {
    throw unusable(
      "CERT_KEY_FILE",
      files.keyFile,
      `it is not the key of the first certificate in CERT_FILE ${JSON.stringify(files.certFile)}`,
    );
  }
  const chain = completeChain(certificates, authorities);
  const serving = {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    chain: chain.map(String).join(""),
    expiresMs: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
  };
  try {
    createSecureContext({ key: serving.key, cert: serving.chain });
  } catch (error) {
    // Such as a key that is too short: what OpenSSL says names no secret.
    throw unusable("CERT_FILE", files.certFile, `TLS refuses it: ${(error as Error).message}`);
  }
  return serving;
}

/** What clients will object to, although it can be served; undefined when there is nothing. */
export function findValidityProblem({ chain }: ServingCertificate, nowMs: number): string | undefined {
  for (const text of parseCertificates(chain)) {
    const { subject, validFromDate, validToDate } = new X509Certificate(text);
    const name = JSON.stringify(subject.slice(0, 200));
    if (validToDate.getTime() <= nowMs)
      return `the certificate of ${name} expired at ${validToDate.toISOString()}`;
    if (validFromDate.getTime() > nowMs)
      return `the certificate of ${name} is not valid before ${validFromDate.toISOString()}`;
  }
  return undefined;
}

/** At least one. */
function parse(variable: string, path: string, pem: Buffer): X509Certificate[] {
  try {
    return parseCertificates(pem.toString("latin1")).map((text) => new X509Certificate(text));
  } catch (error) {
    throw unusable(variable, path, (error as Error).message);
  }
}

/**
 * What clients need to get from the certificate to a root that they know. The original gave CERT_CA_FILE to Node, where OpenSSL
 * completes the chain in this way. Authorities that do not belong to the chain are left out: they would only cost bytes.
 */
function completeChain(
  certificates: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): readonly X509Certificate[] {
  const chain = [...certificates];
  // A root need not be sent: who does not know it does not trust it either. Of two with one key the longer valid one.
  const left = authorities
    .filter((authority) => !isIssuedBy(authority, authority))
    .filter(({ fingerprint256 }) => chain.every((known) => known.fingerprint256 !== fingerprint256))
    .sort((a, b) => b.validToDate.getTime() - a.validToDate.getTime());
  while (chain.length < maxChainLength) {
    const next = left.findIndex((authority) => isIssuedBy(chain.at(-1)!, authority));
    if (next === -1) break;
    chain.push(...left.splice(next, 1));
  }
  return chain;
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function openKey(pem: Buffer, password: Buffer | undefined, files: CertificateFiles): KeyObject {
  const passphrase = password === undefined ? undefined : withoutLineBreak(password);
  try {
    return createPrivateKey({ key: pem, format: "pem", ...(passphrase !== undefined && { passphrase }) });
  } catch (error) {
    throw unusable("CERT_KEY_FILE", files.keyFile, describeKeyProblem(pem.toString("latin1"), error, files));
  }
}

/** Editors and `echo` end a file with a line break; nothing else is taken off, a blank may belong to the password. */
function withoutLineBreak(password: Buffer): Buffer {
  const text = password.toString("latin1");
  return password.subarray(0, text.length - (/\r?\n$/.exec(text)?.[0].length ?? 0));
}

function describeKeyProblem(pem: string, error: unknown, { passwordFile }: CertificateFiles): string {
  if (!/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return "it has no private key in PEM form that can be read";
  }
  if (passwordFile === undefined) return "it is encrypted, and CERT_KEY_PASSWD_FILE is not set";
  // OpenSSL 3 has no DES, RC2 and the like any more.
  const tooOld =
    (error as NodeJS.ErrnoException).code === "ERR_OSSL_EVP_UNSUPPORTED" ||
    /^DEK-Info: (?!AES-|DES-EDE3-|CAMELLIA-|ARIA-)/m.test(pem);
  if (tooOld)
    return "it is encrypted in a way that is no longer supported; encrypt it anew, with AES for example";
  return `the password in CERT_KEY_PASSWD_FILE ${JSON.stringify(passwordFile)} does not open it`;
}

function unusable(variable: string, path: string, state: string): Error {
  return new Error(`Cannot use ${variable} ${JSON.stringify(path)}: ${state}`);
}
