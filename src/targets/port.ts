// Ports as requests and annotations write them: a number in its one decimal spelling, or the name of a container port.
// Never converts: what Number() would make of signs, blanks, hex, exponents or other scripts is refused.
import { MalformedRequestError } from "./malformed-request-error.ts";
import { quote } from "./quote.ts";
import { splitList } from "./split-list.ts";

const decimal = /^[1-9][0-9]{0,4}$/;
// Kubernetes' IANA_SVC_NAME, narrowed to a first letter: "0x2328" must be a malformed number and not a name.
const serviceName = /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/;
const maxServiceNameLength = 15;

/** An inclusive range of PORT_WHITELIST, 1 to 65535. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** A port as `/mproxy` takes it: a number, or the name of a container port. */
export type PortReference = number | string;

/** 1 to 65535, or undefined when the text is anything but the canonical decimal of such a number. */
export function parsePortNumber(text: string): number | undefined {
  if (!decimal.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

/** Reads `target_port`: a number. Throws MalformedRequestError. */
export function requirePortNumber(text: string | undefined): number {
  const port = parsePortNumber(text ?? "");
  if (port !== undefined) return port;
  throw new MalformedRequestError(
    "port",
    text === undefined
      ? "Cannot read port: target_port is missing"
      : `Cannot read port ${quote(text)}: not a number from 1 to 65535`,
  );
}

/** Each port is another target for every pod: more of them in one request would be a port scan. */
const maxPorts = 8;

/** Reads ports, repeated or with commas: each a number or a port name, at most 8. Throws MalformedRequestError. */
export function parsePortReferences(values: readonly string[]): readonly PortReference[] {
  const texts = splitList(values);
  if (texts.length <= maxPorts) return texts.map((text) => parsePortReference(text));
  throw new MalformedRequestError(
    "port",
    `Cannot read ports: there are ${texts.length}, at most ${maxPorts} are taken`,
    {
      limit: "upstream_ports",
    },
  );
}

/** Reads one port: a number, or a port name. Throws MalformedRequestError. */
export function parsePortReference(text: string): PortReference {
  const port = parsePortNumber(text);
  if (port !== undefined) return port;
  if (text.length <= maxServiceNameLength && serviceName.test(text)) return text;
  throw new MalformedRequestError(
    "port",
    `Cannot read port ${quote(text)}: neither a number from 1 to 65535 nor the name of a container port`,
  );
}
