// The names of Kubernetes' objects (RFC 1123). Never accepts more than the API server does.

const label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const labelPattern = new RegExp(`^${label}$`);
const subdomainPattern = new RegExp(String.raw`^${label}(?:\.${label})*$`);

/** Of namespaces and containers: at most 63 characters. */
export function isDnsLabel(text: string): boolean {
  return text.length <= 63 && labelPattern.test(text);
}

/** Of pods, workloads and most other objects: labels with dots between them, at most 253 characters. */
export function isDnsSubdomain(text: string): boolean {
  return text.length <= 253 && subdomainPattern.test(text);
}
