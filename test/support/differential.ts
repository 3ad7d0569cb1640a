/**
 * What a real Prometheus makes of many targets, in a form that can be compared: directly scraped pods against pods of a
 * merge. Compares nothing itself.
 */
import { startPrometheus } from "./prometheus-server.ts";
import type { PrometheusVersion } from "./tool-paths.ts";

/** Prometheus spreads the first scrapes over it. */
const intervalSeconds = 10;

interface StoredSample {
  readonly labels: Readonly<Record<string, string>>;
  /** As Prometheus writes it, e.g. "1", "NaN", "+Inf". */
  readonly value: string;
  /** Where it is not the time of the scrape. */
  readonly timestampMs?: number;
}

interface StoredExemplar extends StoredSample {
  readonly exemplarLabels: Readonly<Record<string, string>>;
}

/** What one target gave. */
export interface CaseScrape {
  readonly up: boolean;
  readonly error: string;
  /** But those that Prometheus adds to every target. */
  readonly samples: readonly StoredSample[];
  readonly exemplars: readonly StoredExemplar[];
}

/** Of a target that Prometheus would not survive, and that is left out therefore. */
export const unseen: CaseScrape = { up: false, error: "not scraped", samples: [], exemplars: [] };

/** By `via/case`. */
export type CaseScrapes = ReadonlyMap<string, CaseScrape>;

interface CaseTarget {
  readonly targets: readonly [string];
  readonly labels: { readonly via: string; readonly case: string; readonly __metrics_path__?: string };
}

/** The targets of one way to scrape, and what Prometheus asks them for. */
export interface CaseJob {
  readonly targets: readonly CaseTarget[];
  readonly scrapeProtocols?: readonly string[];
}

const ownSeries =
  /^(up|scrape_(duration_seconds|samples_scraped|samples_post_metric_relabeling|series_added))$/;

type Labels = Readonly<Record<string, string>>;
const keyOf = (labels: Labels) => `${labels["via"]}/${labels["case"]}`;
const toMs = (seconds: number) => Math.round(seconds * 1000);

/** Runs a Prometheus until it has scraped each target. `features` are those of --enable-feature. */
export async function scrapeOnce(
  version: PrometheusVersion,
  jobs: readonly CaseJob[],
  features: readonly string[] = [],
): Promise<CaseScrapes> {
  const interval = `${intervalSeconds}s`;
  await using server = await startPrometheus({
    version,
    flags: [`--enable-feature=${["exemplar-storage", ...features].join(",")}`],
    config: {
      global: { scrape_interval: interval, scrape_timeout: interval },
      scrape_configs: jobs.map(({ targets, scrapeProtocols }, index) => ({
        job_name: `cases-${index}`,
        static_configs: targets,
        ...(scrapeProtocols === undefined ? {} : { scrape_protocols: scrapeProtocols }),
      })),
    },
  });
  const count = jobs.reduce((sum, { targets }) => sum + targets.length, 0);
  const scraped = await server.waitFor(
    "a scrape of every target",
    async () => {
      const found = await server.targets();
      if (found.length !== count || found.some(({ health }) => health === "unknown")) return false;
      // A target has its health a moment before its samples can be asked for; `up` comes together with them.
      return (await server.query('up{via!=""}')).length === count && found;
    },
    90_000,
  );
  const selector = '{via!=""}';
  // Before the series: Prometheus may go round again meanwhile, and the times of its scrapes tell what is of a scrape.
  const found = await server.get<readonly SeriesExemplars[]>("query_exemplars", {
    query: selector,
    start: "-100000000000",
    end: "100000000000",
  });
  const { result } = await server.get<{ result: readonly StoredSeries[] }>("query", {
    query: `${selector}[10m]`,
  });
  const seriesOfTarget = Map.groupBy(result, ({ metric }) => keyOf(metric));
  const exemplarsOfTarget = Map.groupBy(found, ({ seriesLabels }) => keyOf(seriesLabels));
  return new Map(
    scraped.map(({ labels, health, lastError }) => {
      const series = seriesOfTarget.get(keyOf(labels)) ?? [];
      const up = series.find(({ metric }) => metric["__name__"] === "up");
      const scrapeTimes = new Set(up?.values.map(([seconds]) => toMs(seconds)));
      const samples = series
        .filter(({ metric }) => !ownSeries.test(metric["__name__"]!))
        .flatMap((one) => samplesOf(one, scrapeTimes));
      const exemplars = (exemplarsOfTarget.get(keyOf(labels)) ?? []).flatMap((one) =>
        storedExemplars(one, scrapeTimes),
      );
      return [keyOf(labels), { up: health === "up", error: lastError, samples, exemplars }];
    }),
  );
}

interface StoredSeries {
  readonly metric: Labels;
  readonly values: readonly (readonly [seconds: number, value: string])[];
}

/** The last one of a scrape's own time, and each with a time of its own. */
function samplesOf({ metric, values }: StoredSeries, scrapeTimes: ReadonlySet<number>): StoredSample[] {
  const points = values.map(([seconds, value]) => ({ labels: metric, value, timestampMs: toMs(seconds) }));
  const last = points.findLast(({ timestampMs }) => scrapeTimes.has(timestampMs));
  return [
    ...(last === undefined ? [] : [{ labels: metric, value: last.value }]),
    ...points.filter(({ timestampMs }) => !scrapeTimes.has(timestampMs)),
  ];
}

interface SeriesExemplars {
  readonly seriesLabels: Labels;
  readonly exemplars: readonly {
    readonly labels: Labels;
    readonly value: string;
    readonly timestamp: number;
  }[];
}

function storedExemplars(
  { seriesLabels, exemplars }: SeriesExemplars,
  scrapeTimes: ReadonlySet<number>,
): StoredExemplar[] {
  return exemplars.map(({ labels, value, timestamp }) => ({
    labels: seriesLabels,
    exemplarLabels: labels,
    value,
    ...(scrapeTimes.has(toMs(timestamp)) ? {} : { timestampMs: toMs(timestamp) }),
  }));
}

const targetLabels = new Set(["__name__", "podname", "podip", "job", "instance", "via", "case"]);

function labelList(labels: Labels): string {
  const list = Object.entries(labels)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => `${name}=${JSON.stringify(text)}`);
  return `{${list.join(",")}}`;
}

/** Without what the target or the merge gave. */
const seriesText = (labels: Labels) =>
  labels["__name__"] +
  labelList(Object.fromEntries(Object.entries(labels).filter(([name]) => !targetLabels.has(name))));

const timeText = ({ timestampMs }: StoredSample) => (timestampMs === undefined ? "" : ` @${timestampMs}`);

/** As `name{labels} value`, with ` @` and milliseconds where a sample has a time of its own, sorted. */
export function seriesOf(samples: readonly StoredSample[]): string[] {
  return samples.map((one) => `${seriesText(one.labels)} ${one.value}${timeText(one)}`).sort();
}

/** As `name{labels} # {labels} value`, sorted; one that has been found by two scrapes stands once. */
export function exemplarsOf(exemplars: readonly StoredExemplar[]): string[] {
  const texts = exemplars.map(
    (one) => `${seriesText(one.labels)} # ${labelList(one.exemplarLabels)} ${one.value}${timeText(one)}`,
  );
  return [...new Set(texts)].sort();
}

/** Whether it is one of the families that tell the health of the pods of a merge. */
export const isStatus = (name: string): boolean => /^k8s_prometheus_proxy_pod_(up|scrape_)/.test(name);

/** What one pod of a merge gave, without what tells its health. */
export function ofPod(
  { samples, exemplars }: CaseScrape,
  podName: string,
): Pick<CaseScrape, "samples" | "exemplars"> {
  const isOfPod = ({ labels }: StoredSample) =>
    labels["podname"] === podName && !isStatus(labels["__name__"]!);
  return { samples: samples.filter(isOfPod), exemplars: exemplars.filter(isOfPod) };
}

/** Whether a pod is in the merged answer. */
export function isUp({ samples }: CaseScrape, podName: string): boolean {
  const up = samples.find(
    ({ labels }) => labels["podname"] === podName && labels["__name__"] === "k8s_prometheus_proxy_pod_up",
  );
  return up?.value === "1";
}
