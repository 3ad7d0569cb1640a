// A real Kubernetes API server with its database, on loopback, without nodes: pods are objects whose status the test writes,
// and whose addresses are the test's own servers. Nothing outlives stop() or the test runner; every wait has a limit.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApiClient } from "./kubernetes/api-client.ts";
import { ApiServer, writeApiServerFiles, writeTokens, type Token } from "./kubernetes/api-server.ts";
import { AuditLog, type AuditedRequest, type AuditFilter } from "./kubernetes/audit-log.ts";
import { ClusterApi } from "./kubernetes/cluster-api.ts";
import { Etcd } from "./kubernetes/etcd.ts";
import { runCommand } from "./run-command.ts";
import { kubernetesToolPath } from "./tool-paths.ts";

export interface ClusterOptions {
  /** Besides the administrator's. */
  readonly tokens?: readonly Token[];
  /** More flags of kube-apiserver, e.g. `--watch-cache=false`: watches come from etcd then, and know what is compacted. */
  readonly apiServerFlags?: readonly string[];
}

/** Resolves when the API server is ready, after some 5 seconds. The caller must stop it (or hold it with `await using`). */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const folder = await mkdtemp(join(tmpdir(), "cluster-"));
  const cleanup: (() => Promise<void>)[] = [async () => rm(folder, { recursive: true })];
  try {
    const files = await writeApiServerFiles(folder);
    const { port, ca, caFile } = files;
    const adminToken = randomBytes(16).toString("hex");
    const url = `https://127.0.0.1:${port}`;
    const audit = await AuditLog.create(folder);
    const etcd = await Etcd.start(folder);
    cleanup.unshift(async () => etcd.stop());
    const client = new ApiClient({ url, ca, token: adminToken });
    cleanup.unshift(async () => client.close());
    const apiServer = new ApiServer(files, {
      folder,
      etcdUrl: etcd.url,
      flags: [...audit.flags, ...(options.apiServerFlags ?? [])],
      isReady: async (signal) => client.isReady(signal),
    });
    cleanup.unshift(async () => apiServer.end("SIGKILL"));
    const parts = { url, port, caFile, folder, adminToken, client, etcd, apiServer, audit, cleanup };
    const cluster = new Cluster(parts);
    await cluster.setTokens(options.tokens ?? []);
    await cluster.writeKubeconfig();
    await cluster.startApiServer();
    return cluster;
  } catch (error) {
    await endAll(cleanup);
    throw error;
  }
}

interface ClusterParts {
  readonly url: string;
  readonly port: number;
  readonly caFile: string;
  readonly folder: string;
  readonly adminToken: string;
  readonly client: ApiClient;
  readonly etcd: Etcd;
  readonly apiServer: ApiServer;
  readonly audit: AuditLog;
  readonly cleanup: (() => Promise<void>)[];
}

export class Cluster extends ClusterApi implements AsyncDisposable {
  /** e.g. `https://127.0.0.1:24680`; the same over restarts. */
  readonly url: string;
  readonly host = "127.0.0.1";
  readonly port: number;
  /** PEM: who vouches for the API server, for 127.0.0.1, localhost and kubernetes.default.svc. */
  readonly caFile: string;
  /** Of the group system:masters: may do everything, and is not in the audit log. */
  readonly adminToken: string;
  /** Its owner is the cluster; a test may put files of its own there. */
  readonly folder: string;
  readonly kubeconfigFile: string;
  readonly #parts: ClusterParts;

  /** @internal use startCluster() */
  constructor(parts: ClusterParts) {
    super(parts.client);
    this.#parts = parts;
    this.url = parts.url;
    this.port = parts.port;
    this.caFile = parts.caFile;
    this.adminToken = parts.adminToken;
    this.folder = parts.folder;
    this.kubeconfigFile = join(parts.folder, "kubeconfig");
  }

  /** The end of the API server's log, for messages of failed tests. */
  get logs(): string {
    return this.#parts.apiServer.logs;
  }

  async startApiServer(): Promise<void> {
    await this.#parts.apiServer.start();
  }

  /** Connections are reset; the data stay. */
  async killApiServer(): Promise<void> {
    await this.#parts.apiServer.end("SIGKILL");
  }

  /** As an update would: new connections are refused at once, open watches go on for 3 seconds. */
  async stopApiServer(): Promise<void> {
    await this.#parts.apiServer.end("SIGTERM");
  }

  /** Connections stay open and new ones are taken, but nothing is answered. */
  pauseApiServer(): void {
    this.#parts.apiServer.signal("SIGSTOP");
  }

  resumeApiServer(): void {
    this.#parts.apiServer.signal("SIGCONT");
  }

  /** Replaces all tokens but the administrator's, from the next start of the API server on: only then it reads them. */
  async setTokens(tokens: readonly Token[]): Promise<void> {
    const admin = { token: this.adminToken, user: "admin", groups: ["system:masters"] };
    await writeTokens(this.folder, [admin, ...tokens]);
  }

  /**
   * Makes the database forget all but the present. Lists that go on from a page get 410 at once. Watches do when the API
   * server has started anew since, or has no watch cache: its cache keeps the last events by itself.
   */
  async compact(): Promise<number> {
    return this.#parts.etcd.compact();
  }

  /** What anyone but the administrator asked of the API server, since the first start. */
  async requests(filter?: AuditFilter): Promise<AuditedRequest[]> {
    return this.#parts.audit.requests(filter);
  }

  async apiRequestCount(filter?: AuditFilter): Promise<number> {
    return (await this.requests(filter)).length;
  }

  /** Runs kubectl as the administrator. @returns what it printed @throws Error with its words when it fails */
  async kubectl(args: readonly string[], { input = "" }: { input?: string } = {}): Promise<string> {
    const { exitCode, stdout, stderr } = await runCommand(kubernetesToolPath("kubectl"), args, {
      input,
      env: { KUBECONFIG: this.kubeconfigFile, HOME: this.folder },
      timeoutMs: 60_000,
    });
    if (exitCode !== 0) throw new Error(`Cannot run "kubectl ${args.join(" ")}": ${stderr.trim()}`);
    return stdout;
  }

  /** @internal */
  async writeKubeconfig(): Promise<void> {
    const name = "test";
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name, cluster: { server: this.url, "certificate-authority": this.caFile } }],
      users: [{ name, user: { token: this.adminToken } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      "current-context": name,
    };
    await writeFile(this.kubeconfigFile, JSON.stringify(config), { mode: 0o600 });
  }

  /** Kills everything and removes the folder. May be called twice. */
  async stop(): Promise<void> {
    await endAll(this.#parts.cleanup);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** In order, each only once. */
async function endAll(cleanup: (() => Promise<void>)[]): Promise<void> {
  for (let end = cleanup.shift(); end !== undefined; end = cleanup.shift()) {
    await end();
  }
}
