// A folder with WEB_CONFIG_FILE and the files that it names, for one test.
import { rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";

import type { CertificateAuthority } from "./certificate-authority.ts";
import { CertificateFolder } from "./certificate-files.ts";
import { type StartedProgram, startProgram } from "./http/start-program.ts";

export interface WebConfigFolder extends CertificateFolder {
  /** WEB_CONFIG_FILE. */
  readonly web: string;
  /** Replaces it. */
  readonly configure: (text: string) => Promise<void>;
}

export interface WebConfigFolderOptions {
  /** Of the certificate that is served, for 127.0.0.1. */
  readonly root: CertificateAuthority;
  /** What client_ca_file may name as `ca.crt`. */
  readonly clients: CertificateAuthority;
}

/** Removed when the test is over. */
export async function createWebConfigFolder(
  text: string,
  { root, clients }: WebConfigFolderOptions,
): Promise<WebConfigFolder> {
  const folder = await CertificateFolder.create();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  await folder.write({ ...root.issue({ ips: ["127.0.0.1"] }), ca: clients.cert });
  const web = join(dirname(folder.key), "web.yml");
  const configure = async (content: string) => {
    await writeFile(`${web}.new`, content);
    await rename(`${web}.new`, web);
  };
  await configure(text);
  return Object.assign(folder, { web, configure });
}

/** The program with this WEB_CONFIG_FILE, ended when the test is over. */
export async function startWithWebConfig(
  folder: WebConfigFolder,
  env: Readonly<Record<string, string>>,
): Promise<StartedProgram> {
  const program = await startProgram({ env: { WEB_CONFIG_FILE: folder.web, HTTPS_PORT: "0", ...env } });
  onTestFinished(async () => {
    program.kill("SIGTERM");
    await program.exit;
  });
  return program;
}

/** The section for TLS; `keys` begin with a comma. */
export const tlsSection = (keys: string) =>
  `tls_server_config: {cert_file: tls.crt, key_file: tls.key${keys}}\n`;
