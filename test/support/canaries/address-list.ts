// CIDR_WHITELIST as docs/configuration.md describes it, by Node's own lists of networks.
// Never takes anything but an IP literal.
import { BlockList, isIP, SocketAddress } from "node:net";

/** Refused unless a network of the list lies wholly inside such a range. */
const specialRanges = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/4",
  "255.255.255.255/32",
  "100.100.100.200/32",
  "168.63.129.16/32",
  "192.0.0.192/32",
  "::/96",
  "::ffff:0:0/96",
  "::ffff:0:0:0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2001::/32",
  "2002::/16",
  "fd00:ec2::254/128",
  "fe80::/10",
  "ff00::/8",
].map(networkOf);

interface Network {
  readonly address: string;
  readonly bits: number;
  readonly has: (ip: string) => boolean;
}

function networkOf(text: string): Network {
  const [address = "", bits] = text.split("/");
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  const prefix = Number(bits ?? (family === "ipv6" ? 128 : 32));
  const list = new BlockList();
  list.addSubnet(address, prefix, family);
  // A list takes an IPv4-mapped address for the IPv4 one.
  const has = (ip: string) => isIP(ip) === isIP(address) && list.check(ip, family);
  return { address, bits: prefix, has };
}

export class AddressList {
  readonly #networks: readonly Network[];

  constructor(cidrs: readonly string[]) {
    this.#networks = cidrs.filter((cidr) => isIP(cidr.split("/")[0]!) !== 0).map(networkOf);
  }

  has(ip: string): boolean {
    const special = specialRanges.filter((range) => range.has(ip));
    const isInside = ({ address, bits }: Network) =>
      special.every((range) => range.has(address) && bits >= range.bits);
    return this.#networks.some((network) => network.has(ip) && isInside(network));
  }
}

/** One spelling for each address; undefined when it is none. */
export function canonicalAddress(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/u, "$1");
  const version = isIP(bare);
  if (version === 0 || bare.includes("%")) return undefined;
  return new SocketAddress({ address: bare, family: version === 6 ? "ipv6" : "ipv4" }).address;
}
