// What a pod says by annotations of how it wants to be scraped. One that is empty, as templates leave it behind, says nothing.
import type { Pod } from "../discovery/pod.ts";

/** `prometheus.io/port`, as it stands there; undefined when it says nothing. */
export function annotatedPort({ annotations }: Pod): string | undefined {
  return annotations.get("prometheus.io/port") || undefined;
}

/** `prometheus.io/path`. One without a slash in front gets it, as Prometheus would write it; undefined when it says nothing. */
export function annotatedPath({ annotations }: Pod): string | undefined {
  const path = annotations.get("prometheus.io/path") || undefined;
  return path === undefined || path.startsWith("/") ? path : `/${path}`;
}

/** `prometheus.io/scheme`: true for `https`, false for `http` or when it says nothing, undefined for anything else. */
export function annotatedTls({ annotations }: Pod): boolean | undefined {
  const text = annotations.get("prometheus.io/scheme") || "http";
  if (text === "http") return false;
  return text === "https" ? true : undefined;
}

/** `prometheus.io/scrape` is `true`. */
export function wantsScrape({ annotations }: Pod): boolean {
  return annotations.get("prometheus.io/scrape") === "true";
}
