// The words for a caller whose pods are not known: what is wrong between the proxy and the API server, without a word of
// the server and without an address.
import { PodsUnknownError } from "../pod-source.ts";
import type { ApiError, ApiProblem } from "./api-error.ts";
import type { PodScope } from "./pod-scope.ts";

const reasons: Readonly<Record<ApiProblem, string>> = {
  credentials: "the proxy has no usable token or authority for the API server (TOKEN_FILE, K8S_CACERT)",
  unreachable: "the API server cannot be reached",
  untrusted: "the API server's certificate cannot be verified (K8S_CACERT)",
  unauthorized: "the API server does not accept the proxy's token (K8S_GLOBAL_TOKEN, TOKEN_FILE)",
  forbidden: "the proxy's account may not list them",
  busy: "the API server is busy",
  refused: "the API server refuses to list them",
  expired: "the API server does not finish its list",
  regressed: "the API server went back to an older state",
  malformed: "the API server's answer cannot be read",
  too_large: "the API server's answer is too large",
};

/**
 * `failure`: what went wrong last; undefined while the first list is on its way. `ageMs`: the pods are known, but have been
 * for so long.
 */
export function describeUnknown(
  { namespace }: PodScope,
  failure: ApiError | undefined,
  { ageMs }: { ageMs?: number } = {},
): string {
  const which = namespace === undefined ? "the pods" : `the pods of namespace "${namespace}"`;
  const state =
    ageMs === undefined
      ? "are not known yet"
      : `were last known ${Math.round(ageMs / 1000)} s ago, longer than MAX_POD_LIST_AGE`;
  const why = failure === undefined ? "" : `: ${reasons[failure.problem]}`;
  return `${which} ${state}${why}`;
}

/** The same as an error for a scrape. */
export function unknownPods(...what: Parameters<typeof describeUnknown>): PodsUnknownError {
  return new PodsUnknownError(`Cannot scrape: ${describeUnknown(...what)}`);
}
