// Which clients may come in by their certificates: the five policies of Go's crypto/tls, and exporter-toolkit's list of names.
// Decides once the handshake is over; that a client has the key of its certificate is TLS's part.
import type { TLSSocket } from "node:tls";

import type { ClientRefusal } from "../telemetry/metric-definitions.ts";
import { alternativeNames } from "./alternative-names.ts";

export interface ClientCertificatePolicy {
  /** Clients are asked for a certificate; they may come without. */
  readonly asks: boolean;
  /** Nobody comes in without a certificate. */
  readonly requires: boolean;
  /** A certificate has to be signed, directly or not, by one of `authorities`, valid now, and meant for clients. */
  readonly verifies: boolean;
  /** PEM. Undefined: those that Node.js trusts. */
  readonly authorities: string | undefined;
  /** The certificate has to be for one of these names. Undefined: whatever names it has. */
  readonly allowedNames: readonly string[] | undefined;
}

/** Nobody is asked. */
export const noClientCertificates: ClientCertificatePolicy = {
  asks: false,
  requires: false,
  verifies: false,
  authorities: undefined,
  allowedNames: undefined,
};

/** Undefined when the client may come in. The handshake has to be over. */
export function refuseClient(
  { requires, verifies, allowedNames }: ClientCertificatePolicy,
  socket: Pick<TLSSocket, "authorized" | "getPeerX509Certificate">,
): ClientRefusal | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return requires ? "missing" : undefined;
  if (verifies && !socket.authorized) return "unverified";
  if (allowedNames === undefined) return undefined;
  return alternativeNames(certificate).some((name) => allowedNames.includes(name)) ? undefined : "name";
}
