// Parsed settings -> Config: defaults that depend on other values, and the checks that need several values. A default
// gives way to what was set; only values that were set can contradict each other.
import { ConfigurationError } from "./configuration-error.ts";
import { describeProblem, type GivenValue, quoteValue, type Source } from "./given-value.ts";
import { type ListenerOption, type ListenerSettings, resolveListeners } from "./listener-settings.ts";
import { type Option, type OptionKey, options, type Settings } from "./options.ts";
import { type KubernetesConfig, resolveKubernetes } from "./resolve-kubernetes.ts";

export type Sources = Readonly<Record<OptionKey, Source>>;

/**
 * Everything that the proxy is told from outside. Durations are in milliseconds, sizes in bytes. An empty
 * `namespaceWhitelist` or `portWhitelist` restricts nothing; the other lists are never empty.
 */
export type Config = Omit<Settings, "maxBufferedBytes" | ListenerOption> &
  ListenerSettings & {
    readonly maxBufferedBytes: number;
    /** Undefined: pods come from `podsFile`. */
    readonly kubernetes: KubernetesConfig | undefined;
    /** False when one of the two settings turns the verification of https pods off. */
    readonly verifiesPods: boolean;
  };

export interface SettingsContext {
  readonly given: ReadonlyMap<OptionKey, GivenValue>;
  /** Options whose values are refused already and stand in `settings` as if they were not set. */
  readonly refused: ReadonlySet<OptionKey>;
  /** The container's memory limit as the runtime tells it; see `defaultMaxBufferedBytes`. */
  readonly memoryLimitBytes: number | undefined;
}

export function resolveSettings(
  readSettings: Settings,
  { given, refused, memoryLimitBytes }: SettingsContext,
): { config: Config; problems: string[] } {
  // Which namespace a caller asks about is known only of known pods.
  const kubesdRequirePod = readSettings.kubesdRequirePod || readSettings.kubernetesAuth;
  const settings = { ...readSettings, kubesdRequirePod };
  const { httpPort, httpsPort, k8sNodejsPort, certKeyFile, certFile, certCaFile, certKeyPasswdFile, ...own } =
    settings;
  const { metricsHttpPort } = own;
  const ports = { httpPort, httpsPort, k8sNodejsPort, metricsHttpPort };
  const files = { certKeyFile, certFile, certCaFile, certKeyPasswdFile };
  const { listeners, problems: listenerProblems } = resolveListeners({ ports, files }, { given, refused });
  const kubernetes = resolveKubernetes(settings, { given, refused });
  const config = {
    ...own,
    ...listeners,
    kubernetes: kubernetes.config,
    maxBufferedBytes: own.maxBufferedBytes ?? defaultMaxBufferedBytes(memoryLimitBytes),
    verifiesPods: verifiesPods(settings, given),
  };
  const problems: string[] = [...kubernetes.problems, ...listenerProblems];

  refuseForwarding("bearerTokensFile", given.has("bearerTokensFile"));
  refuseForwarding("kubernetesAuth", settings.kubernetesAuth);
  requireTogether("upstreamCertFile", "upstreamKeyFile");
  requireTogether("upstreamKeyFile", "upstreamCertFile");
  keepWithin("kubernetesAuthCacheMs", "maxPodListAgeMs");
  keepWithin("scrapeTimeoutMs", "maxScrapeTimeoutMs");
  keepWithin("maxConnectionsPerScrape", "maxConnections");
  keepWithin("maxBodyBytes", "maxBufferedBytes");
  keepWithin("maxBodyBytes", "maxResponseBytes");
  return { config, problems };

  /** Pods would get what lets their scraper in here. */
  function refuseForwarding(key: OptionKey, isOn: boolean): void {
    if (!isOn || !settings.forwardAuthorization) return;
    problems.push(cannotForward(options[key].env));
  }

  function requireTogether(key: OptionKey, other: OptionKey): void {
    if (!given.has(key) || given.has(other)) return;
    problems.push(
      `Cannot use ${options[key].env} alone: ${options[other].env} is not set; wanted both or none`,
    );
  }

  function keepWithin(key: Bounded, bound: Bound): void {
    if (config[key] <= config[bound] || refused.has(key) || refused.has(bound)) return;
    const value = given.get(key);
    if (value === undefined) {
      config[key] = config[bound];
      return;
    }
    const option: Option = options[bound];
    const boundText = given.get(bound)?.text;
    const amount =
      boundText === undefined
        ? `${option.default ?? config[bound]} by default`
        : quoteValue(option, boundText);
    const wanted = `at most ${option.env}, which is ${amount}`;
    problems.push(describeProblem(options[key], value, { wanted }));
  }
}

/** Throws ConfigurationError where WEB_CONFIG_FILE, once it is read, has users and their passwords would go to pods. */
export function refuseForwardedPasswords(
  { forwardAuthorization }: Pick<Config, "forwardAuthorization">,
  users: { readonly size: number },
): void {
  if (!forwardAuthorization || users.size === 0) return;
  throw new ConfigurationError(cannotForward("basic_auth_users of WEB_CONFIG_FILE"));
}

function cannotForward(other: string): string {
  const { env } = options.forwardAuthorization;
  return `Cannot use ${env} with ${other}: pods would see the credentials of callers; wanted one of them alone`;
}

type Bounded = "kubernetesAuthCacheMs" | "scrapeTimeoutMs" | "maxConnectionsPerScrape" | "maxBodyBytes";
type Bound =
  "maxPodListAgeMs" | "maxScrapeTimeoutMs" | "maxConnections" | "maxBufferedBytes" | "maxResponseBytes";

/** Either of the two turns verification off; but a flag beats the other one's variable, as always. */
function verifiesPods(
  { nodeTlsRejectUnauthorized, upstreamInsecureSkipVerify }: Settings,
  given: ReadonlyMap<OptionKey, GivenValue>,
): boolean {
  const byFlag = (key: OptionKey) => given.get(key)?.source === "flag";
  const [ours, originals] = [byFlag("upstreamInsecureSkipVerify"), byFlag("nodeTlsRejectUnauthorized")];
  if (ours && !originals) return !upstreamInsecureSkipVerify;
  if (originals && !ours) return nodeTlsRejectUnauthorized;
  return nodeTlsRejectUnauthorized && !upstreamInsecureSkipVerify;
}

/**
 * Half of the memory limit, else 1 GiB. Runtimes report no limit as undefined, 0 or a number near 2^63 or 2^64.
 */
export function defaultMaxBufferedBytes(memoryLimitBytes: number | undefined): number {
  if (memoryLimitBytes === undefined || memoryLimitBytes <= 0 || !Number.isSafeInteger(memoryLimitBytes)) {
    return 1024 ** 3;
  }
  return Math.max(1, Math.floor(memoryLimitBytes / 2));
}
