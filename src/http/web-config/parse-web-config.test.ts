import { hashSync } from "bcryptjs";
import { expect, test } from "vitest";

import { parseGoDuration } from "./go-duration.ts";
import { parseWebConfig, type TlsServerConfig } from "./parse-web-config.ts";

const hash = hashSync("secret", 4);
const pair = "cert_file: tls.crt, key_file: tls.key";
const tlsOf = (keys: string) => parseWebConfig(`tls_server_config: {${keys}}`).tls;
const plain = { tls: undefined, headers: {}, users: new Map(), rateLimit: undefined };
const cert = { key: "tls_server_config.cert_file", file: "tls.crt" };
const key = { key: "tls_server_config.key_file", file: "tls.key" };
const defaults: TlsServerConfig = {
  cert,
  key,
  clientAuthType: "NoClientCert",
  clientCa: undefined,
  clientAllowedSans: undefined,
  minVersion: "TLS12",
  maxVersion: "TLS13",
  ciphers: undefined,
  curves: undefined,
  preferServerCipherSuites: true,
};

test.for([
  "",
  "# nothing\n",
  "{}",
  "---\n",
  "tls_server_config:\nhttp_server_config: ~",
  "tls_server_config: {}",
  "basic_auth_users: {}",
  "rate_limit: {interval: 0, burst: 3}",
])("%j says nothing", (text) => {
  expect(parseWebConfig(text)).toEqual(plain);
});

const clientCa = { key: "tls_server_config.client_ca_file", file: "ca.crt" };
const tls13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

test.for([
  ["", {}],
  ["client_auth_type: NoClientCert", {}],
  ["client_auth_type: RequestClientCert", { clientAuthType: "RequestClientCert" }],
  ["client_auth_type: RequireAnyClientCert", { clientAuthType: "RequireAnyClientCert" }],
  ["client_auth_type: RequireClientCert", { clientAuthType: "RequireAnyClientCert" }],
  ["client_auth_type: VerifyClientCertIfGiven", { clientAuthType: "VerifyClientCertIfGiven" }],
  [
    "client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.crt",
    { clientAuthType: "RequireAndVerifyClientCert", clientCa },
  ],
  [
    "client_auth_type: RequireAndVerifyClientCert, client_ca: pem",
    {
      clientAuthType: "RequireAndVerifyClientCert",
      clientCa: { key: "tls_server_config.client_ca", pem: "pem" },
    },
  ],
  [
    "client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [a, 127.0.0.1, 7]",
    { clientAuthType: "RequireAndVerifyClientCert", clientAllowedSans: ["a", "127.0.0.1", "7"] },
  ],
  ["client_allowed_sans: ", {}],
  ["min_version: TLS13", { minVersion: "TLS13" }],
  ["min_version: TLS12, max_version: TLS12", { maxVersion: "TLS12" }],
  ["prefer_server_cipher_suites: false", { preferServerCipherSuites: false }],
  ["prefer_server_cipher_suites: True", {}],
  ["curve_preferences: [X25519, CurveP256, CurveP384, CurveP521]", { curves: "X25519:P-256:P-384:P-521" }],
  [
    "cipher_suites: [TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA]",
    { ciphers: `${tls13}:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-SHA` },
  ],
  ["cipher_suites: [TLS_AES_128_GCM_SHA256]", { ciphers: tls13, minVersion: "TLS13" }],
] as [string, Partial<TlsServerConfig>][])("tls_server_config with %j", ([keys, expected]) => {
  expect(tlsOf(`${pair}, ${keys}`)).toEqual({ ...defaults, ...expected });
});

test("certificate and key may stand in the file itself", () => {
  const text = "tls_server_config:\n  cert: |\n    line 1\n    line 2\n  key: k\n";
  expect(parseWebConfig(text).tls).toMatchObject({
    cert: { key: "tls_server_config.cert", pem: "line 1\nline 2\n" },
    key: { key: "tls_server_config.key", pem: "k" },
  });
});

test("headers: the five that exporter-toolkit knows; empty ones are not set", () => {
  const headers = [
    "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security: max-age=31536000",
    "X-Content-Type-Options: nosniff",
    "X-Frame-Options: sameorigin",
    'X-XSS-Protection: "0"',
  ];
  const text = (lines: string[]) =>
    `http_server_config:\n  http2: false\n  headers:\n${lines.map((line) => `    ${line}\n`).join("")}`;
  expect(parseWebConfig(text(headers)).headers).toEqual({
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "sameorigin",
    "x-xss-protection": "0",
  });
  expect(parseWebConfig(text(headers.map((line) => line.replace(/:.*/, ":")))).headers).toEqual({});
  expect(parseWebConfig(text(['X-Frame-Options: ""', "X-Content-Type-Options:"])).headers).toEqual({});
});

test("users: names are text whatever they look like", () => {
  const names = ["alice", "0x10", "1e3", "yes", "null", "__proto__", "constructor", "ä b", ""];
  const text = `basic_auth_users:\n${names.map((name) => `  ${name === "" ? '""' : name}: ${hash}\n`).join("")}`;
  expect([...parseWebConfig(text).users]).toEqual(names.map((name) => [name, hash]));
  for (const form of ["$2a$", "$2b$", "$2y$"])
    expect(parseWebConfig(`basic_auth_users: {a: ${hash.replace("$2b$", form)}}`).users.size).toBe(1);
});

test.for([
  ["interval: 1s, burst: 20", { intervalMs: 1000, burst: 20 }],
  ["interval: 1m30.5s, burst: 1", { intervalMs: 90_500, burst: 1 }],
] as const)("rate_limit: {%s}", ([keys, expected]) => {
  expect(parseWebConfig(`rate_limit: {${keys}}`).rateLimit).toEqual(expected);
});

test.for([
  ["0", 0],
  ["0s", 0],
  ["250ms", 250],
  ["1.5h", 5_400_000],
  ["2us1µs1000ns", 0.004],
  ["", undefined],
  ["1", undefined],
  ["-1s", undefined],
  ["1 s", undefined],
  ["s", undefined],
] as const)("parseGoDuration(%j) is %j", ([text, expected]) => {
  if (expected === undefined) expect(parseGoDuration(text)).toBeUndefined();
  else expect(parseGoDuration(text)).toBeCloseTo(expected, 9);
});

const types =
  "NoClientCert, RequestClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert, RequireClientCert";

test.for([
  ["x: 1", "x: there is no such key"],
  ["basic_auth_user: {}", "basic_auth_user: there is no such key"],
  ["a b\tc: 1", '"a b\\tc": there is no such key'],
  [`${"x".repeat(200)}: 1`, `${"x".repeat(100)}: there is no such key`],
  ["[a]", "the file: wanted keys with values"],
  ["text", "the file: wanted keys with values"],
  ["tls_server_config: text", "tls_server_config: wanted keys with values"],
  ["tls_server_config: [a]", "tls_server_config: wanted keys with values"],
  ["tls_server_config: {? {a: b} : c}", "tls_server_config: wanted keys with values"],
  ["tls_server_config: {__proto__: a}", "tls_server_config.__proto__: there is no such key"],
  [`tls_server_config: {${pair}, clientCa: x}`, "tls_server_config.clientCa: there is no such key"],
  [
    `tls_server_config: {${pair}, client_auth_type: requireandverifyclientcert}`,
    `tls_server_config.client_auth_type: wanted one of ${types}`,
  ],
  [
    `tls_server_config: {${pair}, min_version: TLS11}`,
    "tls_server_config.min_version: wanted one of TLS12, TLS13",
  ],
  [
    `tls_server_config: {${pair}, max_version: "1.3"}`,
    "tls_server_config.max_version: wanted one of TLS12, TLS13",
  ],
  [
    `tls_server_config: {${pair}, min_version: TLS13, max_version: TLS12}`,
    "tls_server_config.min_version: it is newer than max_version",
  ],
  [`tls_server_config: {${pair}, cert: x}`, "tls_server_config.cert: wanted only one of cert and cert_file"],
  [`tls_server_config: {${pair}, key: x}`, "tls_server_config.key: wanted only one of key and key_file"],
  [
    `tls_server_config: {${pair}, client_auth_type: RequestClientCert, client_ca: x, client_ca_file: y}`,
    "tls_server_config.client_ca: wanted only one of client_ca and client_ca_file",
  ],
  ["tls_server_config: {cert_file: a}", "tls_server_config.key_file: it is not set; TLS needs it, or key"],
  ["tls_server_config: {key_file: a}", "tls_server_config.cert_file: it is not set; TLS needs it, or cert"],
  [
    "tls_server_config: {min_version: TLS13}",
    "tls_server_config.cert_file: it is not set; TLS needs it, or cert",
  ],
  [
    `tls_server_config: {${pair}, client_ca_file: a}`,
    "tls_server_config.client_ca_file: wanted a client_auth_type beside it: nobody is asked for a certificate",
  ],
  [
    `tls_server_config: {${pair}, client_auth_type: NoClientCert, client_ca: a}`,
    "tls_server_config.client_ca: wanted a client_auth_type beside it: nobody is asked for a certificate",
  ],
  ...["NoClientCert", "RequestClientCert", "VerifyClientCertIfGiven"].map((type) => [
    `tls_server_config: {${pair}, client_auth_type: ${type}, client_allowed_sans: [a]}`,
    "tls_server_config.client_allowed_sans: wanted a client_auth_type of RequireAnyClientCert or RequireAndVerifyClientCert beside it: else clients may come without a certificate",
  ]),
  [
    `tls_server_config: {${pair}, client_allowed_sans: []}`,
    "tls_server_config.client_allowed_sans: wanted at least one, or no such key",
  ],
  [
    `tls_server_config: {${pair}, client_allowed_sans: [""]}`,
    "tls_server_config.client_allowed_sans.0: wanted a name",
  ],
  [
    `tls_server_config: {${pair}, client_allowed_sans: a}`,
    "tls_server_config.client_allowed_sans: wanted a list",
  ],
  [
    `tls_server_config: {${pair}, cipher_suites: [TLS_AES_128_GCM_SHA256], max_version: TLS12}`,
    "tls_server_config.cipher_suites: wanted one for TLS 1.2, which is the max_version",
  ],
  [`tls_server_config: {${pair}, cert_file: [a]}`, /line 1 \(DUPLICATE_KEY\)$/],
  [
    "tls_server_config: {cert_file: [a], key_file: b}",
    "tls_server_config.cert_file: wanted the path of a file",
  ],
  [
    `tls_server_config: {${pair}, prefer_server_cipher_suites: maybe}`,
    "tls_server_config.prefer_server_cipher_suites: wanted true or false",
  ],
  ["http_server_config: {http2: 1}", "http_server_config.http2: wanted true or false"],
  ["http_server_config: {http3: true}", "http_server_config.http3: there is no such key"],
  ["http_server_config: {headers: {Server: x}}", "http_server_config.headers.Server: there is no such key"],
  [
    "http_server_config: {headers: {x-frame-options: deny}}",
    "http_server_config.headers.x-frame-options: there is no such key",
  ],
  [
    "http_server_config: {headers: {X-Frame-Options: DENY}}",
    "http_server_config.headers.X-Frame-Options: wanted one of deny, sameorigin",
  ],
  [
    "http_server_config: {headers: {X-Content-Type-Options: sniff}}",
    "http_server_config.headers.X-Content-Type-Options: wanted one of nosniff",
  ],
  [
    'http_server_config: {headers: {Content-Security-Policy: "a\\r\\nSet-Cookie: b"}}',
    "http_server_config.headers.Content-Security-Policy: wanted printable ASCII",
  ],
  ["basic_auth_users: [a]", "basic_auth_users: wanted names with bcrypt hashes"],
  ["basic_auth_users: {alice: }", "basic_auth_users.alice: wanted a bcrypt hash"],
  ["basic_auth_users: {alice: secret}", "basic_auth_users.alice: wanted a bcrypt hash such as $2y$10$…"],
  [
    `basic_auth_users: {alice: ${hash.replace("$2b$", "$2x$")}}`,
    "basic_auth_users.alice: wanted a bcrypt hash such as $2y$10$…",
  ],
  [
    `basic_auth_users: {a: ${hash.replace("$04$", "$03$")}}`,
    "basic_auth_users.a: wanted a cost from 4 to 14",
  ],
  [
    `basic_auth_users: {a: ${hash.replace("$04$", "$15$")}}`,
    "basic_auth_users.a: wanted a cost from 4 to 14",
  ],
  [
    `basic_auth_users: {"a:b": ${hash}}`,
    'basic_auth_users."a:b": wanted a name without a colon, which nobody could send',
  ],
  ["rate_limit: {interval: 1, burst: 1}", "rate_limit.interval: wanted a duration such as 1s, 250ms or 0"],
  ["rate_limit: {interval: 1s}", "rate_limit.burst: wanted at least 1, else every request is refused"],
  ["rate_limit: {interval: 1s, burst: -1}", "rate_limit.burst: wanted a whole number"],
  ["rate_limit: {rate: 1s}", "rate_limit.rate: there is no such key"],
  ["a: [", /^it is not valid YAML, line 1 \([A-Z_]+\)$/],
  ["basic_auth_users:\n  a: 1\n  a: 2", "it is not valid YAML, line 3 (DUPLICATE_KEY)"],
  ["---\n{}\n---\n{}", "it is not valid YAML, line 3 (MULTIPLE_DOCS)"],
  ["tls_server_config: !secret {}", "it is not valid YAML, line 1 (TAG_RESOLVE_FAILED)"],
  ["tls_server_config: *a", "it is not valid YAML (an alias without its anchor, or too many)"],
  [
    "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1",
    `${["a", "b", "c", "d", "e"].map((name) => `${name}: there is no such key`).join("; ")}; and 2 more`,
  ],
] as [string, string | RegExp][])("%j is refused", ([text, message]) => {
  expect(() => parseWebConfig(text)).toThrow(
    typeof message === "string" ? new RegExp(`^${RegExp.escape(message)}$`) : message,
  );
});

test("messages show no value of the file", () => {
  const secret = "s3cret";
  for (const text of [
    `basic_auth_users: {alice: ${secret}}`,
    `basic_auth_users: {alice: ${secret}: ${secret}}`,
    `basic_auth_users:\n  alice: *${secret}`,
    `basic_auth_users:\n  alice: "${secret}`,
    `basic_auth_users:\n  alice: !${secret} a`,
    `tls_server_config: {key: ${secret}}`,
    `tls_server_config: {key: [${secret}]}`,
    `rate_limit: {interval: ${secret}}`,
  ]) {
    let message = "";
    try {
      parseWebConfig(text);
    } catch (error) {
      ({ message } = error as Error);
    }
    expect(message).not.toBe("");
    expect(message).not.toContain(secret);
  }
});
