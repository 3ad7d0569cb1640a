// What a listener of HTTPS adds to one of HTTP: TLS 1.2 or later with HTTP/1.1 inside, handshakes that end in time, and an end for
// connections that HTTP does not know of yet. Never logs: anybody can make handshakes fail.
import { constants } from "node:crypto";
import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer, type TLSSocket } from "node:tls";

import type { ServingCertificate } from "./serving-certificate.ts";

const contextOptions = {
  minVersion: "TLSv1.2",
  // Costs the server far more than the client, and no scraper does it.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;

const handshakeTimeoutMs = 10_000;

/**
 * A connection under TLS takes about 70 KB, ten times one without: fewer of them have to do. Enough for every place of
 * MAX_CONCURRENT_KUBESD by default.
 */
export const maxTlsConnections = 2560;

/** Whoever has not shown yet that it speaks TLS: beyond this the oldest has to go, which an honest client is not for long. */
const maxOpenHandshakes = 256;

/** For the constructor of the server; the certificate comes later. */
export const tlsServerOptions = {
  ...contextOptions,
  handshakeTimeout: handshakeTimeoutMs,
};

export class TlsConnections {
  readonly #server: TlsServer;
  /** The TCP connections, from the first moment on. */
  readonly #sockets = new Set<Socket>();
  /** Those whose handshake has not ended, by the address of the peer, the oldest first. */
  readonly #handshakes = new Map<string, Socket>();

  /** `server` has to be one of node:https. `onHandshakeRefused`: it took too long, or had to make room for others. */
  constructor(server: HttpServer, o: { onHandshakeRefused: (() => void) | undefined }) {
    if (!(server instanceof TlsServer))
      throw new TypeError("Cannot serve TLS: this is a server of plain HTTP");
    this.#server = server;
    this.#server.on("connection", (socket: Socket) => {
      const peer = peerOf(socket);
      this.#sockets.add(socket);
      this.#handshakes.set(peer, socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        if (this.#handshakes.get(peer) === socket) this.#handshakes.delete(peer);
      });
      if (this.#handshakes.size <= maxOpenHandshakes) return;
      o.onHandshakeRefused?.();
      for (const [oldest, its] of this.#handshakes) {
        this.#handshakes.delete(oldest);
        its.destroy();
        break;
      }
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => this.#handshakes.delete(peerOf(socket)));
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException) => {
      if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") o.onHandshakeRefused?.();
    });
  }

  /** For handshakes from now on. Throws, and leaves the one before in use, when TLS refuses it. */
  useCertificate({ key, chain }: ServingCertificate): void {
    // Sets the whole context, not only what is named.
    this.#server.setSecureContext({ ...contextOptions, key, cert: chain });
  }

  /** Also those whose handshake has not ended, which the HTTP server does not know. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The same for a TCP connection and for the TLS on it. */
export function peerOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
