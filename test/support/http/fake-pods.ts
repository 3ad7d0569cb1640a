// Pods for tests: raw TCP or HTTP servers on addresses of 127.0.0.0/8 that share one port, and the PODS_FILE that describes
// them. Counts connections, so that a test can tell that nothing was dialled.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";

export interface FakePodOptions {
  readonly name: string;
  readonly namespace?: string;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly controller?: { readonly kind: string; readonly name: string };
  /** Container ports by name; 0 stands for the common port. */
  readonly ports?: Readonly<Record<string, number>>;
  /** Containers beside the first one, and the port that each declares. */
  readonly moreContainers?: Readonly<Record<string, number>>;
  /** Listed under this address instead of the one where it listens. */
  readonly listedIp?: string;
  /** Not in PODS_FILE at all. */
  readonly unlisted?: boolean;
  /** How it answers: an HTTP handler, or what is done with each connection. */
  readonly http?: RequestListener;
  readonly tcp?: (socket: Socket) => void;
  /** An `http` pod that speaks https. */
  readonly tls?: TlsOptions;
}

export interface FakePod {
  readonly name: string;
  readonly ip: string;
  /** Connections accepted so far, and those still open. */
  readonly connections: { accepted: number; open: number };
  /** Request targets and raw headers that an `http` pod saw. */
  readonly requests: { url: string; headers: readonly string[] }[];
}

export const textType = "text/plain; version=0.0.4; charset=utf-8";

/** A handler that always answers this exposition. */
export function answers(body: string | Buffer, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => {
    response.writeHead(200, { "content-type": textType, ...headers });
    response.end(body);
  };
}

export class FakePods {
  /** The port at which all of them listen. */
  port = 0;
  /** Path of the PODS_FILE. */
  file = "";
  readonly #pods = new Map<string, FakePod>();
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #objects: unknown[] = [];
  #directory = "";

  /** Pods get 127.20.0.1, 127.20.0.2 and so on, in the order given. */
  static async start(options: readonly FakePodOptions[]): Promise<FakePods> {
    const pods = new FakePods();
    for (const [index, pod] of options.entries())
      await pods.#add(pod, `127.20.${index >> 8}.${(index & 255) + 1}`);
    pods.#directory = await mkdtemp(join(tmpdir(), "proxy-pods-"));
    pods.file = join(pods.#directory, "pods.json");
    await writeFile(pods.file, JSON.stringify({ apiVersion: "v1", kind: "List", items: pods.#objects }));
    return pods;
  }

  get(name: string): FakePod {
    const pod = this.#pods.get(name);
    if (pod === undefined) throw new Error(`Cannot find fake pod "${name}": there is none`);
    return pod;
  }

  /** Connections accepted by all pods together. */
  get accepted(): number {
    let sum = 0;
    for (const pod of this.#pods.values()) sum += pod.connections.accepted;
    return sum;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #add(options: FakePodOptions, ip: string): Promise<void> {
    const pod: FakePod = { name: options.name, ip, connections: { accepted: 0, open: 0 }, requests: [] };
    const http: RequestListener = (request, response) => {
      pod.requests.push({ url: request.url ?? "", headers: request.rawHeaders });
      (options.http ?? answers("up_demo 1\n"))(request, response);
    };
    const server =
      options.tcp !== undefined
        ? createTcpServer(options.tcp)
        : options.tls === undefined
          ? createHttpServer({ keepAliveTimeout: 60_000 }, http)
          : createHttpsServer({ keepAliveTimeout: 60_000, ...options.tls }, http);
    server.on("connection", (socket: Socket) => {
      pod.connections.accepted++;
      pod.connections.open++;
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        pod.connections.open--;
        this.#sockets.delete(socket);
      });
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host: ip, port: this.port }, resolve);
    });
    this.port = (server.address() as AddressInfo).port;
    this.#servers.push(server);
    this.#pods.set(options.name, pod);
    if (options.unlisted !== true) this.#objects.push(podObject(options, options.listedIp ?? ip, this.port));
  }
}

function podObject(o: FakePodOptions, ip: string, port: number): unknown {
  const ports = Object.entries(o.ports ?? {});
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: o.name,
      namespace: o.namespace ?? "team-a",
      uid: `uid-${o.namespace ?? "team-a"}-${o.name}`,
      labels: o.labels ?? {},
      annotations: o.annotations ?? {},
      ownerReferences: o.controller === undefined ? [] : [{ ...o.controller, controller: true }],
    },
    spec: {
      nodeName: "node-1",
      containers: [
        {
          name: "main",
          ports: ports.map(([name, number]) => ({
            name,
            containerPort: number === 0 ? port : number,
            protocol: "TCP",
          })),
        },
        ...Object.entries(o.moreContainers ?? {}).map(([name, containerPort]) => ({
          name,
          ports: [{ containerPort }],
        })),
      ],
    },
    status: {
      phase: o.phase ?? "Running",
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: "Ready", status: o.ready === false ? "False" : "True" }],
    },
  };
}
