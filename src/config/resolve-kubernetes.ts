// Where pods come from: the settings of the Kubernetes API put together, and checked against those of PODS_FILE.
import { isIPv6 } from "node:net";

import type { ApiAddress } from "./address-kinds.ts";
import { describeProblem, type GivenValue } from "./given-value.ts";
import { type OptionKey, options, type Settings } from "./options.ts";

export interface KubernetesConfig {
  readonly api: ApiAddress;
  /** Undefined: the API is asked without credentials. */
  readonly token: { readonly value: string } | { readonly file: string } | undefined;
  /** Undefined: the server is asked without TLS. */
  readonly caFile: string | undefined;
  /** False: where there is no such file, the public authorities count. */
  readonly caRequired: boolean;
  /** Watched from the start. Empty: each namespace from its first use. */
  readonly namespaces: readonly string[] | "*";
  readonly maxPodListAgeMs: number;
}

const inClusterCaFile = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

interface Context {
  readonly given: ReadonlyMap<OptionKey, GivenValue>;
  readonly refused: ReadonlySet<OptionKey>;
}

export function resolveKubernetes(
  settings: Settings,
  { given, refused }: Context,
): { config: KubernetesConfig | undefined; problems: string[] } {
  if (given.has("podsFile")) {
    const problems = besidePodsFile({ given, refused });
    return { config: undefined, problems: settings.kubernetesAuth ? [...problems, noReviews] : problems };
  }
  const api = apiAddress(settings, given);
  if (api === undefined) {
    const isRefused = refused.has("kubernetesApiUrl") || refused.has("kubernetesServiceHost");
    return { config: undefined, problems: isRefused ? [] : [noSource] };
  }
  const namespaces = watchedNamespaces(settings);
  const config = {
    api,
    token: tokenFor(api, settings, given),
    // Without TLS nobody has to be trusted, and a file that cannot be read must not matter.
    caFile: isHttps(api) ? (settings.k8sCacert ?? inClusterCaFile) : undefined,
    caRequired: isHttps(api) && settings.k8sCacert !== undefined,
    namespaces,
    maxPodListAgeMs: settings.maxPodListAgeMs,
  };
  const problems: string[] = [];
  const areRefused = refused.has("watchNamespaces") || refused.has("namespaceWhitelist");
  if (settings.kubesdRequirePod && namespaces.length === 0 && !areRefused)
    problems.push(needsNamespaces(settings));
  if (settings.kubernetesAuth && !isHttps(api)) problems.push(clearTextReviews);
  return { config, problems };
}

const noSource =
  "Cannot start without a source of pods: neither the Kubernetes API (KUBERNETES_SERVICE_HOST, which Kubernetes sets in " +
  "every pod, or KUBERNETES_API_URL) nor PODS_FILE is set; wanted one of them. To see the proxy work without a cluster: " +
  "npm run demo";

const needsNamespaces = ({ kubernetesAuth }: Settings) =>
  `Cannot use ${kubernetesAuth ? "KUBERNETES_AUTH" : "KUBESD_REQUIRE_POD"}: no namespace is watched from the start, so no pod ` +
  "would be known; wanted WATCH_NAMESPACES or NAMESPACE_WHITELIST beside it";

const noReviews =
  "Cannot use KUBERNETES_AUTH: PODS_FILE replaces the Kubernetes API; wanted one of them alone";

const clearTextReviews =
  "Cannot use KUBERNETES_AUTH: KUBERNETES_API_URL is not https, so tokens of callers would be sent in clear text";

/** KUBERNETES_SERVICE_HOST is no contradiction: Kubernetes sets it in every pod. */
function besidePodsFile({ given, refused }: Context): string[] {
  return (["kubernetesApiUrl", "watchNamespaces"] as const).flatMap((key) => {
    const value = given.get(key);
    if (value === undefined || refused.has(key)) return [];
    return [
      describeProblem(options[key], value, {
        wanted: "either this or PODS_FILE, which replaces the Kubernetes API",
      }),
    ];
  });
}

/** A flag beats the other setting's variable; among equals the URL counts. */
function apiAddress(settings: Settings, given: Context["given"]): ApiAddress | undefined {
  const own = inClusterAddress(settings);
  const isFlag = (key: OptionKey) => given.get(key)?.source === "flag";
  if (own !== undefined && isFlag("kubernetesServiceHost") && !isFlag("kubernetesApiUrl")) return own;
  return settings.kubernetesApiUrl ?? own;
}

function isHttps({ origin }: Pick<ApiAddress, "origin">): boolean {
  return origin.startsWith("https:");
}

function inClusterAddress({
  kubernetesServiceHost: host,
  kubernetesServicePort: port,
}: Settings): ApiAddress | undefined {
  if (host === undefined) return undefined;
  return { origin: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`).origin, pathPrefix: "" };
}

/** In clear text anybody on the way would read it. */
function tokenFor(
  { origin }: ApiAddress,
  { k8sGlobalToken, tokenFile }: Settings,
  given: Context["given"],
): KubernetesConfig["token"] {
  if (!isHttps({ origin })) return undefined;
  // A flag beats a variable; among equals the token itself counts, as in the original.
  const fileByFlag =
    given.get("tokenFile")?.source === "flag" && given.get("k8sGlobalToken")?.source !== "flag";
  return k8sGlobalToken === undefined || fileByFlag ? { file: tokenFile } : { value: k8sGlobalToken };
}

function watchedNamespaces(settings: Settings): readonly string[] | "*" {
  const { watchNamespaces, namespaceWhitelist, kubesdRequirePod } = settings;
  if (watchNamespaces.length > 0) return watchNamespaces;
  return kubesdRequirePod ? namespaceWhitelist : [];
}
