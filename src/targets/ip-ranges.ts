// CIDR_WHITELIST and the one spelling of an address that the proxy takes.
// Never interprets an address leniently: two parsers that read one text differently are how such guards are passed.
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import { quote } from "./quote.ts";

type Address = ipaddr.IPv4 | ipaddr.IPv6;

interface Range {
  readonly network: Address;
  readonly bits: number;
}

interface SpecialRange {
  readonly what: string;
  readonly range: Range;
}

const cidrSyntax = /^(?<address>[0-9A-Fa-f.:]+)(?:\/(?<bits>0|[1-9][0-9]{0,2}))?$/;

// No pod has such an address. Inside an overlapping range the narrower one stands first.
const specialRanges: readonly SpecialRange[] = Object.entries({
  "255.255.255.255/32": "broadcast",
  "100.100.100.200/32": "cloud metadata",
  "168.63.129.16/32": "cloud metadata",
  "192.0.0.192/32": "cloud metadata",
  "0.0.0.0/8": "unspecified",
  "127.0.0.0/8": "loopback",
  "169.254.0.0/16": "link-local",
  "224.0.0.0/4": "multicast",
  "::/128": "unspecified",
  "::1/128": "loopback",
  "fd00:ec2::254/128": "cloud metadata",
  // These carry an IPv4 address that a translator or tunnel on the way may dial.
  "::/96": "IPv4-compatible",
  "::ffff:0:0:0/96": "IPv4-translated",
  "64:ff9b::/96": "NAT64",
  "64:ff9b:1::/48": "NAT64",
  "2001::/32": "Teredo",
  "2002::/16": "6to4",
  "fe80::/10": "link-local",
  "ff00::/8": "multicast",
}).map(([cidr, what]) => ({ what, range: readRange(cidr) }));

/**
 * Returns the text when it is the canonical spelling of an IP address, else undefined: four decimal octets without
 * leading zeros, or RFC 5952 lower-case IPv6 without zone and brackets. IPv4-mapped IPv6 has no canonical spelling here.
 */
export function parseIpLiteral(text: string): string | undefined {
  if (isIPv4(text)) return text;
  // isIPv6 takes a zone; the spelling test below would keep it.
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.toString() === text && !address.isIPv4MappedAddress() ? text : undefined;
}

/** Why an address is one that no pod has (`loopback`, `link-local`, …), or undefined. `ip` is canonical. */
export function specialUse(ip: string): string | undefined {
  return specialRangeOf(ipaddr.parse(ip))?.what;
}

/** The ranges of CIDR_WHITELIST. Immutable. */
export class IpRanges {
  readonly #ranges: readonly Range[];

  private constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
  }

  /**
   * Reads a list of CIDRs; an address without "/" is that one address, host bits are ignored. Throws an Error that
   * quotes the item when one does not parse: an item left out quietly would close, or open, more than was meant.
   */
  static parse(list: readonly string[]): IpRanges {
    return new IpRanges(list.map((text) => readRange(text)));
  }

  /**
   * True when the address lies in one of the ranges. An address of special use (loopback, link-local, multicast,
   * unspecified, cloud metadata, IPv4 carried in IPv6) needs one that lies wholly inside that special range, so that
   * 0.0.0.0/0 does not open it. `ip` must be canonical: false for anything else.
   */
  allows(ip: string): boolean {
    if (parseIpLiteral(ip) === undefined) return false;
    const address = ipaddr.parse(ip);
    // A range that holds the address and is no shorter than the special range lies inside it.
    const minBits = specialRangeOf(address)?.range.bits ?? 0;
    return this.#ranges.some((range) => range.bits >= minBits && contains(range, address));
  }
}

function specialRangeOf(address: Address): SpecialRange | undefined {
  return specialRanges.find(({ range }) => contains(range, address));
}

function readRange(text: string): Range {
  const { address, bits } = cidrSyntax.exec(text)?.groups ?? {};
  if (address === undefined) throw unreadable(text, "not an address, a slash and a number of bits");
  // ipaddr.js takes octal, hex and short forms: node:net decides what an address is.
  const maxBits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : undefined;
  if (maxBits === undefined) throw unreadable(text, "not an IP address");
  const length = bits === undefined ? maxBits : Number(bits);
  if (length > maxBits) throw unreadable(text, `more than ${maxBits} bits`);
  const network = ipaddr.parse(address);
  if (network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress()) {
    throw unreadable(text, "IPv4 addresses in IPv6 form, which match no pod");
  }
  return { network, bits: length };
}

function contains(range: Range, address: Address): boolean {
  // match() throws when the families differ.
  if (range.network instanceof ipaddr.IPv4) {
    return address instanceof ipaddr.IPv4 && address.match(range.network, range.bits);
  }
  return address instanceof ipaddr.IPv6 && address.match(range.network, range.bits);
}

function unreadable(text: string, state: string): Error {
  return new Error(`Cannot read CIDR ${quote(text)} of CIDR_WHITELIST: ${state}`);
}
