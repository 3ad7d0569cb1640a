// Opens the socket to a pod: TCP, and TLS on top of it where the target says so.
// Never resolves a name, never follows the environment, never skips verification unless it was told to.
import { isIP, connect as connectTcp, type LookupFunction, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";

import { codeOf, PodError, type PodFailure } from "./pod-failure.ts";

export interface PodSocketOptions {
  /** CONNECT_TIMEOUT: covers TCP and TLS together. */
  readonly connectTimeoutMs: number;
  readonly secureContext: SecureContext;
  /** Whether the certificate has to be valid for the address that is dialled. */
  readonly rejectUnauthorized: boolean;
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
    ? connectTls({
        ...common,
        secureContext: o.secureContext,
        rejectUnauthorized: o.rejectUnauthorized,
        ALPNProtocols: ["http/1.1"],
      })
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
        ? { reason: "tls", detail: `the TLS handshake failed (${codeOf(error)})` }
        : { reason: "connect", detail: `connecting failed (${codeOf(error)})` },
      error,
    );
  });
  socket.once("close", () => clearTimeout(timer));
  return socket;
}
