import { expect, test } from "vitest";
import { isTlsCode, tlsFailure } from "./tls-failure.ts";

test.for([
  ["SELF_SIGNED_CERT_IN_CHAIN", "UPSTREAM_CA_FILE", true],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "UPSTREAM_CA_FILE", true],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "UPSTREAM_CA_FILE", true],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "UPSTREAM_SERVER_NAME", true],
  ["CERT_NOT_YET_VALID", "not valid at this time", true],
  ["INVALID_PURPOSE", "not fit for a server", true],
  ["EE_KEY_TOO_SMALL", "not fit for a server", true],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "TLS 1.2", undefined],
  ["CERT_REVOKED", "was not accepted", true],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "UPSTREAM_CERT_FILE", undefined],
  ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", "UPSTREAM_CERT_FILE", undefined],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "UPSTREAM_CERT_FILE", undefined],
  ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "UPSTREAM_CERT_FILE", undefined],
] as const)("tlsFailure() names for %s what helps: %s", ([code, help, unverified]) => {
  const failure = tlsFailure(code);
  expect(failure.detail).toContain(`(${code}): `);
  expect(failure.detail).toContain(help);
  expect(failure.unverified).toBe(unverified);
});

test("tlsFailure() has no advice for what it does not know", () => {
  expect(tlsFailure("ECONNRESET")).toEqual({
    reason: "tls",
    detail: "the TLS handshake failed (ECONNRESET)",
  });
});

test("isTlsCode() tells TLS from the rest", () => {
  expect(["ERR_SSL_X", "ECONNRESET", "UND_ERR_SOCKET"].map(isTlsCode)).toEqual([true, false, false]);
});
