// What a listener of HTTPS adds to one of HTTP: TLS 1.2 or later with HTTP/1.1 inside, handshakes that end in time, and an end for
// connections that HTTP does not know of yet. Never logs: anybody can make handshakes fail.
import { constants } from "node:crypto";
import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";

import type { ServingCertificate } from "./serving-certificate.ts";

const contextOptions = {
  minVersion: "TLSv1.2",
  // Costs the server far more than the client, and no scraper does it.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;

const handshakeTimeoutMs = 10_000;

/** For the constructor of the server; the certificate comes later. */
export const tlsServerOptions = {
  ...contextOptions,
  handshakeTimeout: handshakeTimeoutMs,
};

export class TlsConnections {
  readonly #server: TlsServer;
  /** The TCP connections, from the first moment on. */
  readonly #sockets = new Set<Socket>();

  /** `server` has to be one of node:https. */
  constructor(server: HttpServer, o: { onHandshakeTimeout: (() => void) | undefined }) {
    if (!(server instanceof TlsServer))
      throw new TypeError("Cannot serve TLS: this is a server of plain HTTP");
    this.#server = server;
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException) => {
      if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") o.onHandshakeTimeout?.();
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
