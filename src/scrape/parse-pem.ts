// Certificates and keys as text (PEM), checked before TLS gets them: Node.js takes a file without any certificate as an empty
// list of authorities, and says so nowhere. Errors never contain text of the file.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

const certificateBlock = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Every certificate of the text, in its order; at least one. Text around them is skipped. Throws when one is broken. */
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

/** The key as it came, once it is known to be the certificate's. */
export function parseClientKey(text: string, certificate: string): string {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (error) {
    const encrypted =
      (error as { code?: unknown }).code === "ERR_MISSING_PASSPHRASE" || /ENCRYPTED/.test(text);
    throw new Error(
      encrypted ? "its key is encrypted, which is not supported" : "it has no private key in PEM form",
      { cause: error },
    );
  }
  if (!new X509Certificate(certificate).checkPrivateKey(key)) {
    throw new Error("its key is not that of the first certificate in UPSTREAM_CERT_FILE");
  }
  return text;
}
