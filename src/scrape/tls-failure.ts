// Why TLS with a pod failed, and which setting helps. Knows codes of OpenSSL and Node.js only: no text of a certificate, which
// the pod chose, gets through here.

/** Part of a PodFailure. */
export interface TlsFailure {
  readonly reason: "tls";
  readonly detail: string;
  readonly unverified?: true;
}

interface Remedy {
  readonly codes: RegExp;
  readonly problem: string;
  /** The pod may be all right: it is its certificate that was not accepted. */
  readonly unverified?: true;
}

const remedies: readonly Remedy[] = [
  {
    codes:
      /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_UNTRUSTED|INVALID_CA)$/,
    problem: "the certificate is of no known authority; UPSTREAM_CA_FILE says which are trusted",
    unverified: true,
  },
  {
    codes: /^ERR_TLS_CERT_ALTNAME_/,
    problem:
      "the certificate is for another address or name; UPSTREAM_SERVER_NAME says which name is expected",
    unverified: true,
  },
  {
    codes: /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    problem: "the certificate is not valid at this time; the pod needs a new one",
    unverified: true,
  },
  {
    codes: /^(INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|EE_KEY_TOO_SMALL|CA_KEY_TOO_SMALL|CA_MD_TOO_WEAK)$/,
    problem: "the certificate, or an authority's, is not fit for a server; the pod needs another one",
    unverified: true,
  },
  { codes: /^CERT_/, problem: "the certificate was not accepted", unverified: true },
  {
    codes: /_ALERT_(CERTIFICATE_|BAD_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/,
    problem:
      "the pod wants another client certificate, or any; UPSTREAM_CERT_FILE and UPSTREAM_KEY_FILE say which it is shown",
  },
  {
    codes: /_ALERT_HANDSHAKE_FAILURE$/,
    problem:
      "the pod refuses; it may want a client certificate, which UPSTREAM_CERT_FILE and UPSTREAM_KEY_FILE name",
  },
  {
    codes: /(_ALERT_PROTOCOL_VERSION|_UNSUPPORTED_PROTOCOL)$/,
    problem: "the pod speaks no TLS 1.2 or later",
  },
  {
    codes: /_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/,
    problem: "the pod may speak plain HTTP at this port",
  },
];

/** `code` is that of the error which ended the handshake, or of an alert after it. */
export function tlsFailure(code: string): TlsFailure {
  const remedy = remedies.find(({ codes }) => codes.test(code));
  const problem = remedy === undefined ? "" : `: ${remedy.problem}`;
  return {
    reason: "tls",
    detail: `the TLS handshake failed (${code})${problem}`,
    ...(remedy?.unverified && { unverified: true }),
  };
}

/** The code is one of OpenSSL's own errors. With TLS 1.3 a pod refuses a client certificate after the handshake. */
export function isTlsCode(code: string): boolean {
  return code.startsWith("ERR_SSL_");
}
