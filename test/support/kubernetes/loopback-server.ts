// An HTTP or HTTPS server on 127.0.0.1 that can be killed as a process is, and started again on its port. Knows nothing of
// Kubernetes.
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";

export interface StartOptions {
  /** PEM. Without it: plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Default: the port of the last start, else any. */
  readonly port?: number;
}

export class LoopbackServer {
  readonly #serve: RequestListener;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #scheme = "http";
  #port = 0;

  constructor(serve: RequestListener) {
    this.#serve = serve;
  }

  /** @throws Error when it was never started */
  get url(): string {
    if (this.#port === 0) throw new Error("Cannot give the address of the server: it was never started");
    return `${this.#scheme}://127.0.0.1:${this.#port}`;
  }

  async start({ tls, port = this.#port }: StartOptions): Promise<void> {
    const server = tls === undefined ? createHttpServer(this.#serve) : createHttpsServer(tls, this.#serve);
    server.keepAliveTimeout = 90_000;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
    await promise;
    this.#server = server;
    this.#scheme = tls === undefined ? "http" : "https";
    this.#port = (server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const { promise, resolve } = Promise.withResolvers<unknown>();
    server.close(resolve);
    this.destroyConnections();
    await promise;
  }

  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
