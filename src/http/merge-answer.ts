// The answer to a merge whose pods have all answered or failed: its status, its head and its body. Decides the status before the first
// byte; what cannot be finished after that is destroyed.
import type { FastifyReply, FastifyRequest } from "fastify";

import { BodyParser, type ParsedBody } from "../exposition/body-parser.ts";
import type { ExpositionFormat } from "../exposition/format.ts";
import {
  commonFormat,
  type MergedExposition,
  mergeExpositions,
  type MergeSource,
} from "../exposition/merge.ts";
import type { ScraperFormats } from "../exposition/negotiation/scraper-formats.ts";
import { podStatusFamilies, renderPodStatus } from "../exposition/pod-status.ts";
import type { PodOutcome, ScrapedPods } from "../scrape/scrape-pods.ts";
import type { SelectedPods } from "../targets/select-pods.ts";
import type { ContentCoding } from "./accept-encoding.ts";
import { writeAnswer } from "./answer-writer.ts";
import { ClientGoneError } from "./client-presence.ts";
import type { FamilyPatterns } from "./family-patterns.ts";
import { HttpError } from "./http-error.ts";
import type { MergePace } from "./merge-pace.ts";
import { allFailed } from "./merge-refusals.ts";
import type { PodLabels } from "./pod-labels.ts";
import { describeFailures, type PodReport, reportPods } from "./pod-report.ts";
import type { MergeRequest } from "./routes/merge-request.ts";
import type { RouteParts } from "./routes/route-parts.ts";

type UpOutcome = Extract<PodOutcome<ParsedBody>, { up: true }>;

/** What an answer is made of. */
export interface MergeAnswer extends Pick<RouteParts, "config" | "policy" | "metrics" | "logger"> {
  readonly pace: MergePace;
  readonly podLabels: PodLabels;
  readonly merge: MergeRequest;
  readonly filter: FamilyPatterns;
  readonly formats: ScraperFormats;
  readonly coding: ContentCoding;
  readonly selected: SelectedPods;
  readonly scraped: ScrapedPods<ParsedBody>;
}

/** Sends it. Throws HttpError 502 or 504 when no pod is up or the answer is too long, and a ClientGoneError. */
export async function sendMerge(request: FastifyRequest, reply: FastifyReply, o: MergeAnswer): Promise<void> {
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
  }: MergeAnswer & { readonly format: ExpositionFormat },
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
function record(
  reports: readonly PodReport[],
  { selected, metrics, logger, merge, scraped }: MergeAnswer,
): void {
  for (const { reason } of selected.failed) metrics.podScraped(reason, 0);
  const failed = reports.filter(({ up }) => !up).length;
  const counts = { ...subjectOf(merge), pods: reports.length, failed };
  if (failed === 0) logger.debug({ ...counts, bodies: scraped.outcomes.length }, "Pods scraped");
  else logger.warn({ ...counts, ...describeFailures(reports) }, "Pods are missing from a scrape");
}

/** Of a merge, for log lines. */
export function subjectOf({ selection, metricsPath }: MergeRequest) {
  const { namespaces, prefix } = selection;
  const namespace = namespaces === "*" ? "*" : namespaces.join(",").slice(0, 200);
  // A path may have 2 KiB; a log line should not.
  return { namespace, prefix, path: metricsPath.slice(0, 200) };
}
