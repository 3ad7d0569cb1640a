// Opens the socket to a pod: TCP, and TLS on top of it where the target says so.
// Never resolves a name, never follows the environment, never skips verification unless it was told to.
import { isIP, connect as connectTcp, type LookupFunction, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  type SecureContext,
} from "node:tls";

import { codeOf, PodError, type PodFailure } from "./pod-failure.ts";
import { tlsFailure } from "./tls-failure.ts";

/** How pods are verified; looked at anew for each connection. */
export interface PodTls {
  readonly secureContext: SecureContext;
  /** False only where the operator said so. Never taken from NODE_TLS_REJECT_UNAUTHORIZED by itself. */
  readonly rejectUnauthorized: boolean;
  /** DNS name or IP literal that the certificate has to be valid for; the address that is dialled when undefined. */
  readonly serverName: string | undefined;
}

export interface PodSocketOptions {
  /** CONNECT_TIMEOUT: covers TCP and TLS together. */
  readonly connectTimeoutMs: number;
  readonly tls: PodTls;
}

export interface PodEndpoint {
  /** IP literal without brackets and zone. */
  readonly ip: string;
  readonly port: number;
  readonly tls: boolean;
}

// Reached only if Node.js took an IP literal for a name.
const refuseLookup: LookupFunction = (hostname, _options, callback) => {
  callback(new Error(`Cannot look up "${hostname}": pods are dialled by address`), "", 0);
};

/**
 * Dials; `opened` is called exactly once unless the socket is destroyed before. Throws a RangeError when the address is not an IP
 * literal or the port is out of range: such a target must not have passed the guards.
 */
export function openPodSocket(
  endpoint: PodEndpoint,
  o: PodSocketOptions,
  opened: (...result: [error: PodError, socket: null] | [error: null, socket: Socket]) => void,
): Socket {
  const { ip: host, port, tls } = endpoint;
  if (isIP(host) === 0 || host.includes("%"))
    throw new RangeError(`Cannot dial "${host}": not an IP address`);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new RangeError(`Cannot dial port ${port}: out of range`);

  const common = {
    host,
    port,
    lookup: refuseLookup,
    noDelay: true,
    keepAlive: true,
    highWaterMark: 64 * 1024,
  };
  const socket = tls
    ? connectTls({ ...common, ...tlsOptions(host, o.tls), ALPNProtocols: ["http/1.1"] })
    : connectTcp(common);
  let connected = false;
  let settled = false;
  const settle = (failure?: PodFailure, cause?: Error) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    if (failure === undefined) opened(null, socket);
    else opened(new PodError(failure, { cause }), null);
  };
  const timer = setTimeout(() => {
    socket.destroy();
    settle(
      connected
        ? { reason: "tls", detail: "the TLS handshake took longer than CONNECT_TIMEOUT" }
        : { reason: "connect", detail: "connecting took longer than CONNECT_TIMEOUT" },
    );
  }, o.connectTimeoutMs);
  socket.once("connect", () => {
    connected = true;
    if (!tls) settle();
  });
  if (tls) socket.once("secureConnect", () => settle());
  // Stays for the socket's whole life: an error without a listener ends the process.
  socket.on("error", (error) => {
    settle(
      connected
        ? tlsFailure(codeOf(error))
        : { reason: "connect", detail: `connecting failed (${codeOf(error)})` },
      error,
    );
  });
  socket.once("close", () => clearTimeout(timer));
  return socket;
}

function tlsOptions(
  host: string,
  { secureContext, rejectUnauthorized, serverName }: PodTls,
): ConnectionOptions {
  return {
    secureContext,
    rejectUnauthorized,
    // The extension carries names only (RFC 6066 section 3): an address is verified, but not sent.
    servername: serverName === undefined || isIP(serverName) !== 0 ? "" : serverName,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(serverName ?? host, certificate),
  };
}
