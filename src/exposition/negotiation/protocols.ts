/** Names of the formats on the wire, and what Prometheus calls them in `scrape_protocols`. */
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
