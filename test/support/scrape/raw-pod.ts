// A pod made of a raw socket: tests decide about every byte it sends, and when.
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

import { type Pod, readPod } from "../../../src/discovery/pod.ts";
import type { Target } from "../../../src/targets/target.ts";

export interface RawRequest {
  readonly socket: Socket;
  /** The head as it came, with its empty line. */
  readonly head: string;
  /** Counted from 1, over all connections of the pod. */
  readonly connection: number;
  /** Counted from 1, on this connection. */
  readonly request: number;
}

export interface RawPodOptions {
  readonly ip?: string;
  readonly tls?: TlsOptions;
  /** Called as soon as there is a connection, before any request. */
  readonly connected?: (socket: Socket, connection: number) => void;
}

export interface RawPod extends AsyncDisposable {
  readonly ip: string;
  readonly port: number;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Connections open now. */
  readonly open: number;
  /** Heads of the requests so far. */
  readonly heads: readonly string[];
  target(uid?: string, path?: string): Target;
}

export async function startRawPod(
  answer: (request: RawRequest) => void,
  o: RawPodOptions = {},
): Promise<RawPod> {
  const ip = o.ip ?? "127.0.0.1";
  const sockets = new Set<Socket>();
  const heads: string[] = [];
  let connections = 0;
  const onConnection = (socket: Socket) => {
    const connection = ++connections;
    let request = 0;
    let bytes = "";
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      bytes += chunk.toString("latin1");
      for (let end = bytes.indexOf("\r\n\r\n"); end !== -1; end = bytes.indexOf("\r\n\r\n")) {
        const head = bytes.slice(0, end + 4);
        bytes = bytes.slice(end + 4);
        heads.push(head);
        answer({ socket, head, connection, request: ++request });
      }
    });
    o.connected?.(socket, connection);
  };
  const server: Server =
    o.tls === undefined ? createServer(onConnection) : createTlsServer(o.tls, onConnection);
  server.on("tlsClientError", () => {});
  server.listen(0, ip);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    ip,
    port,
    heads,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    target: (uid = "uid-1", path = "/metrics") => targetOf({ ip, port, tls: o.tls !== undefined, uid, path }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function targetOf(o: {
  ip: string;
  port: number;
  tls?: boolean;
  uid?: string;
  path?: string;
}): Target {
  const uid = o.uid ?? "uid-1";
  const pod = readPod({
    metadata: { uid, namespace: "team-a", name: `pod-${uid}` },
    spec: { nodeName: "node-1" },
    status: { podIP: o.ip, phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  }) as Pod;
  return {
    pod,
    namespace: pod.namespace,
    podName: pod.name,
    ip: o.ip,
    port: o.port,
    tls: o.tls ?? false,
    path: o.path ?? "/metrics",
  };
}

/** A complete 200 with a length. `headers` are further header lines. */
export function ok(body: string | Buffer, headers: readonly string[] = []): Buffer {
  const head = ["HTTP/1.1 200 OK", "Content-Type: text/plain", `Content-Length: ${body.length}`, ...headers];
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), Buffer.from(body)]);
}
