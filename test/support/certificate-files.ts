// A folder with the files that CERT_KEY_FILE and its companions name.
import { createPrivateKey } from "node:crypto";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class CertificateFolder implements AsyncDisposable {
  readonly #path: string;
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  readonly password: string;

  private constructor(path: string) {
    this.#path = path;
    this.key = join(path, "tls.key");
    this.cert = join(path, "tls.crt");
    this.ca = join(path, "ca.crt");
    this.password = join(path, "password");
  }

  static async create(): Promise<CertificateFolder> {
    return new CertificateFolder(await mkdtemp(join(tmpdir(), "proxy-certificate-")));
  }

  /** Each file is replaced as a whole; those that are not given stay as they are. */
  async write(contents: {
    key?: string;
    cert?: string;
    ca?: string;
    password?: string | Buffer;
  }): Promise<void> {
    for (const [name, content] of Object.entries(contents)) {
      const file = this[name as keyof typeof contents];
      await writeFile(`${file}.new`, content);
      await rename(`${file}.new`, file);
    }
  }

  /** The variables for the files that every certificate needs. */
  get env(): { CERT_KEY_FILE: string; CERT_FILE: string } {
    return { CERT_KEY_FILE: this.key, CERT_FILE: this.cert };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { recursive: true });
  }
}

/** The forms in which OpenSSL has written encrypted keys over the years; `pkcs1` for RSA, `sec1` for ECDSA. */
export function encryptKey(
  pem: string,
  o: { type: "pkcs8" | "pkcs1" | "sec1"; cipher?: string; passphrase: string | Buffer },
): string {
  return createPrivateKey(pem)
    .export({ cipher: "aes-256-cbc", ...o, type: o.type, format: "pem" })
    .toString();
}
