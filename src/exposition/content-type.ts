/** Which exposition format a body claims to be. Knows nothing of HTTP but the header's text. */

/** What a merged answer in text format 0.0.4 is sent as (exposition_formats.md, "HTTP Content-Type requirements"). */
export const textContentType = "text/plain; version=0.0.4; charset=utf-8";

/** The Accept header sent to pods for a merge: text 0.0.4, anything rather than nothing. */
export const upstreamAccept = "text/plain;version=0.0.4;q=1,*/*;q=0.1";

const otherFormats = new Set([
  "application/openmetrics-text",
  "application/vnd.google.protobuf",
  "application/x-protobuf",
]);

/**
 * `text`: read the body as text 0.0.4. That also holds where the type is missing or foreign, as with Prometheus'
 * `fallback_scrape_protocol: PrometheusText0.0.4`; a login page then fails as what it is, unparsable.
 * `other`: a format of the field that was not asked for, and that must not be read as text 0.0.4 (OpenMetrics
 * timestamps are seconds, and text parsers would take them silently).
 */
export function classifyContentType(header: string | undefined): "text" | "other" {
  const mediaType = header?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return otherFormats.has(mediaType) ? "other" : "text";
}

/**
 * Whether a scraper takes metric and label names outside the legacy character set, quoted: it says so with the
 * parameter `escaping=allow-utf-8` (content_negotiation.md). Prometheus 2.x refuses a whole scrape for one such name.
 */
export function takesUtf8Names(accept: string | undefined): boolean {
  return /;\s*escaping\s*=\s*"?allow-utf-8"?\s*(?:[;,]|$)/i.test(accept ?? "");
}
