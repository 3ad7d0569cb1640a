import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { CertificateAuthority } from "../../test/support/certificate-authority.ts";
import { parseClientKey } from "./parse-client-key.ts";

const authority = CertificateAuthority.create();
const [a, b] = [authority.issue({ ips: ["10.0.0.1"] }), authority.issue({ ips: ["10.0.0.2"] })];

describe("parseClientKey()", () => {
  test("gives the key of the certificate as it came", () => {
    expect(parseClientKey(a.key, a.cert)).toBe(a.key);
  });

  const encrypted = (type: "pkcs8" | "sec1") =>
    generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
      type,
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    }) as string;
  test.for([
    [b.key, "its key is not that of the first certificate in UPSTREAM_CERT_FILE"],
    [a.cert, "it has no private key in PEM form"],
    ["", "it has no private key in PEM form"],
    [encrypted("pkcs8"), "its key is encrypted, which is not supported"],
    [encrypted("sec1"), "its key is encrypted, which is not supported"],
  ] as const)("refuses what is no key of the certificate (%#)", ([text, problem]) => {
    expect(() => parseClientKey(text, a.cert)).toThrow(problem);
  });
});
