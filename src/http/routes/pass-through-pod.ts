// `GET /kubesd/{path…}`: one pod's answer, byte for byte. Passes no header of the caller to the pod but what it accepts, and no
// header of the pod to the caller but those of the content.
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";

import { type PassThrough, type PassThroughAnswer, PassThroughError } from "../../scrape/pass-through.ts";
import type { PodFailure } from "../../scrape/pod-failure.ts";
import { isCurrent } from "../../targets/pod-identity.ts";
import { type AddressSelection, selectAddress } from "../../targets/select-address.ts";
import type { Target } from "../../targets/target.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { forwardedCodings, readAcceptEncoding } from "../accept-encoding.ts";
import { requireHolders } from "../authentication/address-access.ts";
import type { Authenticator } from "../authentication/authenticator.ts";
import { ClientGoneError } from "../client-presence.ts";
import { pump } from "../pump.ts";
import type { ConcurrencyLimit } from "../concurrency-limit.ts";
import { HttpError } from "../http-error.ts";
import {
  authorizationFor,
  deadlineOf,
  holdPods,
  refuse,
  takePlace,
  watchClient,
} from "../scrape-admission.ts";
import type { RouteParts } from "./route-parts.ts";
import { parsePassThroughRequest } from "./pass-through-request.ts";

export interface PassThroughPodOptions extends RouteParts {
  readonly authenticator: Pick<Authenticator, "isOpen">;
  readonly passThrough: Pick<PassThrough, "open">;
  readonly limit: ConcurrencyLimit;
}

export function addPassThroughRoute(app: FastifyInstance, options: PassThroughPodOptions): void {
  app.get("/kubesd/*", (request, reply) => passThroughPod(request, reply, options));
}

async function passThroughPod(
  request: FastifyRequest,
  reply: FastifyReply,
  o: PassThroughPodOptions,
): Promise<FastifyReply> {
  const { config, metrics } = o;
  const deadline = deadlineOf(request, config, metrics);
  const selection = checkedSelection(request, o);
  const signal = watchClient(reply, { deadline, metrics });
  let target: Target | undefined;
  try {
    await requireHolders(request.caller, selection.ip, { ...o, signal });
    const namespaces = namespacesToKnow(selection.ip, o);
    await holdPods(reply, { pods: o.podSource, namespaces, deadline, signal });
    // Pods may have become known meanwhile.
    await requireHolders(request.caller, selection.ip, { ...o, signal });
    target = chooseTarget(selection, o);
    takePlace(reply, {
      limit: o.limit,
      limitName: "max_concurrent_kubesd",
      variable: "MAX_CONCURRENT_KUBESD",
      metrics,
    });
    const chosen = target;
    const answer = await o.passThrough.open(chosen, {
      isCurrent: () => isCurrent(chosen, { pods: o.pods, requirePod: config.kubesdRequirePod }),
      accept: acceptOf(request),
      acceptEncoding: forwardedCodings(readAcceptEncoding(request.headers["accept-encoding"])),
      authorization: authorizationFor(request, config),
      deadline,
      signal,
    });
    if (answer.failed) throw scrapeFailed(answer, chosen, o.logger);
    // Broken since it began, and nothing of it has gone out yet: as long as there can be a status, it tells why.
    const { errored } = answer.body;
    if (errored instanceof PassThroughError) throw scrapeFailed(errored.failure, chosen, o.logger);
    if (missesAuthorization(answer.status, request, o)) logMissingAuthorization(chosen, o.logger);
    await sendAnswer(request, reply, answer);
  } catch (error) {
    if (error instanceof PassThroughError) logFailure(error.failure, target!, o.logger);
    else if (!(error instanceof ClientGoneError)) throw error;
    reply.hijack();
  }
  return reply;
}

/**
 * Whose pods decide about an address: those of its holders, so that a namespace that cannot be listed costs the others nothing;
 * of an address that nobody holds, all (undefined). Without the two settings nothing depends on which pods there are.
 */
function namespacesToKnow(
  ip: string,
  { config, pods }: PassThroughPodOptions,
): ReadonlySet<string | undefined> {
  const { kubesdRequirePod, namespaceWhitelist } = config;
  const holders = kubesdRequirePod ? pods.byIp(ip) : [];
  if (holders.length > 0) return new Set(holders.map(({ namespace }) => namespace));
  return new Set(kubesdRequirePod || namespaceWhitelist.length > 0 ? [undefined] : []);
}

/** Refuses what no pod could make allowed. */
function checkedSelection(request: FastifyRequest, { policy }: PassThroughPodOptions): AddressSelection {
  const { metricsPath, selection } = parsePassThroughRequest(request.checkedTarget);
  refuse(policy.checkPath(metricsPath));
  refuse(policy.checkIp(selection.ip));
  refuse(policy.checkPort(selection.port));
  return selection;
}

function chooseTarget(selection: AddressSelection, { policy, pods }: PassThroughPodOptions): Target {
  const target = selectAddress(selection, { pods, policy });
  if ("refused" in target) refuse(target);
  return target as Target;
}

/**
 * The pod's own answer passes as it is, so only the log can tell what a user of the original will miss. Where callers say by that
 * header who they are, no setting passes it on.
 */
function missesAuthorization(
  status: number,
  { headers }: FastifyRequest,
  { config, authenticator }: PassThroughPodOptions,
): boolean {
  const isRefused = status === 401 || status === 403;
  return (
    isRefused && headers.authorization !== undefined && !config.forwardAuthorization && authenticator.isOpen
  );
}

function logMissingAuthorization({ ip, port, namespace, podName }: Target, logger: Logger): void {
  logger.warn(
    { ip, port, namespace, pod: podName },
    "A pod refuses its caller, whose Authorization is passed on with FORWARD_AUTHORIZATION=true only",
  );
}

async function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  { status, headers, body }: Extract<PassThroughAnswer, { failed: false }>,
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  const { "content-length": length, ...others } = headers;
  response.writeHead(status, {
    ...others,
    // A 204 has no body, and a length would tell otherwise (RFC 9110, 8.6).
    ...(length !== undefined && status !== 204 && { "content-length": length }),
    // A pod's page must not become a page of the proxy in somebody's browser.
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
  });
  if (request.method === "HEAD") {
    body.destroy();
    response.end();
    return;
  }
  await pump(body, response);
}

const acceptable = /^[\x20-\x7e]{1,2048}$/;

function acceptOf({ headers }: FastifyRequest): string {
  const { accept } = headers;
  return accept !== undefined && acceptable.test(accept) ? accept : "*/*";
}

function scrapeFailed(failure: PodFailure, target: Target, logger: Logger): HttpError {
  logFailure(failure, target, logger);
  const late = failure.reason === "timeout" || failure.reason === "not_tried";
  const text = `Cannot scrape the pod (${failure.reason}): ${failure.detail}`;
  return new HttpError(late ? 504 : 502, failure.unverified ? `${text}. ${wayBack}` : text);
}

// The program that this one replaces did not verify on /kubesd: whoever meets that should not have to search.
const wayBack =
  "https pods are verified unless UPSTREAM_INSECURE_SKIP_VERIFY=true or NODE_TLS_REJECT_UNAUTHORIZED=0";

function logFailure(
  { reason, detail }: PodFailure,
  { ip, port, namespace, podName }: Target,
  logger: Logger,
): void {
  logger.warn({ ip, port, namespace, pod: podName, reason, detail }, "A pod could not be passed through");
}
