// WEB_CONFIG_FILE and the files that it names -> what the listener uses. All of it or nothing: whatever is wrong is said here, with
// the key, before a client sees it. Never shows a key, a hash or a password.
import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { createSecureContext } from "node:tls";

import type { ClientCertificatePolicy } from "../client-certificates.ts";
import {
  createServingCertificate,
  type NamedContent,
  parseNamed,
  readNamedFile,
  type ServingCertificate,
} from "../serving-certificate.ts";
import { secureContextOptions, type TlsPolicy } from "../tls-connections.ts";
import {
  type ClientAuthType,
  parseWebConfig,
  type PemSource,
  type TlsServerConfig,
  type WebConfig,
} from "./parse-web-config.ts";
import { tlsVersions } from "./tls-names.ts";

/** All that the file and those that it names held at one moment. */
export interface WebConfigContents {
  /** For messages. */
  readonly name: string;
  readonly config: WebConfig;
  readonly cert: NamedContent | undefined;
  readonly key: NamedContent | undefined;
  readonly clientCa: NamedContent | undefined;
  /** Equal for equal contents. */
  readonly hash: string;
}

export interface LoadedWebConfig extends Pick<WebConfig, "headers" | "users" | "rateLimit"> {
  readonly tls: { readonly certificate: ServingCertificate; readonly policy: TlsPolicy } | undefined;
}

/** Rejects when a file cannot be read, or the text of the first is not what it should be. */
export async function readWebConfig(path: string): Promise<WebConfigContents> {
  const file = await readNamedFile("WEB_CONFIG_FILE", path);
  const config = parse(file);
  const { tls } = config;
  const folder = dirname(path);
  // One after the other: of several that cannot be read it is always the same that is named.
  const cert = await read(tls?.cert, folder);
  const key = await read(tls?.key, folder);
  const clientCa = await read(tls?.clientCa, folder);
  return {
    name: file.name,
    config,
    cert,
    key,
    clientCa,
    hash: [file, cert, key, clientCa].map((content) => content?.hash ?? "").join(" "),
  };
}

/** Throws when the contents do not fit each other. */
export function createWebConfig({ name, config, cert, key, clientCa }: WebConfigContents): LoadedWebConfig {
  const { tls, headers, users, rateLimit } = config;
  const rest = { headers, users, rateLimit };
  if (tls === undefined || cert === undefined || key === undefined) return { tls: undefined, ...rest };
  const certificate = createServingCertificate({
    key,
    cert,
    password: "WEB_CONFIG_FILE has no key for its password",
  });
  const policy = policyOf(tls, clientCa);
  try {
    createSecureContext(secureContextOptions(certificate, policy));
  } catch (error) {
    // All else has been tried or comes from a list; which curves there are depends on the OpenSSL that Node.js has.
    const state = `tls_server_config.curve_preferences: TLS refuses them: ${(error as Error).message}`;
    throw new Error(`Cannot use ${name}: ${state}`, { cause: error });
  }
  return { tls: { certificate, policy }, ...rest };
}

function parse(file: NamedContent): WebConfig {
  try {
    return parseWebConfig(file.bytes.toString("utf8"));
  } catch (error) {
    throw new Error(`Cannot use ${file.name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Relative paths begin at the folder of WEB_CONFIG_FILE. */
async function read(source: PemSource | undefined, folder: string): Promise<NamedContent | undefined> {
  if (source === undefined) return undefined;
  if ("file" in source) return await readNamedFile(source.key, resolve(folder, source.file));
  const bytes = Buffer.from(source.pem, "utf8");
  return { name: source.key, bytes, hash: createHash("sha256").update(bytes).digest("base64") };
}

const clientPolicies: Readonly<
  Record<ClientAuthType, Pick<ClientCertificatePolicy, "asks" | "requires" | "verifies">>
> = {
  NoClientCert: { asks: false, requires: false, verifies: false },
  RequestClientCert: { asks: true, requires: false, verifies: false },
  RequireAnyClientCert: { asks: true, requires: true, verifies: false },
  VerifyClientCertIfGiven: { asks: true, requires: false, verifies: true },
  RequireAndVerifyClientCert: { asks: true, requires: true, verifies: true },
};

function policyOf(tls: TlsServerConfig, clientCa: NamedContent | undefined): TlsPolicy {
  return {
    minVersion: tlsVersions[tls.minVersion],
    maxVersion: tlsVersions[tls.maxVersion],
    ciphers: tls.ciphers,
    curves: tls.curves,
    honorCipherOrder: tls.preferServerCipherSuites,
    clients: {
      ...clientPolicies[tls.clientAuthType],
      authorities: clientCa && parseNamed(clientCa).map(String).join(""),
      allowedNames: tls.clientAllowedSans,
    },
  };
}
