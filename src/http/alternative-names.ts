// The names that a certificate is for (subject alternative names), as Go writes them, for comparing them with a list. What cannot
// be read gives no name.
import type { X509Certificate } from "node:crypto";
import ipaddr from "ipaddr.js";

// Node.js lists them as `DNS:a, IP Address:1.2.3.4`, and quotes as JSON what could be mistaken for the start of another one.
const entry = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/** DNS names, e-mail addresses and URIs as they are, IP addresses in their shortest form. Other kinds are left out. Never throws. */
export function alternativeNames({ subjectAltName = "" }: Pick<X509Certificate, "subjectAltName">): string[] {
  const names: string[] = [];
  for (let at = 0; at < subjectAltName.length; at = entry.lastIndex) {
    entry.lastIndex = at;
    const [, kind, text = ""] = entry.exec(subjectAltName) ?? [];
    const plain = text.startsWith('"') ? unquote(text) : text;
    // Whoever wrote what follows may have meant it to be misread.
    if (kind === undefined || plain === undefined) return [];
    const name = nameOf(kind, plain);
    if (name !== undefined) names.push(name);
  }
  return names;
}

function unquote(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}

function nameOf(kind: string, text: string): string | undefined {
  if (kind === "DNS" || kind === "email" || kind === "URI") return text;
  if (kind !== "IP Address" || !ipaddr.isValid(text)) return undefined;
  // An IPv4 address in IPv6 form is the same as without it.
  return ipaddr.process(text).toString();
}
