// The composition root: builds every object in order and starts and stops them. No logic of its own.
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

import { ConfigurationError } from "./config/configuration-error.ts";
import { withWebTls } from "./config/listener-settings.ts";
import {
  credentialsInTheClear,
  describeLooseSettings,
  isReadOnTheWay,
  openToEverybody,
} from "./config/loose-settings.ts";
import type { Config } from "./config/parse-config.ts";
import { refuseForwardedPasswords } from "./config/resolve-settings.ts";
import { PodsFile } from "./discovery/file/pods-file.ts";
import { AccessReviews } from "./discovery/kubernetes/access-reviews.ts";
import { ApiClient } from "./discovery/kubernetes/api-client.ts";
import { ApiTransport } from "./discovery/kubernetes/api-transport.ts";
import { FileToken, FixedToken } from "./discovery/kubernetes/bearer-token.ts";
import { KubernetesPods } from "./discovery/kubernetes/kubernetes-pods.ts";
import type { PodSource, PodSourceStatus } from "./discovery/pod-source.ts";
import { createPodReader } from "./discovery/pod-reader.ts";
import { PodStore } from "./discovery/pod-store.ts";
import type { PodReader } from "./discovery/pod.ts";
import { Authenticator } from "./http/authentication/authenticator.ts";
import { BasicAuthUsers } from "./http/authentication/basic-auth-users.ts";
import { BearerTokensFile } from "./http/authentication/bearer-tokens-file.ts";
import { KubernetesCallers } from "./http/authentication/kubernetes-callers.ts";
import { type CertificateStatus, CertificateWatch } from "./http/certificate-watch.ts";
import { createMainListener } from "./http/main-listener.ts";
import { createMetricsListener, type Readiness } from "./http/metrics-listener.ts";
import type { LoadedWebConfig } from "./http/web-config/load-web-config.ts";
import type { WebConfigWatch } from "./http/web-config/web-config-watch.ts";
import { BufferBudget } from "./scrape/buffer-budget.ts";
import { ConnectionSlots } from "./scrape/connection-slots.ts";
import { PassThrough } from "./scrape/pass-through.ts";
import { PodConnections } from "./scrape/pod-connections.ts";
import { PodScraper } from "./scrape/scrape-pods.ts";
import { UpstreamTls } from "./scrape/upstream-tls.ts";
import { AccessPolicy } from "./targets/access-policy.ts";
import { AnnotationKeys } from "./targets/annotation-keys.ts";
import type { Logger } from "./telemetry/logger.ts";
import { createMetrics, type Metrics } from "./telemetry/metrics.ts";

export interface AppOptions {
  readonly logger: Logger;
  readonly version: string;
}

/** Where the listeners are: the ports that were given, or chosen where 0 was given. */
interface AppAddresses {
  readonly main: AddressInfo;
  readonly metrics: AddressInfo;
}

export interface App {
  /**
   * Resolves when both listeners are open and PODS_FILE has been read; rejects, with everything closed, when one of it
   * fails. Pods of the Kubernetes API may come later.
   */
  start(): Promise<AppAddresses>;
  /** Not ready from now on; after `delayMs` accepts nothing more, finishes what runs, then resolves. Once at most. */
  stop(o: { delayMs: number }): Promise<void>;
}

/** Reads WEB_CONFIG_FILE, and opens nothing else. Rejects with ConfigurationError when that file cannot be used. */
export async function createApp(given: Config, { logger, version }: AppOptions): Promise<App> {
  const web =
    given.webConfigFile === undefined ? undefined : await openWebConfig(given.webConfigFile, logger);
  if (web !== undefined) refuseForwardedPasswords(given, web.current.users);
  const config = web?.current.tls === undefined ? given : withWebTls(given);
  const metrics = createMetrics({ version });
  const policy = new AccessPolicy(config);
  const pods = new PodStore();
  const shown = new AnnotationKeys(config.sdAnnotations);
  const showsAnnotation = (key: string) => shown.matches(key);
  const readPod = createPodReader({ keepsAnnotation: showsAnnotation });
  const userAgent = `k8s-prometheus-proxy/${version}`;
  const api = createApi(config, { userAgent, logger });
  const source = createPodSource(config, { api, store: pods, readPod, logger, metrics });
  const tokens =
    config.bearerTokensFile === undefined
      ? undefined
      : new BearerTokensFile({ path: config.bearerTokensFile, logger, metrics });
  const users = web && new BasicAuthUsers();
  const authenticator = new Authenticator({
    basic: users,
    tokens,
    kubernetes: createKubernetesCallers(config, { api, logger, metrics }),
  });
  const tls = new UpstreamTls({ settings: config, logger, metrics });
  const connections = new PodConnections({ connectTimeoutMs: config.connectTimeoutMs, tls });
  const slots = new ConnectionSlots({ maxConnections: config.maxConnections, metrics });
  const budget = new BufferBudget({ maxBytes: config.maxBufferedBytes, metrics });
  const scraper = new PodScraper({
    connections,
    slots,
    budget,
    maxBodyBytes: config.maxBodyBytes,
    maxConnectionsPerScrape: config.maxConnectionsPerScrape,
    userAgent,
    metrics,
  });
  const passThrough = new PassThrough({
    connections,
    slots,
    maxResponseBytes: config.maxResponseBytes,
    userAgent,
    metrics,
  });

  let stopping = false;
  const { listener: main, scrapesInFlight } = createMainListener({
    config,
    authenticator,
    version,
    pods,
    podSource: source,
    policy,
    budget,
    showsAnnotation,
    scraper,
    passThrough,
    metrics,
    web,
    logger,
  });
  const certificate =
    config.certificateFiles === undefined
      ? undefined
      : new CertificateWatch({
          files: config.certificateFiles,
          apply: (read) => main.useCertificate(read),
          logger,
        });
  const own = createMetricsListener({
    logger,
    metrics,
    pods,
    readiness: () => readinessOf(source.status, pods, stopping),
  });
  metrics.observe({
    scrapesInFlight,
    connectionsOpen: () => connections.stats.open,
    bufferedBytes: () => budget.heldBytes,
    podListAgeSeconds: () => secondsOf(source.status.ageMs),
    podListLastContactTimestampSeconds: () => secondsOf(source.status.lastContactMs),
    certificateExpiryTimestampSeconds: () => certificate?.status?.expirySeconds ?? web?.status.expirySeconds,
    // Of two watches the one that has a problem.
    certificateReloadSuccess: () => reloadSuccessOf([certificate?.status, web?.status]),
  });

  return {
    async start() {
      try {
        await tls.start();
        await certificate?.start();
        await tokens?.start();
        web?.start((read) => {
          refuseForwardedPasswords(config, read.users);
          if (read.tls !== undefined) main.useCertificate(read.tls.certificate, read.tls.policy);
          users!.use(read.users);
          warnOfLoose(read, { authenticator, config, logger });
        });
        const address = config.listenAddress;
        const addresses = {
          main: await main.listen({
            address,
            port: config.mainPort,
            variable: config.mainPortVariable,
          }),
          metrics: await own.listen({ address, port: config.metricsHttpPort, variable: "METRICS_HTTP_PORT" }),
        };
        const protocol = config.servesTls ? "https" : "http";
        logger.info({ version, protocol, ...addresses }, "Listening");
        await source.start();
        return addresses;
      } catch (error) {
        await closeAll(0);
        throw error;
      }
    },
    async stop({ delayMs }) {
      stopping = true;
      main.drain();
      await delay(delayMs);
      await closeAll(config.maxScrapeTimeoutMs);
    },
  };

  /** The own metrics last: until the end they tell that this instance is not ready. */
  async function closeAll(graceMs: number): Promise<void> {
    await main.close({ graceMs });
    await source.stop();
    await certificate?.stop();
    await tokens?.stop();
    await web?.stop();
    await users?.close();
    connections.close();
    await tls.stop();
    await own.close({ graceMs: 0 });
  }
}

async function openWebConfig(path: string, logger: Logger): Promise<WebConfigWatch> {
  // Loaded when it is needed, for the YAML library that comes with it.
  const { WebConfigWatch } = await import("./http/web-config/web-config-watch.ts");
  try {
    return await WebConfigWatch.open({ path, logger });
  } catch (error) {
    throw new ConfigurationError((error as Error).message, { cause: error });
  }
}

function warnOfLoose(
  { tls }: LoadedWebConfig,
  {
    authenticator,
    config,
    logger,
  }: { readonly authenticator: Authenticator; readonly config: Config; readonly logger: Logger },
): void {
  const clients = tls?.policy.clients;
  const isVerified = clients !== undefined && clients.requires && clients.verifies;
  if (authenticator.isOpen && !isVerified) logger.warn(describeLooseSettings([openToEverybody]));
  if (!authenticator.isOpen && isReadOnTheWay(config))
    logger.warn(describeLooseSettings([credentialsInTheClear]));
}

function reloadSuccessOf(watches: readonly (CertificateStatus | undefined)[]): 0 | 1 | undefined {
  const known = watches.flatMap((status) => status?.reloadSuccess ?? []);
  return known.length === 0 ? undefined : known.includes(0) ? 0 : 1;
}

interface PodSourceParts {
  readonly api: Api | undefined;
  readonly store: PodStore;
  readonly readPod: PodReader;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

function createPodSource({ podsFile, kubernetes }: Config, { api, ...parts }: PodSourceParts): PodSource {
  if (podsFile !== undefined) return new PodsFile({ path: podsFile, ...parts });
  const { namespaces, maxPodListAgeMs } = kubernetes!;
  return new KubernetesPods({ ...api!, namespaces, maxAgeMs: maxPodListAgeMs, ...parts });
}

interface Api {
  readonly client: ApiClient;
  readonly closeClient: () => Promise<void>;
}

/** Undefined where pods come from a file. */
function createApi(
  { kubernetes }: Config,
  parts: { readonly userAgent: string; readonly logger: Logger },
): Api | undefined {
  if (kubernetes === undefined) return undefined;
  const { api, token, caFile, caRequired } = kubernetes;
  const transport = new ApiTransport({ origin: api.origin, caFile, caRequired, ...parts });
  const client = new ApiClient({
    transport,
    token:
      token &&
      ("value" in token ? new FixedToken(token.value) : new FileToken({ path: token.file, ...parts })),
    pathPrefix: api.pathPrefix,
    ...parts,
  });
  return { client, closeClient: () => transport.close() };
}

function createKubernetesCallers(
  config: Config,
  { api, ...parts }: { readonly api: Api | undefined; readonly logger: Logger; readonly metrics: Metrics },
): KubernetesCallers | undefined {
  if (!config.kubernetesAuth) return undefined;
  return new KubernetesCallers({
    reviews: new AccessReviews({
      client: api!.client,
      resource: config.kubernetesAuthResource,
      audiences: config.kubernetesAuthAudiences,
    }),
    freshMs: config.kubernetesAuthCacheMs,
    staleMs: config.maxPodListAgeMs,
    ...parts,
  });
}

function readinessOf(
  { notReady, ageMs = 0 }: PodSourceStatus,
  { size }: PodStore,
  stopping: boolean,
): Readiness {
  if (stopping) return { ready: false, text: "The proxy is not ready: it is shutting down" };
  if (notReady !== undefined) return { ready: false, text: `The proxy is not ready: ${notReady}` };
  // An old list serves: instances that all stopped serving at once would make an outage of the API server one of scraping.
  const age = ageMs < 1000 ? "" : `, as they were ${Math.round(ageMs / 1000)} s ago`;
  return { ready: true, text: `The proxy is ready: it knows ${size} pods${age}` };
}

function secondsOf(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
