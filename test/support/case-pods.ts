// One HTTP server for each body, each on an address of its own, and the PODS_FILE in which it is a pod together with a
// good neighbour: `case-017-bad` and `case-017-good`. They send what they have, whatever is asked for. Nothing listens
// outside 127.0.0.0/8.
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answers, textType } from "./http/fake-pods.ts";

/** All pods lie in it. */
export const casePodsCidr = "127.21.0.0/16";
export const casePodsNamespace = "cases";

export interface CaseBody {
  readonly body: Uint8Array;
  /** The Content-Type, by default that of the text format. */
  readonly contentType?: string;
  /** Stands behind `case-` in the names of the pod and of its neighbour, so that a merge can be of all with the same. */
  readonly group?: string;
}

export interface CasePod {
  /** `case-017-`: begins the names of the pod and of its neighbour, and of no other pod. */
  readonly prefix: string;
  readonly podName: string;
  readonly goodName: string;
  /** Where the pod serves /metrics, as `127.21.0.18:40123`. */
  readonly address: string;
}

export class CasePods implements AsyncDisposable {
  /** In the order of the bodies. */
  readonly pods: readonly CasePod[];
  /** Path of the PODS_FILE. */
  readonly file: string;
  readonly #folder: string;
  readonly #servers: readonly Server[];

  private constructor(pods: readonly CasePod[], folder: string, servers: readonly Server[]) {
    this.pods = pods;
    this.file = join(folder, "pods.json");
    this.#folder = folder;
    this.#servers = servers;
  }

  /** Starts one pod a body; all good neighbours share one server. */
  static async start(bodies: readonly CaseBody[], goodBody: CaseBody): Promise<CasePods> {
    const good = await serve(goodBody, "127.21.255.1");
    const servers = [good];
    const pods: CasePod[] = [];
    const items: object[] = [];
    for (const [index, body] of bodies.entries()) {
      const server = await serve(body, `127.21.${Math.floor(index / 200)}.${(index % 200) + 1}`);
      servers.push(server);
      const prefix = `case-${body.group ?? ""}${String(index).padStart(3, "0")}-`;
      const [podName, goodName] = [`${prefix}bad`, `${prefix}good`];
      const { address, port } = addressOf(server);
      pods.push({ prefix, podName, goodName, address: `${address}:${port}` });
      items.push(podObject(podName, addressOf(server)), podObject(goodName, addressOf(good)));
    }
    const folder = await mkdtemp(join(tmpdir(), "case-pods-"));
    const started = new CasePods(pods, folder, servers);
    await writeFile(started.file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
    return started;
  }

  async stop(): Promise<void> {
    const closed = this.#servers.map((server) => {
      server.close();
      server.closeAllConnections();
      return once(server, "close");
    });
    await Promise.all([...closed, rm(this.#folder, { recursive: true })]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

async function serve({ body, contentType = textType }: CaseBody, host: string): Promise<Server> {
  const handler = answers(Buffer.from(body), { "content-type": contentType });
  const server = createServer({ keepAliveTimeout: 60_000 }, handler);
  server.listen({ host, port: 0 });
  await once(server, "listening");
  return server;
}

const addressOf = (server: Server) => server.address() as AddressInfo;

function podObject(name: string, { address, port }: AddressInfo): object {
  const annotations = { "prometheus.io/port": String(port) };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: casePodsNamespace, uid: `uid-${name}`, annotations },
    spec: { nodeName: "node-1", containers: [] },
    status: { phase: "Running", podIP: address },
  };
}
