// What the failure of a list or watch means for going on. Decides nothing about when.
import type { WatchRestartReason } from "../../telemetry/metric-definitions.ts";
import { ApiError } from "./api-error.ts";
import { WatchIdleError } from "./read-watch.ts";

/** Throws what is no ApiError: it is this program's own mistake. */
export function requireApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

/** Whether only a list tells what holds now. A refusal for the request's own sake would come again and again. */
export function needsList({ problem, status = 0 }: ApiError): boolean {
  if (problem === "refused") return status >= 400 && status < 500;
  return (
    problem === "expired" || problem === "regressed" || problem === "malformed" || problem === "too_large"
  );
}

export function restartReasonOf(error: ApiError): WatchRestartReason {
  if (error instanceof WatchIdleError) return "idle";
  switch (error.problem) {
    case "expired":
    case "regressed":
    case "unreachable":
      return error.problem;
    case "malformed":
    case "too_large":
      return "malformed";
    case "untrusted":
      return "unreachable";
    case "credentials":
    case "unauthorized":
    case "forbidden":
    case "busy":
    case "refused":
      return "refused";
  }
}
