// Every option, once. The parser, the flags, --help and docs/configuration.md are made from this table, so an option
// cannot exist without its default and its meaning. An option stands here from the change on that gives it its effect.
import type * as z from "zod";
import { apiResource } from "./api-resource.ts";
import { apiUrl, externalUrl, hostName, ipAddress, serverName, urlPrefix } from "./address-kinds.ts";
import { extraLabelList } from "./extra-labels.ts";
import { audienceList, cidrList, namespaceList, patternList, portList, watchList } from "./list-kinds.ts";
import { keyPattern } from "./pattern-list.ts";
import {
  bearerToken,
  boolean,
  choice,
  count,
  duration,
  fallbackProtocol,
  filePath,
  listenPort,
  remotePort,
  rejectUnauthorized,
  size,
  type ValueKind,
} from "./value-kinds.ts";

export interface Option {
  /** The environment variable; the flag is derived from it by `flagOf`. */
  readonly env: string;
  readonly group: keyof typeof optionGroups;
  readonly kind: ValueKind<unknown>;
  /** Nothing can be assumed for it. */
  readonly required?: true;
  /** Read like a given value when the option is not set. */
  readonly default?: string;
  /** The value when the option is not set, where no text could stand for it. */
  readonly unset?: unknown;
  /** What is shown as the default where `default` does not say it all. */
  readonly defaultText?: string;
  /** Being set to nothing is a value of its own; else it is as if it were not set. */
  readonly takesEmpty?: true;
  /** Sentences in plain text; --help and the generated page show them. */
  readonly help: string;
  /** The value never appears in a message. */
  readonly secret?: true;
}

/** In the order of --help. */
export const optionGroups = {
  access: "What may be scraped",
  callers: "Who may scrape",
  pods: "Where pods come from",
  tls: "TLS to pods",
  listeners: "Listeners",
  time: "Time limits",
  limits: "Concurrency and size limits",
  answers: "Merged answers",
  discovery: "Service discovery",
  process: "Logging and shutdown",
};

export const options = {
  cidrWhitelist: {
    env: "CIDR_WHITELIST",
    group: "access",
    kind: cidrList(),
    required: true,
    help:
      "Networks in which pods are scraped; pods outside are ignored. Loopback, link-local, multicast, unspecified and " +
      "cloud metadata addresses, and IPv6 that carries IPv4, stay refused unless a network lies wholly inside such a " +
      "range. A network with host bits set is taken as its network, with a warning.",
  },
  metricsPathWhitelist: {
    env: "METRICS_PATH_WHITELIST",
    group: "access",
    kind: patternList(),
    required: true,
    help:
      "RE2 patterns of the metrics paths that may be scraped. Commas separate patterns, except in a repeat count such " +
      "as {1,3}, in a character class such as [a,b] and behind a backslash.",
  },
  metricsPathMatch: {
    env: "METRICS_PATH_MATCH",
    group: "access",
    kind: choice(["search", "full"]),
    default: "search",
    help:
      "search: a pattern of METRICS_PATH_WHITELIST may match anywhere in the path. full: it must match the whole " +
      "path, as in Prometheus relabelling.",
  },
  namespaceWhitelist: {
    env: "NAMESPACE_WHITELIST",
    group: "access",
    kind: namespaceList(),
    unset: [],
    defaultText: "every namespace",
    help:
      "Namespaces whose pods may be scraped. Without KUBESD_REQUIRE_POD, /kubesd refuses the addresses of known pods of other " +
      "namespaces only, and pods of namespaces that nobody watches are not known.",
  },
  portWhitelist: {
    env: "PORT_WHITELIST",
    group: "access",
    kind: portList(),
    unset: [],
    defaultText: "every port",
    help: "Ports and ranges of ports of pods that may be scraped.",
  },
  kubesdRequirePod: {
    env: "KUBESD_REQUIRE_POD",
    group: "access",
    kind: boolean(),
    default: "false",
    help:
      "true: the address in /kubesd?pod= must be that of a known pod that may be scraped. false: any address in " +
      "CIDR_WHITELIST will do.",
  },
  forwardAuthorization: {
    env: "FORWARD_AUTHORIZATION",
    group: "access",
    kind: boolean(),
    default: "false",
    help:
      "true: the Authorization header of whoever scrapes goes to every pod that is scraped, as in the original. In clear text, " +
      "unless pods are scraped over https.",
  },
  bearerTokensFile: {
    env: "BEARER_TOKENS_FILE",
    group: "callers",
    kind: filePath(),
    help:
      "A file with the bearer tokens of callers, one a line; lines that are empty or begin with # do not count. At most 5,000 " +
      "tokens and 1 MiB. It is read again within seconds of a change; a file that cannot be used leaves the last good tokens in use.",
  },
  kubernetesAuth: {
    env: "KUBERNETES_AUTH",
    group: "callers",
    kind: boolean(),
    default: "false",
    help:
      "true: callers send a Kubernetes token, and see the namespaces in which RBAC lets them get KUBERNETES_AUTH_RESOURCE. " +
      "Implies KUBESD_REQUIRE_POD. The proxy's account has to create tokenreviews and subjectaccessreviews.",
  },
  kubernetesAuthResource: {
    env: "KUBERNETES_AUTH_RESOURCE",
    group: "callers",
    kind: apiResource(),
    default: "pods/metrics",
    help:
      "What a caller needs the verb get on, in the namespace. pods/metrics does not exist but for this: granting it gives " +
      "nothing else.",
  },
  kubernetesAuthAudiences: {
    env: "KUBERNETES_AUTH_AUDIENCES",
    group: "callers",
    kind: audienceList(),
    unset: [],
    defaultText: "those of the API server",
    help: "Audiences, one of which a caller's token has to be made for.",
  },
  kubernetesAuthCacheMs: {
    env: "KUBERNETES_AUTH_CACHE",
    group: "callers",
    kind: duration({ min: "1ms" }),
    default: "1m",
    defaultText: "1m, or MAX_POD_LIST_AGE if that is less",
    help:
      "How long what the API server says of a caller is good: so long a token that was revoked still works. While the API " +
      "server is away, it is good until MAX_POD_LIST_AGE.",
  },
  kubernetesServiceHost: {
    env: "KUBERNETES_SERVICE_HOST",
    group: "pods",
    kind: hostName(),
    defaultText: "none; Kubernetes sets it in every pod",
    help: "Host of the API server, which is asked for pods over https.",
  },
  kubernetesServicePort: {
    env: "KUBERNETES_SERVICE_PORT",
    group: "pods",
    kind: remotePort(),
    default: "443",
    help: "Port of the API server; Kubernetes sets it in every pod.",
  },
  kubernetesApiUrl: {
    env: "KUBERNETES_API_URL",
    group: "pods",
    kind: apiUrl(),
    defaultText: "https://KUBERNETES_SERVICE_HOST:KUBERNETES_SERVICE_PORT",
    help:
      "The API server, such as http://127.0.0.1:8001 for `kubectl proxy`. The token is sent over https only. The server's " +
      "certificate is always verified.",
  },
  k8sGlobalToken: {
    env: "K8S_GLOBAL_TOKEN",
    group: "pods",
    kind: bearerToken(),
    defaultText: "TOKEN_FILE",
    secret: true,
    help: "Bearer token for the API server. Beats TOKEN_FILE.",
  },
  tokenFile: {
    env: "TOKEN_FILE",
    group: "pods",
    kind: filePath(),
    default: "/var/run/secrets/kubernetes.io/serviceaccount/token",
    help:
      "A file with the bearer token for the API server, or with K8S_GLOBAL_TOKEN=<token>. It is read again every minute, " +
      "and when the API server refuses the token.",
  },
  k8sCacert: {
    env: "K8S_CACERT",
    group: "pods",
    kind: filePath(),
    defaultText:
      "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt, where there is one; else the public authorities",
    help:
      "A file with the certificates (PEM) of the authority that the API server is verified with. It is read again every " +
      "minute, and when the API server cannot be reached.",
  },
  watchNamespaces: {
    env: "WATCH_NAMESPACES",
    group: "pods",
    kind: watchList(),
    unset: [],
    defaultText:
      "each namespace from its first use, at most 100; with KUBESD_REQUIRE_POD, NAMESPACE_WHITELIST",
    help:
      "Namespaces whose pods are watched from the start, or * for all (the account then needs a ClusterRole); others cannot " +
      "be scraped. Without it, a namespace is forgotten 15 minutes after its last use.",
  },
  maxPodListAgeMs: {
    env: "MAX_POD_LIST_AGE",
    group: "pods",
    kind: duration({ min: "1ms" }),
    default: "1h",
    help:
      "How long the last known pods serve while the API server is away. Then scrapes are answered 503, because addresses may " +
      "belong to other pods by now.",
  },
  podsFile: {
    env: "PODS_FILE",
    group: "pods",
    kind: filePath(),
    defaultText: "the Kubernetes API",
    help:
      "Pods from a file instead of the Kubernetes API: what `kubectl get pods -A -o json` (or yaml, which is slower) " +
      "prints, at most 64 MiB. It is read again within 5 s of a change; a file that cannot be used leaves the last good " +
      "list in place. Replace it by renaming.",
  },
  upstreamCaFile: {
    env: "UPSTREAM_CA_FILE",
    group: "tls",
    kind: filePath(),
    defaultText: "the roots that Node.js trusts",
    help:
      "Certificates (PEM, at most 1 MiB) that https pods are verified against, in place of the default roots. This file " +
      "and the two below are read again within 10 s of a change; files that cannot be used leave the last good ones in place.",
  },
  upstreamServerName: {
    env: "UPSTREAM_SERVER_NAME",
    group: "tls",
    kind: serverName(),
    defaultText: "the address that is dialled",
    help:
      "What the certificate of every https pod has to be valid for. A name, but not an address, is also sent to the pod " +
      "(SNI).",
  },
  upstreamCertFile: {
    env: "UPSTREAM_CERT_FILE",
    group: "tls",
    kind: filePath(),
    help: "Certificate (PEM, with its chain if there is one) that https pods are shown. Needs UPSTREAM_KEY_FILE.",
  },
  upstreamKeyFile: {
    env: "UPSTREAM_KEY_FILE",
    group: "tls",
    kind: filePath(),
    help: "Private key (PEM, not encrypted) of the certificate in UPSTREAM_CERT_FILE.",
  },
  upstreamInsecureSkipVerify: {
    env: "UPSTREAM_INSECURE_SKIP_VERIFY",
    group: "tls",
    kind: boolean(),
    default: "false",
    help:
      "true: any certificate of an https pod will do, so whoever can take the pod's place may answer for it. Concerns " +
      "pods only.",
  },
  nodeTlsRejectUnauthorized: {
    env: "NODE_TLS_REJECT_UNAUTHORIZED",
    group: "tls",
    kind: rejectUnauthorized(),
    unset: true,
    defaultText: "https pods are verified",
    help:
      "The value 0 means the same as UPSTREAM_INSECURE_SKIP_VERIFY=true. It concerns pods only: every other connection " +
      "of the proxy stays verified.",
  },
  listenAddress: {
    env: "LISTEN_ADDRESS",
    group: "listeners",
    kind: ipAddress(),
    defaultText: "all addresses",
    help: "The address on which both listeners accept connections.",
  },
  httpPort: {
    env: "HTTP_PORT",
    group: "listeners",
    kind: listenPort(),
    default: "5050",
    help: "The port that Prometheus scrapes through, unless CERT_KEY_FILE is set or WEB_CONFIG_FILE has TLS. 0: any free port.",
  },
  httpsPort: {
    env: "HTTPS_PORT",
    group: "listeners",
    kind: listenPort(),
    default: "5053",
    help: "The port that Prometheus scrapes through if CERT_KEY_FILE is set or WEB_CONFIG_FILE has TLS. 0: any free port.",
  },
  k8sNodejsPort: {
    env: "K8S_NODEJS_PORT",
    group: "listeners",
    kind: listenPort(),
    defaultText: "HTTPS_PORT if CERT_KEY_FILE is set or WEB_CONFIG_FILE has TLS, else HTTP_PORT",
    help: "Beats HTTP_PORT and HTTPS_PORT where both are variables or both are flags.",
  },
  certKeyFile: {
    env: "CERT_KEY_FILE",
    group: "listeners",
    kind: filePath(),
    defaultText: "none: plain HTTP",
    help:
      "The private key of the certificate in CERT_FILE, PEM, encrypted or not. Setting it makes the main listener one of " +
      "HTTPS (TLS 1.2 or later). It is never shown.",
  },
  certFile: {
    env: "CERT_FILE",
    group: "listeners",
    kind: filePath(),
    defaultText: "none, required with CERT_KEY_FILE",
    help:
      "The certificate that clients see, PEM; certificates of intermediate authorities may follow it. The certificate, " +
      "its key and the two files below are read again every 10 s; what cannot be used leaves the last good one in use.",
  },
  certCaFile: {
    env: "CERT_CA_FILE",
    group: "listeners",
    kind: filePath(),
    help:
      "Certificates of authorities, PEM. Those that lead from CERT_FILE to its root are sent to clients with it, so that " +
      "clients need to know the root alone. Clients are never checked against it.",
  },
  certKeyPasswdFile: {
    env: "CERT_KEY_PASSWD_FILE",
    group: "listeners",
    kind: filePath(),
    help: "The password of CERT_KEY_FILE if that is encrypted: the whole file, but for one line break at its end.",
  },
  webConfigFile: {
    env: "WEB_CONFIG_FILE",
    group: "listeners",
    kind: filePath(),
    help:
      "TLS with client certificates, users with passwords, response headers and a rate limit of the main listener, in the " +
      "format of Prometheus' exporter-toolkit. It is read again every 5 s, with the files that it names; what cannot be used " +
      "leaves the last good one in use, and at the start ends the program. Its TLS excludes CERT_KEY_FILE and its companions.",
  },
  appUrlPrefix: {
    env: "APP_URL_PREFIX",
    group: "listeners",
    kind: urlPrefix(),
    unset: "",
    defaultText: "none",
    help:
      "The path below which the main listener serves everything, as in /v1/mproxy/ and /v1/kubesd/ for v1; nothing is served " +
      "without it but the root. The metrics listener has no prefix.",
  },
  metricsHttpPort: {
    env: "METRICS_HTTP_PORT",
    group: "listeners",
    kind: listenPort(),
    default: "5055",
    help:
      "The port of the proxy's own metrics and health checks, always plain HTTP. It must differ from the main port. 0: any " +
      "free port.",
  },
  scrapeTimeoutMs: {
    env: "SCRAPE_TIMEOUT",
    group: "time",
    kind: duration({ min: "1ms" }),
    default: "10s",
    defaultText: "10s, or MAX_SCRAPE_TIMEOUT if that is less",
    help: "Time for a scrape whose request has no X-Prometheus-Scrape-Timeout-Seconds header.",
  },
  scrapeTimeoutOffsetMs: {
    env: "SCRAPE_TIMEOUT_OFFSET",
    group: "time",
    kind: duration({ min: "0s" }),
    default: "500ms",
    help:
      "How long before Prometheus stops waiting the answer is sent: a scrape has the time in the header less this, " +
      "but at least half of it.",
  },
  maxScrapeTimeoutMs: {
    env: "MAX_SCRAPE_TIMEOUT",
    group: "time",
    kind: duration({ min: "1ms" }),
    default: "2m",
    help: "Most time that any scrape gets, whatever its header says.",
  },
  connectTimeoutMs: {
    env: "CONNECT_TIMEOUT",
    group: "time",
    kind: duration({ min: "1ms" }),
    default: "1500ms",
    help: "Time for the TCP and TLS handshakes with a pod.",
  },
  maxConcurrentScrapes: {
    env: "MAX_CONCURRENT_SCRAPES",
    group: "limits",
    kind: count({ max: 100_000 }),
    default: "64",
    help: "Requests to /mproxy at a time; one more is answered 503.",
  },
  maxConcurrentKubesd: {
    env: "MAX_CONCURRENT_KUBESD",
    group: "limits",
    kind: count({ max: 100_000 }),
    default: "2048",
    help:
      "Requests to /kubesd at a time; one more is answered 503. Each holds up to 256 KiB that its caller has not read " +
      "yet, outside MAX_BUFFERED_BYTES.",
  },
  maxConnections: {
    env: "MAX_CONNECTIONS",
    group: "limits",
    kind: count({ max: 100_000 }),
    default: "4096",
    help: "Pods being scraped at a time, over all requests. Further pods wait.",
  },
  maxConnectionsPerScrape: {
    env: "MAX_CONNECTIONS_PER_SCRAPE",
    group: "limits",
    kind: count({ max: 100_000 }),
    default: "512",
    defaultText: "512, or MAX_CONNECTIONS if that is less",
    help:
      "Pods being scraped at a time for one request. While pods wait, one that has been scraped for a quarter of the " +
      "available time is given up.",
  },
  maxBodyBytes: {
    env: "MAX_BODY_SIZE",
    group: "limits",
    kind: size(),
    default: "64MiB",
    defaultText: "64MiB, or MAX_BUFFERED_BYTES or MAX_RESPONSE_SIZE if that is less",
    help: "Most that a pod may send for a merged answer, decompressed. A pod that sends more is left out.",
  },
  maxSamplesPerPod: {
    env: "MAX_SAMPLES_PER_POD",
    group: "limits",
    kind: count({ max: 1_000_000_000 }),
    default: "500000",
    help: "Most samples that a pod may send for a merged answer. A pod that sends more is left out.",
  },
  maxResponseBytes: {
    env: "MAX_RESPONSE_SIZE",
    group: "limits",
    kind: size(),
    default: "512MiB",
    help: "Largest answer. For /kubesd the bytes are counted as they are sent, so compressed if the pod compresses.",
  },
  maxBufferedBytes: {
    env: "MAX_BUFFERED_BYTES",
    group: "limits",
    kind: size(),
    defaultText: "half of the container's memory limit, 1GiB without one",
    help:
      "Most memory for the metrics of pods in all merges together. When it is used up, new scrapes wait within their " +
      "time and are then answered 503.",
  },
  labelConflict: {
    env: "LABEL_CONFLICT",
    group: "answers",
    kind: choice(["rename", "honor", "drop"]),
    default: "rename",
    help:
      "What happens to a pod's own label with the name of a label that the proxy adds (podname, podip, EXTRA_LABELS). " +
      "rename: it becomes exported_<name>. honor: it stays and the proxy's is not added. drop: it goes.",
  },
  extraLabels: {
    env: "EXTRA_LABELS",
    group: "answers",
    kind: extraLabelList(),
    unset: [],
    defaultText: "none",
    help:
      "Labels that every sample of a pod gets behind podname and podip, in this order: the pod's namespace, its node, the " +
      "container that declares the scraped port, and labels of the pod, under their key with _ for what a label name " +
      "cannot have, or under the name given. One that a pod has no value for is left out for that pod.",
  },
  fallbackScrapeProtocol: {
    env: "FALLBACK_SCRAPE_PROTOCOL",
    group: "answers",
    kind: fallbackProtocol(),
    default: "PrometheusText0.0.4",
    takesEmpty: true,
    help:
      "How the metrics of a pod are read whose Content-Type is missing, malformed or of no format of metrics, as Prometheus' " +
      "fallback_scrape_protocol. Set to nothing: such a pod is left out of a merged answer, as Prometheus 3 does.",
  },
  podStatusMetrics: {
    env: "POD_STATUS_METRICS",
    group: "answers",
    kind: boolean(),
    default: "true",
    help: "Adds k8s_prometheus_proxy_pod_up and its companions for every pod to a merged answer.",
  },
  sdAnnotations: {
    env: "SD_ANNOTATIONS",
    group: "discovery",
    kind: keyPattern(),
    default: "prometheus\\.io/.*",
    takesEmpty: true,
    help:
      "RE2 pattern of the keys of annotations that /sd tells, as __meta_kubernetes_pod_annotation_…; it has to match the whole " +
      "key. .* tells what Prometheus' own discovery would; set to nothing: none. The proxy keeps those annotations in memory.",
  },
  externalUrl: {
    env: "EXTERNAL_URL",
    group: "discovery",
    kind: externalUrl(),
    defaultText: "the listener's scheme, the request's Host and APP_URL_PREFIX",
    help:
      "Where callers reach the proxy, which is what /sd tells them to scrape: scheme, host, port and path prefix, such as " +
      "https://proxy.example:5053. Needed where TLS or a prefix is added on the way.",
  },
  logLevel: {
    env: "LOG_LEVEL",
    group: "process",
    kind: choice(["debug", "info", "warn", "error"]),
    default: "info",
    help: "The least severe level that is logged.",
  },
  logFormat: {
    env: "LOG_FORMAT",
    group: "process",
    kind: choice(["json"]),
    default: "json",
    help: "One JSON object a line, on standard output.",
  },
  shutdownDelayMs: {
    env: "SHUTDOWN_DELAY",
    group: "process",
    kind: duration({ min: "0s" }),
    default: "5s",
    help:
      "After SIGTERM: time in which the proxy reports not ready but still accepts requests. Then it finishes what runs, " +
      "for at most MAX_SCRAPE_TIMEOUT: give its pod a termination grace period to match.",
  },
} as const satisfies Record<string, Option>;

export type OptionKey = keyof typeof options;

type ValueOf<K extends OptionKey> = z.output<(typeof options)[K]["kind"]["schema"]>;
type AlwaysSet = {
  [K in OptionKey]: (typeof options)[K] extends { required: true } | { default: string } | { unset: unknown }
    ? K
    : never;
}[OptionKey];

/** One value per option, as the table types it. Options without a default are absent until they are set. */
export type Settings = { readonly [K in AlwaysSet]: ValueOf<K> } & {
  readonly [K in Exclude<OptionKey, AlwaysSet>]?: ValueOf<K>;
};

/** `CIDR_WHITELIST` is also `--cidr-whitelist`. */
export function flagOf(option: Option): string {
  return `--${option.env.toLowerCase().replaceAll("_", "-")}`;
}

/** What holds when nothing is given, in words. */
export function defaultOf(option: Option): string {
  if (option.required) return "none, required";
  return option.defaultText ?? option.default ?? "none";
}
