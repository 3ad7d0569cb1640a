// What a program with these settings may dial and ask for, as its documentation says: the API server's pods and reviews, and the pods,
// ports and paths of the whitelists. Knows nothing of the program's code.
import { AddressList } from "./address-list.ts";
import { isTrue, listOf, type Settings } from "./settings.ts";

export interface ApiServer {
  readonly host: string;
  readonly port: number;
  readonly pathPrefix: string;
}

export class ConnectionPolicy {
  /** Undefined: pods come from a file, and there is nothing else to dial. */
  readonly api: ApiServer | undefined;
  readonly podsFile: string | undefined;
  /** False: `pod=` may name any address of CIDR_WHITELIST. */
  readonly requiresPod: boolean;
  readonly forwardsAuthorization: boolean;
  readonly #reviews: boolean;
  readonly #addresses: AddressList;
  readonly #paths: readonly RegExp[];
  readonly #ports: readonly (readonly [from: number, to: number])[];
  readonly #namespaceLists: readonly (readonly string[])[];

  constructor(settings: Settings) {
    this.podsFile = settings["PODS_FILE"];
    this.api = this.podsFile === undefined ? apiServer(settings) : undefined;
    this.#reviews = isTrue(settings["KUBERNETES_AUTH"]);
    this.requiresPod = this.#reviews || isTrue(settings["KUBESD_REQUIRE_POD"]);
    this.forwardsAuthorization = isTrue(settings["FORWARD_AUTHORIZATION"]);
    this.#addresses = new AddressList(listOf(settings["CIDR_WHITELIST"]));
    this.#paths = pathPatterns(settings);
    this.#ports = listOf(settings["PORT_WHITELIST"]).map((text) => {
      const [from, to = from] = text.split("-").map(Number);
      return [from!, to!];
    });
    this.#namespaceLists = [settings["NAMESPACE_WHITELIST"], settings["WATCH_NAMESPACES"]]
      .map(listOf)
      .filter((list) => list.length > 0 && !list.includes("*"));
  }

  isApi(host: string, port: number): boolean {
    return this.api !== undefined && this.api.host === host.toLowerCase() && this.api.port === port;
  }

  mayDial(ip: string, port: number): boolean {
    const isPortListed = this.#ports.some(([from, to]) => port >= from && port <= to);
    return (this.#ports.length === 0 || isPortListed) && this.#addresses.has(ip);
  }

  mayScrapeNamespace(namespace: string): boolean {
    return this.#namespaceLists.every((list) => list.includes(namespace));
  }

  /** `target` as it is sent. */
  mayAskPod(method: string, target: string): boolean {
    const path = target.split("?")[0]!;
    const isListed = this.#paths.some((pattern) => pattern.test(path));
    return method === "GET" && isListed;
  }

  mayAskApi(method: string, target: string): boolean {
    const { pathPrefix = "" } = this.api ?? {};
    if (!target.startsWith(pathPrefix)) return false;
    const path = target.slice(pathPrefix.length).split("?")[0]!;
    if (method === "GET") return /^\/api\/v1\/(namespaces\/[a-z0-9-]+\/)?pods$/u.test(path);
    return method === "POST" && this.#reviews && (path === tokenReviews || path === accessReviews);
  }
}

const tokenReviews = "/apis/authentication.k8s.io/v1/tokenreviews";
const accessReviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

/** The one request that carries a caller's token by design. */
export function isTokenReview(path: string): boolean {
  return path.endsWith(tokenReviews);
}

function apiServer(settings: Settings): ApiServer | undefined {
  const { KUBERNETES_API_URL, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT = "443" } = settings;
  const inCluster = KUBERNETES_SERVICE_HOST?.includes(":")
    ? `[${KUBERNETES_SERVICE_HOST}]`
    : KUBERNETES_SERVICE_HOST;
  const text = KUBERNETES_API_URL ?? (inCluster && `https://${inCluster}:${KUBERNETES_SERVICE_PORT}`);
  if (text === undefined || !URL.canParse(text)) return undefined;
  const { hostname, protocol, port, pathname } = new URL(text);
  return {
    host: hostname.replace(/^\[(.*)\]$/u, "$1"),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
    pathPrefix: pathname.replace(/\/+$/u, ""),
  };
}

/** At commas outside of repeat counts and classes and not behind a backslash. One that JavaScript does not know allows nothing. */
function pathPatterns({ METRICS_PATH_WHITELIST = "", METRICS_PATH_MATCH }: Settings): RegExp[] {
  const texts = METRICS_PATH_WHITELIST.match(/(?:\\.|\[(?:\\.|[^\]])*\]|\{[^}]*\}|[^,])+/gsu) ?? [];
  return texts.flatMap((text) => {
    try {
      const pattern = text.trim();
      return [new RegExp(METRICS_PATH_MATCH === "full" ? `^(?:${pattern})$` : pattern, "u")];
    } catch {
      return [];
    }
  });
}
