/** Which exposition format a pod's Content-Type claims, as Prometheus 3 reads it (model/textparse/interface.go). */
import type { ExpositionFormat } from "../format.ts";
import { parseMediaType } from "./media-type.ts";
import { isOpenMetricsVersion, openMetricsType, type OpenMetricsVersion, textType } from "./protocols.ts";

export interface ClaimedFormat {
  readonly format: ExpositionFormat;
  /** Of OpenMetrics only: without a version it is the oldest one. */
  readonly openMetricsVersion?: OpenMetricsVersion;
}

/** A format of the field that is not merged. */
const protobuf = new Set(["application/vnd.google.protobuf", "application/x-protobuf"]);

/**
 * @param fallback how to read a body whose type is missing, malformed or foreign, such as a login page's; undefined: not at all
 * @returns `foreign` or `protobuf` when the body must not be read: no fallback makes anything of the latter
 */
export function readContentType(
  header: string | undefined,
  fallback: ClaimedFormat | undefined,
): ClaimedFormat | "foreign" | "protobuf" {
  const mediaType = parseMediaType(header ?? "");
  if (mediaType === undefined) return fallback ?? "foreign";
  switch (mediaType.type) {
    case textType:
      return { format: "text" };
    case openMetricsType: {
      const version = mediaType.parameters.get("version");
      return {
        format: "openmetrics",
        openMetricsVersion: isOpenMetricsVersion(version) ? version : "0.0.1",
      };
    }
    default:
      return protobuf.has(mediaType.type) ? "protobuf" : (fallback ?? "foreign");
  }
}

/** What FALLBACK_SCRAPE_PROTOCOL means; undefined when it is empty. */
export function fallbackFormat(protocol: string): ClaimedFormat | undefined {
  switch (protocol) {
    case "PrometheusText0.0.4":
    case "PrometheusText1.0.0":
      return { format: "text" };
    case "OpenMetricsText0.0.1":
      return { format: "openmetrics", openMetricsVersion: "0.0.1" };
    case "OpenMetricsText1.0.0":
      return { format: "openmetrics", openMetricsVersion: "1.0.0" };
    default:
      return undefined;
  }
}
