// The key, the certificate and its chain that HTTPS is served with, from the files of the original's variables or from
// WEB_CONFIG_FILE. Whatever is wrong with them is said here, before a client sees it, with the setting. Never shows the key or its
// password.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

import type { CertificateFiles } from "../config/listener-settings.ts";
import { parseCertificates } from "../files/parse-certificates.ts";
import { readBoundedFile } from "../files/read-bounded-file.ts";

/** Far more than any chain has; a bundle of all public authorities has a quarter of it. */
const maxFileBytes = 1024 * 1024;

/** Longer chains are refused by clients. */
const maxChainLength = 10;

/** What a setting named, as it was at one moment. */
export interface NamedContent {
  /** For messages: the setting, and the path of its file if there is one. */
  readonly name: string;
  readonly bytes: Buffer;
  /** Equal for equal bytes. */
  readonly hash: string;
}

/** What a certificate is made of. */
export interface CertificateContents {
  readonly key: NamedContent;
  readonly cert: NamedContent;
  readonly ca?: NamedContent | undefined;
  /** A text where there is none: what to say of an encrypted key. */
  readonly password: NamedContent | string;
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

/**
 * The files of the original's variables, with a hash over all of them. Rejects when a file is absent, unreadable, no regular file
 * or larger than 1 MiB.
 */
export async function readCertificateFiles(
  files: CertificateFiles,
): Promise<CertificateContents & { readonly hash: string }> {
  // One after the other: of several that cannot be read it is always the same that is named.
  const key = await readNamedFile("CERT_KEY_FILE", files.keyFile);
  const cert = await readNamedFile("CERT_FILE", files.certFile);
  const ca = files.caFile === undefined ? undefined : await readNamedFile("CERT_CA_FILE", files.caFile);
  const password =
    files.passwordFile === undefined
      ? undefined
      : await readNamedFile("CERT_KEY_PASSWD_FILE", files.passwordFile);
  return {
    key,
    cert,
    ca,
    password: password ?? "CERT_KEY_PASSWD_FILE is not set",
    hash: [key, cert, ca, password].map((content) => content?.hash ?? "").join(" "),
  };
}

/** `setting`: for messages. */
export async function readNamedFile(setting: string, path: string): Promise<NamedContent> {
  const name = `${setting} ${JSON.stringify(path)}`;
  try {
    return { name, ...(await readBoundedFile(path, { maxBytes: maxFileBytes })) };
  } catch (error) {
    throw new Error(`Cannot read ${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Throws when the contents are not what they should be or do not fit each other. */
export function createServingCertificate({
  key,
  cert,
  ca,
  password,
}: CertificateContents): ServingCertificate {
  const certificates = parseNamed(cert);
  const authorities = ca === undefined ? [] : parseNamed(ca);
  const privateKey = openKey(key, password);
  const leaf = certificates[0]!;
  if (!leaf.checkPrivateKey(privateKey))
    throw unusable(key, `it is not the key of the first certificate in ${cert.name}`);
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
    throw unusable(cert, `TLS refuses it: ${(error as Error).message}`);
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

/** At least one. Throws an error that names the setting. */
export function parseNamed(pem: NamedContent): X509Certificate[] {
  try {
    return parseCertificates(pem.bytes.toString("latin1")).map((text) => new X509Certificate(text));
  } catch (error) {
    throw unusable(pem, (error as Error).message);
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

function openKey(key: NamedContent, password: NamedContent | string): KeyObject {
  const passphrase = typeof password === "string" ? undefined : withoutLineBreak(password.bytes);
  try {
    return createPrivateKey({
      key: key.bytes,
      format: "pem",
      ...(passphrase !== undefined && { passphrase }),
    });
  } catch (error) {
    throw unusable(key, describeKeyProblem(key.bytes.toString("latin1"), error, password));
  }
}

/** Editors and `echo` end a file with a line break; nothing else is taken off, a blank may belong to the password. */
function withoutLineBreak(password: Buffer): Buffer {
  const text = password.toString("latin1");
  return password.subarray(0, text.length - (/\r?\n$/.exec(text)?.[0].length ?? 0));
}

function describeKeyProblem(pem: string, error: unknown, password: NamedContent | string): string {
  if (!/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return "it has no private key in PEM form that can be read";
  }
  if (typeof password === "string") return `it is encrypted, and ${password}`;
  // OpenSSL 3 has no DES, RC2 and the like any more.
  const tooOld =
    (error as NodeJS.ErrnoException).code === "ERR_OSSL_EVP_UNSUPPORTED" ||
    /^DEK-Info: (?!AES-|DES-EDE3-|CAMELLIA-|ARIA-)/m.test(pem);
  if (tooOld)
    return "it is encrypted in a way that is no longer supported; encrypt it anew, with AES for example";
  return `the password in ${password.name} does not open it`;
}

function unusable({ name }: NamedContent, state: string): Error {
  return new Error(`Cannot use ${name}: ${state}`);
}
