// Why a merge has nothing to answer: no pod, or none that answered. The words are the proxy's own, and hold nothing that a pod sent.
import { isNarrow } from "../targets/pod-filter.ts";
import type { SelectedPods } from "../targets/select-pods.ts";
import { HttpError } from "./http-error.ts";
import { countReasons, type PodReport } from "./pod-report.ts";
import type { MergeRequest } from "./routes/merge-request.ts";

/** Throws HttpError 404 unless a running pod matches. */
export function requireAny(
  { targets, failed, outsideCidr }: SelectedPods,
  { selection }: MergeRequest,
): void {
  if (targets.length + failed.length > 0) return;
  const left = outsideCidr === 0 ? "" : `, and CIDR_WHITELIST leaves out ${outsideCidr} that would match`;
  const { namespaces, prefix, filter } = selection;
  const where =
    namespaces === "*"
      ? "any namespace"
      : namespaces.length === 1
        ? `namespace "${namespaces[0]}"`
        : `any of ${namespaces.length} namespaces`;
  const name = prefix === "" ? "" : ` with a name that begins with "${prefix}"`;
  const matching = isNarrow(filter) ? " and the parameters of the request" : "";
  throw new HttpError(404, `Cannot find a running pod in ${where}${name}${matching}: there is none${left}`);
}

/** 504 when time was the only reason, else 502. */
export function allFailed(reports: readonly PodReport[]): HttpError {
  const late = reports.every(({ reason }) => reason === "timeout" || reason === "not_tried");
  const pods = reports.length === 1 ? "the pod" : `any of ${reports.length} pods`;
  return new HttpError(
    late ? 504 : 502,
    `Cannot scrape ${pods}: ${countReasons(reports)}${commonDetail(reports)}`,
  );
}

/** What all pods failed for, where that names a setting: the words are the proxy's own, and hold nothing that a pod sent. */
function commonDetail([first, ...others]: readonly PodReport[]): string {
  const { reason, detail = "" } = first ?? {};
  const isCommon = others.every((report) => report.detail === detail);
  return isCommon && (reason === "tls" || reason === "bad_status") ? ` (${detail})` : "";
}
