// Runs a real kube-apiserver on loopback, again and again on the same port and database. Its files (certificate, keys,
// tokens) lie in the cluster's folder.

import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CertificateAuthority } from "../certificate-authority.ts";
import { ServerProcess } from "../server-process.ts";
import { kubernetesToolPath } from "../tool-paths.ts";
import { findFixedPort } from "./fixed-port.ts";

const startTimeoutMs = 60_000;
/** Asked to end, it takes no new connections, but waits a minute for watches to end. A kubelet would kill it earlier. */
const stopTimeoutMs = 3_000;

export interface Token {
  readonly token: string;
  readonly user: string;
  readonly groups?: readonly string[];
}

export interface ApiServerOptions {
  readonly folder: string;
  readonly etcdUrl: string;
  readonly flags: readonly string[];
  /** Asks the server with the given address whether it is ready. */
  readonly isReady: (signal: AbortSignal) => Promise<boolean>;
}

/** What stays the same over restarts. */
export interface ApiServerFiles {
  readonly folder: string;
  readonly port: number;
  /** PEM. */
  readonly ca: string;
  readonly caFile: string;
}

export async function writeApiServerFiles(folder: string): Promise<ApiServerFiles> {
  const authority = CertificateAuthority.create({ name: "test cluster" });
  const names = ["localhost", "kubernetes.default.svc"];
  const { cert, key } = authority.issue({
    ips: ["127.0.0.1", "::1"],
    dnsNames: names,
    name: "kube-apiserver",
  });
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const accountKey = privateKey.export({ type: "sec1", format: "pem" });
  const files = {
    "ca.crt": authority.cert,
    "serving.crt": cert,
    "serving.key": key,
    "accounts.key": accountKey,
  };
  await Promise.all(
    Object.entries(files).map(async ([name, content]) => writeFile(join(folder, name), content)),
  );
  return { folder, port: await findFixedPort(), ca: authority.cert, caFile: join(folder, "ca.crt") };
}

/** For the next start: the server reads the file then and never again. */
export async function writeTokens(folder: string, tokens: readonly Token[]): Promise<void> {
  const lines = tokens.map(
    ({ token, user, groups = [] }) => `${token},${user},${user},"${groups.join(",")}"\n`,
  );
  await writeFile(join(folder, "tokens.csv"), lines.join(""));
}

export class ApiServer {
  readonly #files: ApiServerFiles;
  readonly #options: ApiServerOptions;
  #process: ServerProcess | undefined;

  constructor(files: ApiServerFiles, options: ApiServerOptions) {
    this.#files = files;
    this.#options = options;
  }

  get logs(): string {
    return this.#process?.logs ?? "";
  }

  /** Resolves when it is ready. */
  async start(): Promise<void> {
    if (this.#process !== undefined) throw new Error("Cannot start the API server: it runs");
    const process = new ServerProcess({
      name: "kube-apiserver",
      file: kubernetesToolPath("kube-apiserver"),
      args: this.#args(),
    });
    this.#process = process;
    try {
      await process.ready(this.#options.isReady, startTimeoutMs);
    } catch (error) {
      await this.end("SIGKILL");
      throw error;
    }
  }

  /** Does nothing when it does not run. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.stop(signal, stopTimeoutMs);
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    if (this.#process === undefined)
      throw new Error(`Cannot send ${name} to the API server: it does not run`);
    this.#process.signal(name);
  }

  #args(): string[] {
    const { folder, port } = this.#files;
    return [
      `--etcd-servers=${this.#options.etcdUrl}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      `--tls-cert-file=${join(folder, "serving.crt")}`,
      `--tls-private-key-file=${join(folder, "serving.key")}`,
      `--cert-dir=${folder}`,
      "--authorization-mode=RBAC",
      `--token-auth-file=${join(folder, "tokens.csv")}`,
      // There is no controller that would create an account in every namespace.
      "--disable-admission-plugins=ServiceAccount",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${join(folder, "accounts.key")}`,
      `--service-account-signing-key-file=${join(folder, "accounts.key")}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      // Nobody asks for the service `kubernetes`, and a killed server cannot take its address out of it.
      "--endpoint-reconciler-type=none",
      ...this.#options.flags,
    ];
  }
}
