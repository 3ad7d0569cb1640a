// Checks one CIDR of a whitelist and writes it canonically. Only spellings that nothing else reads differently are
// taken: other parsers see `010.0.0.0` as 8.0.0.0 and `0x0a.0.0.0` as 10.0.0.0. Decides nothing about who may be scraped.
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

export interface Cidr {
  /** The network, canonical: `10.244.0.0/16`, `fd00::/8`. */
  readonly text: string;
  /** Whether bits behind the prefix were set, as in `10.244.0.5/16`. */
  readonly hostBits: boolean;
}

/** Reads `<address>/<prefix length>`, or a bare address as the network of that one address. Gives a reason when it is neither. */
export function parseCidr(text: string): Cidr | { reason: string } {
  const slash = text.indexOf("/");
  const address = slash === -1 ? text : text.slice(0, slash);
  if (isIPv4(address))
    return readNetwork(ipaddr.IPv4, address, slash === -1 ? "32" : text.slice(slash + 1), 32);
  if (address.includes("%")) return { reason: "an address with a zone is not a network" };
  if (!isIPv6(address)) return { reason: `${JSON.stringify(address)} is not an IP address` };
  if (ipaddr.IPv6.parse(address).isIPv4MappedAddress()) {
    return { reason: "IPv4 addresses in IPv6 form match no pod; write them in IPv4 form" };
  }
  return readNetwork(ipaddr.IPv6, address, slash === -1 ? "128" : text.slice(slash + 1), 128);
}

function readNetwork(
  family: typeof ipaddr.IPv4 | typeof ipaddr.IPv6,
  address: string,
  prefixLength: string,
  bits: number,
): Cidr | { reason: string } {
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixLength) || Number(prefixLength) > bits) {
    return { reason: `the prefix length must be a number from 0 to ${bits}` };
  }
  const network = family.networkAddressFromCIDR(`${address}/${prefixLength}`);
  return {
    text: `${formatAddress(network)}/${prefixLength}`,
    hostBits: formatAddress(network) !== formatAddress(family.parse(address)),
  };
}

function formatAddress(address: ipaddr.IPv4 | ipaddr.IPv6): string {
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}
