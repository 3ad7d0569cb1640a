// What a listener of HTTPS adds to one of HTTP: TLS 1.2 or later with HTTP/1.1 inside, handshakes that end in time, the certificates
// of clients, and an end for connections that HTTP does not know of yet. Never logs: anybody can make handshakes fail.
import { constants } from "node:crypto";
import type { Server as HttpServer } from "node:http";
import type { Socket } from "node:net";
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type SecureVersion,
  Server as TlsServer,
  type TLSSocket,
} from "node:tls";

import type { ClientRefusal } from "../telemetry/metric-definitions.ts";
import { type ClientCertificatePolicy, noClientCertificates, refuseClient } from "./client-certificates.ts";
import type { ServingCertificate } from "./serving-certificate.ts";

/** How handshakes are made, but for the certificate. Names are OpenSSL's. */
export interface TlsPolicy {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  /** Undefined: the defaults of Node.js. */
  readonly ciphers: string | undefined;
  readonly curves: string | undefined;
  readonly honorCipherOrder: boolean;
  readonly clients: ClientCertificatePolicy;
}

const defaultPolicy: TlsPolicy = {
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.3",
  ciphers: undefined,
  curves: undefined,
  honorCipherOrder: true,
  clients: noClientCertificates,
};

/** Throws when TLS refuses a part of it. */
export function secureContextOptions(
  { key, chain }: ServingCertificate,
  { minVersion, maxVersion, ciphers, curves, honorCipherOrder, clients }: TlsPolicy,
): SecureContextOptions {
  return {
    key,
    cert: chain,
    minVersion,
    maxVersion,
    honorCipherOrder,
    sessionIdContext: "k8s-prometheus-proxy",
    ...(ciphers !== undefined && { ciphers }),
    ...(curves !== undefined && { ecdhCurve: curves }),
    // As in Go, every authority named is one to trust, not only roots.
    ...(clients.authorities !== undefined && { ca: clients.authorities, allowPartialTrustChain: true }),
    secureOptions:
      // Costs the server far more than the client, and no scraper does it.
      constants.SSL_OP_NO_RENEGOTIATION |
      // A session that goes on would go on with a certificate that was verified long ago.
      (clients.asks ? constants.SSL_OP_NO_TICKET : 0),
  };
}

const handshakeTimeoutMs = 10_000;

/**
 * A connection under TLS takes about 70 KB, ten times one without: fewer of them have to do. Enough for every place of
 * MAX_CONCURRENT_KUBESD by default.
 */
export const maxTlsConnections = 2560;

/** Whoever has not shown yet that it speaks TLS: beyond this the oldest has to go, which an honest client is not for long. */
const maxOpenHandshakes = 256;

/** For the constructor of the server; certificate and policy come later. */
export const tlsServerOptions = {
  minVersion: defaultPolicy.minVersion,
  handshakeTimeout: handshakeTimeoutMs,
};

/** Properties of Node's TLS server that its types do not have. It looks at them for each connection. */
interface ServerInternals {
  requestCert: boolean;
  rejectUnauthorized: boolean;
  /** `setSecureContext()` cannot be given `allowPartialTrustChain`. */
  _sharedCreds: SecureContext;
}

export interface TlsConnectionsOptions {
  /** A handshake took too long, or had to make room for others. */
  readonly onHandshakeRefused: (() => void) | undefined;
  /** A client had no certificate, or none that lets it in. */
  readonly onClientRefused: ((refusal: ClientRefusal) => void) | undefined;
}

interface Handshake {
  readonly socket: Socket;
  /** The policy that it began with. */
  readonly clients: ClientCertificatePolicy;
}

export class TlsConnections {
  readonly #server: TlsServer;
  /** The TCP connections, from the first moment on. */
  readonly #sockets = new Set<Socket>();
  /** Those whose handshake has not ended, by the address of the peer, the oldest first. */
  readonly #handshakes = new Map<string, Handshake>();
  #clients = noClientCertificates;

  /** `server` has to be one of node:https. */
  constructor(server: HttpServer, o: TlsConnectionsOptions) {
    if (!(server instanceof TlsServer))
      throw new TypeError("Cannot serve TLS: this is a server of plain HTTP");
    this.#server = server;
    this.#server.on("connection", (socket: Socket) => {
      const peer = peerOf(socket);
      this.#sockets.add(socket);
      this.#handshakes.set(peer, { socket, clients: this.#clients });
      socket.once("close", () => {
        this.#sockets.delete(socket);
        if (this.#handshakes.get(peer)?.socket === socket) this.#handshakes.delete(peer);
      });
      if (this.#handshakes.size <= maxOpenHandshakes) return;
      o.onHandshakeRefused?.();
      for (const [oldest, its] of this.#handshakes) {
        this.#handshakes.delete(oldest);
        its.socket.destroy();
        break;
      }
    });
    // HTTP must not see a client before it is let in.
    const serve = this.#server.listeners("secureConnection") as ((socket: TLSSocket) => void)[];
    this.#server.removeAllListeners("secureConnection");
    this.#server.on("secureConnection", (socket: TLSSocket) => {
      const peer = peerOf(socket);
      const handshake = this.#handshakes.get(peer);
      this.#handshakes.delete(peer);
      const refusal = handshake === undefined ? "gone" : refuseClient(handshake.clients, socket);
      if (refusal === undefined) for (const listener of serve) listener.call(this.#server, socket);
      else socket.destroy();
      if (refusal !== undefined && refusal !== "gone") o.onClientRefused?.(refusal);
    });
    this.#server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      if (error.code === "ERR_TLS_HANDSHAKE_TIMEOUT") o.onHandshakeRefused?.();
      if (error.code === "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE") o.onClientRefused?.("missing");
      if (socket.authorizationError) o.onClientRefused?.("unverified");
    });
  }

  /**
   * For handshakes from now on. Throws, and leaves what was before in use, when TLS refuses it. Default policy: TLS 1.2 or
   * later, and no certificates of clients.
   */
  useCertificate(certificate: ServingCertificate, policy: TlsPolicy = defaultPolicy): void {
    const { clients } = policy;
    const context = createSecureContext(secureContextOptions(certificate, policy));
    const server = this.#server as TlsServer & ServerInternals;
    server._sharedCreds = context;
    server.requestCert = clients.asks;
    // Node.js and OpenSSL refuse such clients before refuseClient() would.
    server.rejectUnauthorized = clients.requires && clients.verifies;
    this.#clients = clients;
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
