// Starts the database of a test cluster, on loopback and without the guarantees that only matter when the machine fails.

import { join } from "node:path";
import { ServerProcess } from "../server-process.ts";
import { etcdEnvironment, kubernetesToolPath } from "../tool-paths.ts";
import { findFixedPort } from "./fixed-port.ts";

const startTimeoutMs = 20_000;

export class Etcd {
  readonly url: string;
  readonly #process: ServerProcess;

  private constructor(url: string, process: ServerProcess) {
    this.url = url;
    this.#process = process;
  }

  /** `folder` is the cluster's; the data lie in it. */
  static async start(folder: string): Promise<Etcd> {
    const url = `http://127.0.0.1:${await findFixedPort()}`;
    const process = new ServerProcess({
      name: "etcd",
      file: kubernetesToolPath("etcd"),
      args: [
        `--data-dir=${join(folder, "etcd")}`,
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        // One member speaks to nobody.
        "--listen-peer-urls=http://127.0.0.1:0",
        "--unsafe-no-fsync",
      ],
      env: etcdEnvironment,
    });
    try {
      await process.ready(async (signal) => (await fetch(`${url}/health`, { signal })).ok, startTimeoutMs);
    } catch (error) {
      await process.stop();
      throw error;
    }
    return new Etcd(url, process);
  }

  /** Forgets every state but the present one. @returns the revision of the present state */
  async compact(): Promise<number> {
    const key = Buffer.from("/").toString("base64");
    const { header } = await this.#call<{ header: { revision: string } }>("range", { key });
    await this.#call("compaction", { revision: header.revision, physical: true });
    return Number(header.revision);
  }

  async stop(): Promise<void> {
    await this.#process.stop();
  }

  async #call<Answer>(operation: string, body: object): Promise<Answer> {
    const response = await fetch(`${this.url}/v3/kv/${operation}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) {
      throw new Error(`Cannot do "${operation}" in etcd: ${response.status} ${await response.text()}`);
    }
    return (await response.json()) as Answer;
  }
}
