// `GET /mproxy/{namespace}/{prefix}/{path…}`: the metrics of all pods of a name prefix as one exposition. Decides the status
// before the first byte; what cannot be finished after that is destroyed.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Config } from "../../config/parse-config.ts";
import type { PodSource } from "../../discovery/pod-source.ts";
import type { PodStore } from "../../discovery/pod-store.ts";
import { BodyParser, type ParsedBody } from "../../exposition/body-parser.ts";
import type { ExpositionFormat } from "../../exposition/format.ts";
import {
  commonFormat,
  type MergedExposition,
  mergeExpositions,
  type MergeSource,
} from "../../exposition/merge.ts";
import { fallbackFormat } from "../../exposition/negotiation/pod-content-type.ts";
import { readAccept, type ScraperFormats } from "../../exposition/negotiation/scraper-formats.ts";
import { podStatusFamilies, renderPodStatus } from "../../exposition/pod-status.ts";
import { BufferBudgetError } from "../../scrape/buffer-budget.ts";
import type { PodOutcome, PodScraper, ScrapedPods } from "../../scrape/scrape-pods.ts";
import type { AccessPolicy } from "../../targets/access-policy.ts";
import type { NamespaceScope } from "../../targets/namespace-scope.ts";
import { isCurrent } from "../../targets/pod-identity.ts";
import { isSeveralPorts } from "../../targets/pod-ports.ts";
import { type PodSelection, type SelectedPods, selectPods } from "../../targets/select-pods.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { addressesOutOfReach } from "../authentication/address-access.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import type { Caller } from "../authentication/caller.ts";
import { requireNamespaces } from "../authentication/namespace-access.ts";
import { chooseCoding, type ContentCoding, readAcceptEncoding } from "../accept-encoding.ts";
import { writeAnswer } from "../answer-writer.ts";
import { ClientGoneError } from "../client-presence.ts";
import type { ConcurrencyLimit } from "../concurrency-limit.ts";
import { FamilyPatterns } from "../family-patterns.ts";
import { HttpError } from "../http-error.ts";
import type { MergePace } from "../merge-pace.ts";
import { allFailed, requireAny } from "../merge-refusals.ts";
import { PodLabels } from "../pod-labels.ts";
import { describeFailures, type PodReport, reportPods } from "../pod-report.ts";
import {
  admitNamespaces,
  authorizationFor,
  deadlineOf,
  holdPods,
  namespacesToHold,
  refuse,
  takePlace,
  watchClient,
} from "../scrape-admission.ts";
import { unavailable } from "../unavailable.ts";
import { type MergeRequest, parseMergeRequest } from "./merge-request.ts";

export interface MergePodsOptions {
  readonly config: Config;
  readonly authenticator: Pick<Authenticator, "isOpen">;
  readonly pods: PodStore;
  readonly podSource: Pick<PodSource, "hold">;
  readonly policy: AccessPolicy;
  readonly namespaceScope: NamespaceScope;
  readonly scraper: Pick<PodScraper, "scrape" | "expectedBytes">;
  readonly pace: MergePace;
  readonly limit: ConcurrencyLimit;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export function addMergePodsRoute(app: FastifyInstance, options: MergePodsOptions): void {
  app.get("/mproxy/*", (request, reply) => mergePods(request, reply, options));
}

async function mergePods(
  request: FastifyRequest,
  reply: FastifyReply,
  o: MergePodsOptions,
): Promise<FastifyReply> {
  const { config, policy, metrics, pods } = o;
  const deadline = deadlineOf(request, config, metrics);
  const merge = parseMergeRequest(request.checkedTarget);
  refuse(policy.checkPath(merge.metricsPath));
  const namespaces = admitNamespaces(o.namespaceScope, merge.selection.namespaces);
  const selection = { ...merge.selection, namespaces };
  for (const port of selection.ports) if (typeof port === "number") refuse(policy.checkPort(port));
  const signal = watchClient(reply, { deadline, metrics });
  try {
    await requireNamespaces(request.caller, merge.selection.namespaces);
    signal.throwIfAborted();
    // Compiled only for those who may scrape: patterns cost more than any other part of a request.
    const filter = new FamilyPatterns(merge.include, merge.exclude);
    // Before it takes a place: whoever waits for a first list must not keep others from pods that are known.
    await holdPods(reply, {
      pods: o.podSource,
      namespaces: namespacesToHold(namespaces),
      deadline,
      signal,
    });
    takePlace(reply, {
      limit: o.limit,
      limitName: "max_concurrent_scrapes",
      variable: "MAX_CONCURRENT_SCRAPES",
      metrics,
    });
    const selected = await withinReach(request.caller, selectPods(selection, { pods, policy }), o);
    signal.throwIfAborted();
    requireAny(selected, merge);
    const podLabels = podLabelsFor(merge.selection, config);
    const formats = readAccept(request.headers.accept);
    const { utf8Names } = formats;
    const codings = readAcceptEncoding(request.headers["accept-encoding"]);
    const mergeMs = o.pace.reserveMs(o.scraper.expectedBytes(selected.targets.length), deadline.totalMs);
    const scraped = await o.scraper.scrape(selected.targets, {
      deadline: deadline.earlier(mergeMs),
      signal,
      authorization: authorizationFor(request, config),
      keepsAuthorization: !o.authenticator.isOpen,
      protocol: {
        accept: formats.upstreamAccept,
        zstd: codings.zstd > 0,
        fallback: fallbackFormat(config.fallbackScrapeProtocol),
      },
      createBodyParser: ({ format }) =>
        new BodyParser({
          format,
          maxSamples: config.maxSamplesPerPod,
          reservedLabels: podLabels.names,
          utf8Names,
        }),
      isCurrent: (target) => isCurrent(target, { pods, requirePod: config.kubesdRequirePod }),
    });
    try {
      await answer(request, reply, {
        ...o,
        podLabels,
        merge,
        filter,
        formats,
        coding: chooseCoding(codings),
        selected,
        scraped,
      });
    } finally {
      scraped.release();
    }
  } catch (error) {
    if (error instanceof BufferBudgetError) throw unavailable(error.message);
    if (!(error instanceof ClientGoneError)) throw error;
    reply.hijack();
    o.logger.debug(subjectOf(merge), "The client left before its answer was complete");
  }
  return reply;
}

/** A pod that shares its address with pods that the caller may not see has failed: its address leads to those as well. */
async function withinReach(
  caller: Caller,
  selected: SelectedPods,
  { pods }: MergePodsOptions,
): Promise<SelectedPods> {
  const outOfReach = await addressesOutOfReach(
    caller,
    selected.targets.map(({ ip }) => ip),
    { pods },
  );
  if (outOfReach.size === 0) return selected;
  const refused = selected.targets.filter(({ ip }) => outOfReach.has(ip));
  const reason = "not_allowed";
  const detail = "the pod's address is also one of pods that the caller may not see";
  return {
    ...selected,
    targets: selected.targets.filter(({ ip }) => !outOfReach.has(ip)),
    // Once, also where several of its ports were meant.
    failed: [
      ...selected.failed,
      ...[...new Set(refused.map(({ pod }) => pod!))].map((pod) => ({ pod, reason, detail }) as const),
    ],
  };
}

type UpOutcome = Extract<PodOutcome<ParsedBody>, { up: true }>;

interface Answer extends MergePodsOptions {
  readonly podLabels: PodLabels;
  readonly merge: MergeRequest;
  readonly filter: FamilyPatterns;
  readonly formats: ScraperFormats;
  readonly coding: ContentCoding;
  readonly selected: SelectedPods;
  readonly scraped: ScrapedPods<ParsedBody>;
}

async function answer(request: FastifyRequest, reply: FastifyReply, o: Answer): Promise<void> {
  const startMs = performance.now();
  const { coding, scraped } = o;
  const { outcomes } = scraped;
  const reports = reportPods(o.selected, outcomes, {
    addressOf: (pod) => o.policy.addressOf(pod),
    podLabels: o.podLabels,
  });
  record(reports, o);
  const up = outcomes.filter((outcome) => outcome.up);
  if (up.length === 0) throw allFailed(reports);
  const facts = {
    utf8Names: up.some(({ body }) => body.table.utf8Names),
    versions: up.flatMap(({ claimed }) => claimed.openMetricsVersion ?? []),
  };
  const format = o.formats.takesOpenMetrics(facts) ? commonFormat(up.map(({ body }) => body)) : "text";
  const merged = merge(up, reports, { ...o, format });

  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, {
    "content-type": o.formats.contentType(format, facts),
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    vary: "Accept, Accept-Encoding",
    ...(coding !== "identity" && { "content-encoding": coding }),
  });
  if (request.method === "HEAD") {
    // Node would drop the body as well, but only after it had been made.
    response.end();
    return;
  }
  try {
    await writeAnswer(response, merged.blocks(), { coding });
    o.pace.record(merged.maxBytes, performance.now() - startMs);
  } catch (error) {
    if (error instanceof ClientGoneError) throw error;
    o.logger.error(
      { ...subjectOf(o.merge), err: error },
      "Cannot finish an answer: its connection was destroyed",
    );
  }
}

function merge(
  up: readonly UpOutcome[],
  reports: readonly PodReport[],
  {
    config,
    metrics,
    logger,
    merge,
    filter,
    format,
    podLabels,
  }: Answer & { readonly format: ExpositionFormat },
): MergedExposition {
  const sources: MergeSource[] = up.map(({ body, target: { pod, ip, port } }) => ({
    body,
    labels: podLabels.ofSample(pod!, ip, port),
  }));
  if (config.podStatusMetrics) {
    sources.unshift({ body: parseStatus(reports, format), labels: [], owns: podStatusFamilies });
  }
  const onTimeUp = () => {
    metrics.limitHit("family_filter");
    logger.warn(subjectOf(merge), "The family filter has used up its time: the remaining families stay");
  };
  const merged = mergeExpositions(sources, {
    labelConflict: config.labelConflict,
    format,
    keepFamily: filter.isEmpty ? undefined : filter.start({ onTimeUp }),
  });
  const conflicts = merged.typeConflicts;
  if (conflicts.length > 0) {
    metrics.typeConflicts(conflicts.length);
    logger.debug(
      { ...subjectOf(merge), families: conflicts.slice(0, 20), count: conflicts.length },
      "Families stand without their TYPE: pods disagree on it, or samples do not fit it",
    );
  }
  if (merged.maxBytes > config.maxResponseBytes) {
    metrics.limitHit("max_response_size");
    throw new HttpError(
      502,
      `Cannot answer: the merged answer has more than ${config.maxResponseBytes} bytes (MAX_RESPONSE_SIZE)`,
    );
  }
  return merged;
}

/** The status families go through the same parser and merge as a pod's body, so that they are valid by the same rules. */
function parseStatus(reports: readonly PodReport[], format: ExpositionFormat): ParsedBody {
  const maxSamples = Number.MAX_SAFE_INTEGER;
  const parser = new BodyParser({ format, maxSamples, reservedLabels: [], utf8Names: true });
  parser.push(renderPodStatus(reports, format));
  return parser.finish();
}

/** Own metrics of pods that no connection was tried for (the scraper counts the others), and the log line. */
function record(reports: readonly PodReport[], { selected, metrics, logger, merge, scraped }: Answer): void {
  for (const { reason } of selected.failed) metrics.podScraped(reason, 0);
  const failed = reports.filter(({ up }) => !up).length;
  const counts = { ...subjectOf(merge), pods: reports.length, failed };
  if (failed === 0) logger.debug({ ...counts, bodies: scraped.outcomes.length }, "Pods scraped");
  else logger.warn({ ...counts, ...describeFailures(reports) }, "Pods are missing from a scrape");
}

/** The same for every pod of a request, whatever pods there are: a series must not change its labels because another pod came. */
function podLabelsFor({ namespaces, filter, ports }: PodSelection, { extraLabels }: Config): PodLabels {
  const { containers } = filter;
  return new PodLabels({
    extra: extraLabels,
    namespace: namespaces === "*" || namespaces.length > 1,
    port: isSeveralPorts({ ports, containers }),
    containers,
  });
}

function subjectOf({ selection, metricsPath }: MergeRequest) {
  const { namespaces, prefix } = selection;
  const namespace = namespaces === "*" ? "*" : namespaces.join(",").slice(0, 200);
  // A path may have 2 KiB; a log line should not.
  return { namespace, prefix, path: metricsPath.slice(0, 200) };
}
