import { describe, expect, test } from "vitest";
import { CertificateAuthority } from "../../test/support/certificate-authority.ts";
import { parseCertificates } from "./parse-certificates.ts";

const authority = CertificateAuthority.create();
const [a, b] = [authority.issue({ ips: ["10.0.0.1"] }), authority.issue({ ips: ["10.0.0.2"] })];

describe("parseCertificates()", () => {
  test("finds every certificate, whatever stands around them", () => {
    expect(parseCertificates(`# a\n${a.cert}text\r\n${b.cert}${a.key}`)).toEqual([
      a.cert.trim(),
      b.cert.trim(),
    ]);
  });

  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  test.for([
    ["", "it has no certificate in PEM form"],
    ["garbage", "it has no certificate in PEM form"],
    [a.key, "it has no certificate in PEM form"],
    [a.cert + b.cert.slice(0, -40), "it ends inside a certificate"],
    [a.cert + broken, "its certificate number 2 is broken"],
  ] as const)("refuses text of another kind (%#)", ([text, problem]) => {
    expect(() => parseCertificates(text)).toThrow(problem);
  });
});
