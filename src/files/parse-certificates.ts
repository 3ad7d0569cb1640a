// Certificates as text (PEM), checked before TLS gets them: Node.js takes a file without any certificate as an empty list of
// authorities, and one with a broken certificate as far as it goes, and says so nowhere.
import { X509Certificate } from "node:crypto";

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Every certificate of the text as PEM, in its order; at least one. Text around them is skipped. Throws when one is broken;
 * messages complete "Cannot read <file>: ".
 */
export function parseCertificates(text: string): string[] {
  const blocks = text.match(certificateBlock) ?? [];
  if (blocks.length === 0) throw new Error("it has no certificate in PEM form");
  const begun = text.split("-----BEGIN CERTIFICATE-----").length - 1;
  if (begun !== blocks.length) throw new Error("it ends inside a certificate");
  for (const [index, block] of blocks.entries()) {
    try {
      void new X509Certificate(block);
    } catch (error) {
      throw new Error(`its certificate number ${index + 1} is broken`, { cause: error });
    }
  }
  return blocks;
}
