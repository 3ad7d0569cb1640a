// Makes certificates for tests: a root, intermediates below it, and leaves for addresses and names, so that no key has to lie in
// the repository. In memory only.
import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";

import { bits, der, integer, octets, oid, sequence, time, utf8, yes } from "./der.ts";

export interface IssuedCertificate {
  /** PEM, this certificate alone. */
  readonly cert: string;
  /** PEM, PKCS#8, not encrypted. */
  readonly key: string;
}

export interface LeafOptions {
  readonly ips?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly uris?: readonly string[];
  readonly emails?: readonly string[];
  /** What the certificate is for. Default: both. */
  readonly usage?: "server" | "client";
  /** The common name. Default: the first name or address. */
  readonly name?: string;
  /** Default: tomorrow. */
  readonly notAfter?: Date;
  /** RSA has 2048 bits. Default: ECDSA P-256. */
  readonly keyType?: "ec" | "rsa";
  /** Does not say by which of several keys of its authority it is signed. */
  readonly withoutAuthorityKeyId?: true;
  /** Instead of a new one. */
  readonly privateKey?: KeyObject;
  /** Leaves only; `intermediate()` makes authorities. */
  readonly ca?: false;
}

const dayMs = 86_400_000;
const ecdsaWithSha256 = sequence(oid("1.2.840.10045.4.3.2"));

export class CertificateAuthority {
  /** PEM: the certificate of this authority alone. */
  readonly cert: string;
  readonly #name: string;
  readonly #keys: KeyPair;

  private constructor(name: string, keys: KeyPair, cert: string) {
    this.#name = name;
    this.#keys = keys;
    this.cert = cert;
  }

  /** A root of its own. */
  static create({ name = "test root" }: { name?: string } = {}): CertificateAuthority {
    const keys = createKeys();
    const cert = write({ subject: name, keys, issuer: name, issuerKeys: keys, extensions: authority });
    return new CertificateAuthority(name, keys, cert);
  }

  /** An authority whose certificate this one signs. Clients that know only the root need its certificate from the server. */
  intermediate(name: string): CertificateAuthority {
    const keys = createKeys();
    const cert = write({
      subject: name,
      keys,
      issuer: this.#name,
      issuerKeys: this.#keys,
      extensions: authority,
    });
    return new CertificateAuthority(name, keys, cert);
  }

  /** A certificate for servers and clients. */
  issue({
    ips = [],
    dnsNames = [],
    uris = [],
    emails = [],
    usage,
    name = dnsNames[0] ?? ips[0] ?? "test",
    notAfter,
    keyType,
    privateKey,
    withoutAuthorityKeyId,
  }: LeafOptions): IssuedCertificate {
    const keys =
      privateKey === undefined ? createKeys(keyType) : { privateKey, publicKey: createPublicKey(privateKey) };
    const names = [
      ...dnsNames.map((dnsName) => der(0x82, Buffer.from(dnsName, "latin1"))),
      ...ips.map((ip) => der(0x87, addressBytes(ip))),
      ...uris.map((uri) => der(0x86, Buffer.from(uri, "latin1"))),
      ...emails.map((email) => der(0x81, Buffer.from(email, "latin1"))),
    ];
    const cert = write({
      subject: name,
      keys,
      issuer: this.#name,
      issuerKeys: this.#keys,
      ...(notAfter !== undefined && { notAfter }),
      ...(withoutAuthorityKeyId && { withoutAuthorityKeyId }),
      extensions: [
        ...leaf(usage),
        ...(names.length === 0 ? [] : [extension("2.5.29.17", sequence(...names))]),
      ],
    });
    return { cert, key: keys.privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  }
}

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

function createKeys(type: "ec" | "rsa" = "ec"): KeyPair {
  return type === "rsa"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ec", { namedCurve: "P-256" });
}

interface Certificate {
  readonly subject: string;
  readonly keys: KeyPair;
  readonly issuer: string;
  readonly issuerKeys: KeyPair;
  readonly notAfter?: Date;
  readonly withoutAuthorityKeyId?: true;
  readonly extensions: readonly Buffer[];
}

/** PEM of a certificate, RFC 5280 section 4.1. Valid from 30 days before its end, at least from yesterday. */
function write({ subject, keys, issuer, issuerKeys, notAfter, extensions, ...o }: Certificate): string {
  const end = notAfter ?? new Date(Date.now() + dayMs);
  const start = new Date(Math.min(Date.now() - dayMs, end.getTime() - 30 * dayMs));
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    commonName(issuer),
    sequence(time(start), time(end)),
    commonName(subject),
    keys.publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      sequence(
        ...extensions,
        extension("2.5.29.14", octets(keyId(keys))),
        ...(o.withoutAuthorityKeyId ? [] : [extension("2.5.29.35", sequence(der(0x80, keyId(issuerKeys))))]),
      ),
    ),
  );
  const signature = sign("sha256", body, issuerKeys.privateKey);
  const text = sequence(body, ecdsaWithSha256, bits(signature)).toString("base64");
  return `-----BEGIN CERTIFICATE-----\n${text.match(/.{1,64}/g)!.join("\n")}\n-----END CERTIFICATE-----\n`;
}

function extension(id: string, value: Buffer, o: { critical?: true } = {}): Buffer {
  return sequence(oid(id), ...(o.critical ? [yes] : []), octets(value));
}

/** Basic constraints and key usage (sign certificates and revocations). */
const authority = [
  extension("2.5.29.19", sequence(yes), { critical: true }),
  extension("2.5.29.15", der(0x03, Buffer.from([1, 0x06])), { critical: true }),
];

/** Key usage (digital signature), and extended. */
function leaf(usage?: "server" | "client"): Buffer[] {
  const purposes = [
    ...(usage === "client" ? [] : [oid("1.3.6.1.5.5.7.3.1")]),
    ...(usage === "server" ? [] : [oid("1.3.6.1.5.5.7.3.2")]),
  ];
  return [
    extension("2.5.29.15", der(0x03, Buffer.from([7, 0x80])), { critical: true }),
    extension("2.5.29.37", sequence(...purposes)),
  ];
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid("2.5.4.3"), utf8(name))));
}

function keyId({ publicKey }: KeyPair): Buffer {
  return createHash("sha1")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest();
}

function addressBytes(ip: string): Buffer {
  if (isIPv4(ip)) return Buffer.from(ip.split(".").map(Number));
  if (!isIPv6(ip) || /[.%]/.test(ip))
    throw new Error(`Cannot make a certificate for "${ip}": not an IP address`);
  const [head = [], tail] = ip.split("::").map((side) => side.split(":").filter((group) => group !== ""));
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - head.length - tail.length }, () => "0");
  const groups = [...head, ...zeros, ...(tail ?? [])];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}
