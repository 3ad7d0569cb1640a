// The key of the certificate that pods are shown, checked before TLS gets it. Errors never contain text of the file.
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";

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
