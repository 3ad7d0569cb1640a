// The text of WEB_CONFIG_FILE (the format of Prometheus' exporter-toolkit) -> what it says. Strict: an unknown key, a value that
// would have no effect or an empty list stops it. Opens no file; messages name keys and never show a value.
import { LineCounter, parseDocument, visit } from "yaml";
import * as z from "zod";

import { parseGoDuration } from "./go-duration.ts";
import type { RateLimit } from "./rate-limit.ts";
import { cipherSuites, curves, opensslCiphers, tlsVersions, type TlsVersionName } from "./tls-names.ts";

export type ClientAuthType = (typeof clientAuthTypes)[number];
const clientAuthTypes = [
  "NoClientCert",
  "RequestClientCert",
  "RequireAnyClientCert",
  "VerifyClientCertIfGiven",
  "RequireAndVerifyClientCert",
] as const;

/** A file by its path as the config has it, or its content. */
export type PemSource = { readonly key: string } & ({ readonly file: string } | { readonly pem: string });

export interface TlsServerConfig {
  readonly cert: PemSource;
  readonly key: PemSource;
  readonly clientAuthType: ClientAuthType;
  readonly clientCa: PemSource | undefined;
  /** Undefined: whatever names a certificate has. */
  readonly clientAllowedSans: readonly string[] | undefined;
  readonly minVersion: TlsVersionName;
  readonly maxVersion: TlsVersionName;
  /** OpenSSL's names; undefined: the defaults of Node.js. */
  readonly ciphers: string | undefined;
  readonly curves: string | undefined;
  readonly preferServerCipherSuites: boolean;
}

export interface WebConfig {
  /** Undefined: this file has no TLS. */
  readonly tls: TlsServerConfig | undefined;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** User to bcrypt hash. Empty: no user is asked for. */
  readonly users: ReadonlyMap<string, string>;
  readonly rateLimit: RateLimit | undefined;
}

/** A second of computing; each step doubles it, and an attacker asks for it as often as he likes. */
const maxBcryptCost = 14;
const maxProblems = 5;
const maxAliasCount = 100;

/** Throws an Error whose message completes `Cannot use WEB_CONFIG_FILE "…": `. */
export function parseWebConfig(text: string): WebConfig {
  const result = webConfig.safeParse(readYaml(text));
  if (!result.success) throw new Error(describeIssues(result.error.issues));
  const {
    tls_server_config: tls,
    http_server_config: http,
    basic_auth_users: users,
    rate_limit,
  } = result.data;
  return {
    tls: tls === undefined || Object.keys(tls).length === 0 ? undefined : checkTls(tls),
    headers: headersOf(http?.headers),
    users: users ?? new Map(),
    rateLimit: checkRateLimit(rate_limit),
  };
}

/** Maps, lists, text and null: what a plain scalar looks like has no meaning, so that no name or hash is taken for a number. */
function readYaml(text: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: "failsafe", prettyErrors: false, lineCounter: lines });
  const [fault] = [...document.errors, ...document.warnings];
  // The parser's own message may quote what it stumbled over, which may be a secret.
  if (fault !== undefined)
    throw new Error(`it is not valid YAML, line ${lines.linePos(fault.pos[0]).line} (${fault.code})`);
  visit(document, {
    Scalar(key, node) {
      if (key !== "key" && node.type === "PLAIN" && /^(?:~|null|Null|NULL)?$/.test(node.source ?? ""))
        node.value = null;
    },
  });
  try {
    return document.toJS({ mapAsMap: true, maxAliasCount }) ?? new Map();
  } catch (error) {
    throw new Error("it is not valid YAML (an alias without its anchor, or too many)", { cause: error });
  }
}

const wanted = (what: string) => ({ error: `wanted ${what}` });
const text = z.string(wanted("text"));
const filePath = z.string(wanted("the path of a file")).regex(/^[^\0]+$/, wanted("the path of a file"));
const yamlBoolean = z
  .enum(["true", "True", "TRUE", "false", "False", "FALSE"], wanted("true or false"))
  .transform((value) => value.toLowerCase() === "true");
const oneOf = <const T extends string>(values: readonly T[]) =>
  z.enum(values, wanted(`one of ${values.join(", ")}`));
const listOf = (item: z.ZodType<string>) =>
  z.array(item, wanted("a list")).min(1, wanted("at least one, or no such key"));
/** Nothing behind the colon is as if the key were not there; the same for an empty text. */
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === null || value === "" ? undefined : value), schema.optional());

/** A mapping with these keys and no others; keys without a value are left out of the result. */
function section<T extends z.ZodRawShape>(shape: T) {
  const keys = Object.fromEntries(
    Object.entries(shape).map(([key, schema]) => [key, optional(schema as z.ZodType)]),
  );
  const checked = z.preprocess(
    (value) => (value instanceof Map ? objectOf(value) : value),
    z.strictObject(keys, {
      error: (issue) => (issue.code === "unrecognized_keys" ? undefined : "wanted keys with values"),
    }),
  );
  return checked.transform(
    (value) =>
      Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as {
        [K in keyof T]?: z.output<T[K]>;
      },
  );
}

/** Null, which no section is, for a map that has other keys than text. */
function objectOf(map: ReadonlyMap<unknown, unknown>): Record<string, unknown> | null {
  return [...map.keys()].every((key) => typeof key === "string") ? Object.fromEntries(map) : null;
}

const version = oneOf(Object.keys(tlsVersions) as TlsVersionName[]);
const headerValue = z.string(wanted("text")).regex(/^[\t\x20-\x7e]*$/, wanted("printable ASCII"));
const bcryptHash = z
  .string(wanted("a bcrypt hash"))
  .regex(/^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/, { ...wanted("a bcrypt hash such as $2y$10$…"), abort: true })
  .refine(
    (hash) => costOf(hash) >= 4 && costOf(hash) <= maxBcryptCost,
    wanted(`a cost from 4 to ${maxBcryptCost}`),
  );

const webConfig = section({
  tls_server_config: section({
    cert: text,
    cert_file: filePath,
    key: text,
    key_file: filePath,
    client_auth_type: oneOf([...clientAuthTypes, "RequireClientCert"]),
    client_ca: text,
    client_ca_file: filePath,
    client_allowed_sans: listOf(z.string(wanted("text")).min(1, wanted("a name"))),
    min_version: version,
    max_version: version,
    cipher_suites: listOf(oneOf(Object.keys(cipherSuites))),
    curve_preferences: listOf(oneOf(Object.keys(curves))),
    prefer_server_cipher_suites: yamlBoolean,
  }),
  http_server_config: section({
    // Without effect: this program speaks HTTP/1.1.
    http2: yamlBoolean,
    headers: section({
      "Content-Security-Policy": headerValue,
      "Strict-Transport-Security": headerValue,
      "X-Content-Type-Options": oneOf(["nosniff"]),
      "X-Frame-Options": oneOf(["deny", "sameorigin"]),
      "X-XSS-Protection": headerValue,
    }),
  }),
  basic_auth_users: z.map(
    z
      .string(wanted("names as keys"))
      .regex(/^[^:]*$/, wanted("a name without a colon, which nobody could send")),
    bcryptHash,
    wanted("names with bcrypt hashes"),
  ),
  rate_limit: section({
    interval: z.string(wanted("a duration")).transform((value, context) => {
      const ms = parseGoDuration(value);
      if (ms !== undefined) return ms;
      context.addIssue({ code: "custom", message: "wanted a duration such as 1s, 250ms or 0" });
      return z.NEVER;
    }),
    burst: z
      .string(wanted("a whole number"))
      .regex(/^\d{1,9}$/, wanted("a whole number"))
      .transform(Number),
  }),
});

type Tls = NonNullable<z.output<typeof webConfig>["tls_server_config"]>;

function checkTls(tls: Tls): TlsServerConfig {
  const given = tls.client_auth_type ?? "NoClientCert";
  // The older name, which exporter-toolkit keeps too.
  const clientAuthType = given === "RequireClientCert" ? "RequireAnyClientCert" : given;
  const clientCa = pemSource(tls, "client_ca", "client_ca_file");
  if (clientCa !== undefined && clientAuthType === "NoClientCert") {
    throw fault(clientCa.key, "wanted a client_auth_type beside it: nobody is asked for a certificate");
  }
  const requires = ["RequireAnyClientCert", "RequireAndVerifyClientCert"].includes(clientAuthType);
  if (tls.client_allowed_sans !== undefined && !requires) {
    throw fault(
      "client_allowed_sans",
      "wanted a client_auth_type of RequireAnyClientCert or RequireAndVerifyClientCert beside it: else clients may come without a certificate",
    );
  }
  const { min_version: minVersion = "TLS12", max_version: maxVersion = "TLS13" } = tls;
  if (minVersion === "TLS13" && maxVersion === "TLS12")
    throw fault("min_version", "it is newer than max_version");
  const suites = tls.cipher_suites === undefined ? undefined : opensslCiphers(tls.cipher_suites);
  if (suites?.tls12 === false && maxVersion === "TLS12")
    throw fault("cipher_suites", "wanted one for TLS 1.2, which is the max_version");
  return {
    cert: required(pemSource(tls, "cert", "cert_file"), "cert_file"),
    key: required(pemSource(tls, "key", "key_file"), "key_file"),
    clientAuthType,
    clientCa,
    clientAllowedSans: tls.client_allowed_sans,
    // As in Go: whoever names suites of TLS 1.3 alone has none for 1.2.
    minVersion: suites?.tls12 === false ? "TLS13" : minVersion,
    maxVersion,
    ciphers: suites?.ciphers,
    curves: tls.curve_preferences?.map((name) => curves[name]).join(":"),
    preferServerCipherSuites: tls.prefer_server_cipher_suites ?? true,
  };
}

type PemKey = "cert" | "key" | "client_ca";

function pemSource(tls: Tls, inline: PemKey, file: `${PemKey}_file`): PemSource | undefined {
  const [pem, path] = [tls[inline], tls[file]];
  if (pem !== undefined && path !== undefined)
    throw fault(inline, `wanted only one of ${inline} and ${file}`);
  if (path !== undefined) return { key: `tls_server_config.${file}`, file: path };
  return pem === undefined ? undefined : { key: `tls_server_config.${inline}`, pem };
}

function required(source: PemSource | undefined, file: string): PemSource {
  if (source === undefined) throw fault(file, `it is not set; TLS needs it, or ${file.replace("_file", "")}`);
  return source;
}

function fault(key: string, state: string): Error {
  return new Error(`${key.includes(".") ? key : `tls_server_config.${key}`}: ${state}`);
}

function headersOf(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function checkRateLimit({ interval = 0, burst = 0 }: { interval?: number; burst?: number } = {}):
  RateLimit | undefined {
  if (interval === 0) return undefined;
  if (burst === 0) throw new Error("rate_limit.burst: wanted at least 1, else every request is refused");
  return { intervalMs: interval, burst };
}

function costOf(hash: string): number {
  return Number(hash.slice(4, 6));
}

function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const problems = issues.flatMap((issue) => {
    const keys = issue.code === "unrecognized_keys" ? issue.keys : [undefined];
    return keys.map((key) => {
      const path = [...issue.path, ...(key === undefined ? [] : [key])]
        .map((part) => showKey(part))
        .join(".");
      return `${path || "the file"}: ${key === undefined ? issue.message : "there is no such key"}`;
    });
  });
  const more = problems.length - maxProblems;
  return problems.slice(0, maxProblems).join("; ") + (more > 0 ? `; and ${more} more` : "");
}

/** Keys come from a file that people write by hand: whatever stands there must not break the line. */
function showKey(key: PropertyKey): string {
  const shown = String(key).slice(0, 100);
  return /^[\w-]+$/.test(shown) ? shown : JSON.stringify(shown);
}
