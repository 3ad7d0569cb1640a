// Addresses as the cluster writes them, brought to one spelling, so that they compare as text.
// Never resolves, and never takes a form that two parsers read differently.
import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";

/**
 * Returns dotted quads as they are and IPv6 in RFC 5952 form. Undefined for anything else, also for zones and for IPv4
 * addresses in IPv6 form, which the Kubernetes API does not let a pod have.
 */
export function canonicalIp(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? undefined : address.toString();
}
