// Watches that are not opened: from where nobody can tell any more what happened since, or from no revision at all.
import type { ApiRequest } from "./api-request.ts";
import { type Answer, statusAnswer, statusObject } from "./api-status.ts";
import type { PodHistory } from "./pod-history.ts";
import { eventLine } from "./watch-stream.ts";

/** `expiredWatch`: a forgotten revision is told with 200 and an ERROR event, as servers do, or with status 410. */
export function watchRefusal(
  { query }: ApiRequest,
  o: { history: PodHistory; expiredWatch: "event" | "status" },
): Answer | undefined {
  const version = query.get("resourceVersion") ?? "";
  if (!/^\d*$/u.test(version)) {
    return statusAnswer({ code: 400, message: `invalid resource version: "${version}"` });
  }
  const { compactedRevision } = o.history;
  if (Number(version) === 0 || Number(version) >= compactedRevision) return undefined;
  const fields = { code: 410, message: `too old resource version: ${version} (${compactedRevision})` };
  if (o.expiredWatch === "status") return statusAnswer(fields);
  const headers = { "content-type": "application/json" };
  return { status: 200, headers, body: eventLine("ERROR", statusObject(fields)) };
}
