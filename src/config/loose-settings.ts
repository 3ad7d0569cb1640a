// Settings that let through more than a strict installation would. They are legitimate, above all for a drop-in
// replacement, but must never go unnoticed: one warning at start names all of them.
import ipaddr from "ipaddr.js";
import { acceptsEveryPath } from "./pattern-list.ts";
import type { Config } from "./resolve-settings.ts";

export interface LooseSetting {
  readonly variable: string;
  /** What it lets through. */
  readonly allows: string;
  /** What to set instead. */
  readonly tighten: string;
}

/** That callers have to say who they are needs a setting that is on. */
export const openToEverybody: LooseSetting = {
  variable: "KUBERNETES_AUTH",
  allows: "everybody who reaches the main listener may scrape",
  tighten:
    "KUBERNETES_AUTH=true, BEARER_TOKENS_FILE=<tokens> or WEB_CONFIG_FILE=<users or client certificates>",
};

/** Passwords and tokens are good for whoever reads them on the way. */
export const credentialsInTheClear: LooseSetting = {
  variable: "CERT_KEY_FILE",
  allows: "callers send their credentials over plain HTTP",
  tighten: "CERT_KEY_FILE and CERT_FILE, or tls_server_config in WEB_CONFIG_FILE",
};

/** Whether what is sent to the main listener leaves this machine, and without TLS. */
export function isReadOnTheWay({
  servesTls,
  listenAddress,
}: Pick<Config, "servesTls" | "listenAddress">): boolean {
  return !servesTls && listenAddress !== "::1" && listenAddress?.startsWith("127.") !== true;
}

/** Whether WEB_CONFIG_FILE keeps anybody out is known, and told, once it has been read. */
export function looseSettings(config: Config): LooseSetting[] {
  const loose: LooseSetting[] = [];
  for (const cidr of config.cidrWhitelist.filter(isWiderThanPrivate)) {
    loose.push({
      variable: "CIDR_WHITELIST",
      allows: `${cidr} is wider than any private network`,
      tighten: "CIDR_WHITELIST=<the cluster's pod networks>",
    });
  }
  for (const pattern of config.metricsPathWhitelist) {
    if (!acceptsEveryPath(pattern, config.metricsPathMatch)) continue;
    loose.push({
      variable: "METRICS_PATH_WHITELIST",
      allows: `${JSON.stringify(pattern)} matches every path`,
      tighten: "METRICS_PATH_WHITELIST=<the metrics paths>",
    });
  }
  if (config.metricsPathMatch === "search") {
    loose.push({
      variable: "METRICS_PATH_MATCH",
      allows: "path patterns match anywhere in a path",
      tighten: "METRICS_PATH_MATCH=full",
    });
  }
  if (config.bearerTokensFile === undefined && !config.kubernetesAuth && config.webConfigFile === undefined) {
    loose.push(openToEverybody);
  }
  const takesTokens = config.bearerTokensFile !== undefined || config.kubernetesAuth;
  if (takesTokens && config.webConfigFile === undefined && isReadOnTheWay(config)) {
    loose.push(credentialsInTheClear);
  }
  const watchesAll = config.watchNamespaces.length === 0 || config.watchNamespaces === "*";
  if (config.namespaceWhitelist.length === 0 && watchesAll) {
    loose.push({
      variable: "NAMESPACE_WHITELIST",
      allows: "pods of every namespace are scraped",
      tighten: "NAMESPACE_WHITELIST=<namespaces>",
    });
  }
  if (config.portWhitelist.length === 0) {
    loose.push({
      variable: "PORT_WHITELIST",
      allows: "every port of a pod is reached",
      tighten: "PORT_WHITELIST=<ports>",
    });
  }
  if (!config.kubesdRequirePod) {
    loose.push({
      variable: "KUBESD_REQUIRE_POD",
      allows: "/kubesd reaches every address in CIDR_WHITELIST, pod or not",
      tighten: "KUBESD_REQUIRE_POD=true",
    });
  }
  if (config.fallbackScrapeProtocol !== "") {
    loose.push({
      variable: "FALLBACK_SCRAPE_PROTOCOL",
      allows: "pods without a Content-Type of metrics are read all the same",
      tighten: "FALLBACK_SCRAPE_PROTOCOL= (empty)",
    });
  }
  if (config.forwardAuthorization) {
    loose.push({
      variable: "FORWARD_AUTHORIZATION",
      allows: "pods see the credentials of whoever scrapes",
      tighten: "FORWARD_AUTHORIZATION=false",
    });
  }
  if (!config.verifiesPods && config.upstreamInsecureSkipVerify) {
    loose.push({
      variable: "UPSTREAM_INSECURE_SKIP_VERIFY",
      allows: "https pods are not verified",
      tighten: "UPSTREAM_CA_FILE=<their authority> in place of UPSTREAM_INSECURE_SKIP_VERIFY",
    });
  }
  if (!config.verifiesPods && !config.nodeTlsRejectUnauthorized) {
    loose.push({
      variable: "NODE_TLS_REJECT_UNAUTHORIZED",
      allows: "https pods, and they alone, are not verified",
      tighten: "UPSTREAM_CA_FILE=<their authority> in place of NODE_TLS_REJECT_UNAUTHORIZED=0",
    });
  }
  return loose;
}

/** One line that names every loose setting and what tightens it; undefined when there is none. */
export function describeLooseSettings(settings: readonly LooseSetting[]): string | undefined {
  if (settings.length === 0) return undefined;
  return `Loose settings: ${settings.map(({ allows, tighten }) => `${allows} (tighten with ${tighten})`).join("; ")}`;
}

/** The largest private networks are 10.0.0.0/8 and fc00::/7. */
function isWiderThanPrivate(cidr: string): boolean {
  const [address, prefixLength] = ipaddr.parseCIDR(cidr);
  return prefixLength < (address.kind() === "ipv4" ? 8 : 7);
}
