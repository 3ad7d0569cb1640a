/** Names of the formats on the wire, and what Prometheus calls them in `scrape_protocols`. */
import type { ClaimedFormat } from "./pod-content-type.ts";

export const textType = "text/plain";
export const openMetricsType = "application/openmetrics-text";

const openMetricsVersions = ["0.0.1", "1.0.0"] as const;
export type OpenMetricsVersion = (typeof openMetricsVersions)[number];

const textVersions = ["0.0.4", "1.0.0"] as const;
export type TextVersion = (typeof textVersions)[number];

/** How names outside the legacy character set are written (escaping_schemes.md). */
const escapings = ["allow-utf-8", "underscores", "dots", "values"] as const;
export type Escaping = (typeof escapings)[number];

export function isOpenMetricsVersion(text: string | undefined): text is OpenMetricsVersion {
  return (openMetricsVersions as readonly (string | undefined)[]).includes(text);
}

export function isTextVersion(text: string | undefined): text is TextVersion {
  return (textVersions as readonly (string | undefined)[]).includes(text);
}

export function isEscaping(text: string | undefined): text is Escaping {
  return (escapings as readonly (string | undefined)[]).includes(text);
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
