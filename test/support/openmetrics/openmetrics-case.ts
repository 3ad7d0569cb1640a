/**
 * What a case of OpenMetrics has beyond one of the text format, and the short forms in which the tables beside this file
 * are written. Holds no cases itself.
 */
import { type ExpositionCase, fatal, type OtherSeries, storedAs } from "../exposition-case.ts";

interface OtherExemplars {
  readonly reason: string;
  /** What Prometheus keeps of the merged answer instead, as `name{labels} # {labels} value`, sorted. */
  readonly exemplars: readonly string[];
}

export interface OpenMetricsCase extends ExpositionCase {
  /** What is stored for a scraper that takes only the text format, where it is not what is stored as OpenMetrics. */
  readonly storedAsText?: OtherSeries;
  /** The exemplars, where they are not the same as from a direct scrape. */
  readonly exemplars?: OtherExemplars;
  /** What is stored by a Prometheus that uses created timestamps; compared only where this is given. */
  readonly created?: "same" | OtherSeries;
  /** Why Python's strict parser refuses the merged answer, and the pod's body as well. */
  readonly strict?: string;
}

type Differing = Omit<Partial<OpenMetricsCase>, "name" | "body" | "accepted" | "utf8Names">;

const end = "# EOF\n";
const ended = (lines: string | Buffer) =>
  typeof lines === "string" ? lines + end : Buffer.concat([lines, Buffer.from(end)]);

/** `lines` get the end of OpenMetrics, as in the next three. */
export const taken = (name: string, lines: string | Buffer, differing: Differing = {}): OpenMetricsCase =>
  takenWhole(name, ended(lines), differing);

export const takenUtf8 = (name: string, lines: string, differing: Differing = {}): OpenMetricsCase => ({
  ...taken(name, lines, differing),
  utf8Names: true,
});

export const refused = (name: string, lines: string | Buffer): OpenMetricsCase =>
  refusedWhole(name, ended(lines));

export const endsPrometheus = (name: string, lines: string): OpenMetricsCase => fatal(name, lines + end);

/** The body is as it stands here, with whatever end it has. */
export const takenWhole = (
  name: string,
  body: string | Buffer,
  differing: Differing = {},
): OpenMetricsCase => ({ name, body, accepted: true, ...differing });

export const refusedWhole = (name: string, body: string | Buffer): OpenMetricsCase => ({
  name,
  body,
  accepted: false,
});

export const storedAsText = (reason: string, ...series: string[]) => ({
  storedAsText: storedAs(reason, ...series).stored,
});

export const exemplarsAs = (reason: string, ...exemplars: string[]) => ({
  exemplars: { reason, exemplars: exemplars.sort() },
});
