// `GET /mproxy/{namespace}/{prefix}/{path…}`: the metrics of all pods that are meant as one exposition. Refuses what it can before
// it waits for anything, and dials nothing before a place is free.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import type { Config } from "../../config/parse-config.ts";
import { BodyParser } from "../../exposition/body-parser.ts";
import { fallbackFormat } from "../../exposition/negotiation/pod-content-type.ts";
import { readAccept } from "../../exposition/negotiation/scraper-formats.ts";
import type { PodScraper } from "../../scrape/scrape-pods.ts";
import type { NamespaceScope } from "../../targets/namespace-scope.ts";
import { isCurrent } from "../../targets/pod-identity.ts";
import { isSeveralPorts } from "../../targets/pod-ports.ts";
import { type PodSelection, type SelectedPods, selectPods } from "../../targets/select-pods.ts";
import { divideByReach } from "../authentication/address-access.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import type { Caller } from "../authentication/caller.ts";
import { requireNamespaces } from "../authentication/namespace-access.ts";
import { chooseCoding, readAcceptEncoding } from "../accept-encoding.ts";
import type { ConcurrencyLimit } from "../concurrency-limit.ts";
import { FamilyPatterns } from "../family-patterns.ts";
import type { MergePace } from "../merge-pace.ts";
import { sendMerge, subjectOf } from "../merge-answer.ts";
import { requireAny } from "../merge-refusals.ts";
import { PodLabels } from "../pod-labels.ts";
import {
  admitNamespaces,
  admitScrape,
  authorizationFor,
  deadlineOf,
  leaveUnanswered,
  refuse,
  refusePorts,
  watchClient,
} from "../scrape-admission.ts";
import type { RouteParts } from "./route-parts.ts";
import { parseMergeRequest } from "./merge-request.ts";

export interface MergePodsOptions extends RouteParts {
  readonly authenticator: Pick<Authenticator, "isOpen">;
  readonly namespaceScope: NamespaceScope;
  readonly scraper: Pick<PodScraper, "scrape" | "expectedBytes">;
  readonly pace: MergePace;
  readonly limit: ConcurrencyLimit;
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
  refusePorts(policy, selection.ports);
  const signal = watchClient(reply, { deadline, metrics });
  try {
    await requireNamespaces(request.caller, merge.selection.namespaces);
    signal.throwIfAborted();
    // Compiled only for those who may scrape: patterns cost more than any other part of a request.
    const filter = new FamilyPatterns(merge.include, merge.exclude);
    await admitScrape(reply, { ...o, namespaces, deadline, signal });
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
      await sendMerge(request, reply, {
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
    leaveUnanswered(reply, error);
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
  const { within, beyond } = await divideByReach(caller, selected.targets, { pods });
  if (beyond.length === 0) return selected;
  const reason = "not_allowed";
  const detail = "the pod's address is also one of pods that the caller may not see";
  return {
    ...selected,
    targets: within,
    // Once, also where several of its ports were meant.
    failed: [
      ...selected.failed,
      ...[...new Set(beyond.map(({ pod }) => pod!))].map((pod) => ({ pod, reason, detail }) as const),
    ],
  };
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
