// The part of Prometheus' HTTP API that tests ask: instant queries, targets, series, metadata. Every call is bounded.

/** One sample of an instant query. */
export interface QuerySample {
  readonly labels: Readonly<Record<string, string>>;
  /** As Prometheus writes it, e.g. "1", "NaN", "+Inf". */
  readonly value: string;
  /** The time of the evaluation, not of the sample: ask `timestamp(x)` for that. Milliseconds. */
  readonly timeMs: number;
}

export interface ScrapeTarget {
  readonly labels: Readonly<Record<string, string>>;
  readonly discoveredLabels: Readonly<Record<string, string>>;
  readonly scrapePool: string;
  readonly scrapeUrl: string;
  readonly health: "up" | "down" | "unknown";
  /** Why the last scrape failed; empty when it did not. */
  readonly lastError: string;
}

export interface MetricMetadata {
  readonly type: string;
  readonly help: string;
  readonly unit: string;
}

export class PrometheusApi {
  readonly #baseUrl: string;

  /** @param baseUrl e.g. `http://127.0.0.1:9090`, without a slash at the end */
  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl;
  }

  /** Evaluates an expression now. Only for expressions that give an instant vector or a scalar. */
  async query(expression: string): Promise<readonly QuerySample[]> {
    const data = await this.get<QueryData>("query", { query: expression });
    if (data.resultType === "vector") {
      return data.result.map((item) => toSample(item.metric, item.value));
    }
    if (data.resultType === "scalar") {
      return [toSample({}, data.result)];
    }
    throw new Error(`Cannot query "${expression}": result is a ${data.resultType}`);
  }

  /** The targets that are scraped, whatever their health. */
  async targets(): Promise<readonly ScrapeTarget[]> {
    const data = await this.get<{ activeTargets: ScrapeTarget[] }>("targets", { state: "active" });
    return data.activeTargets;
  }

  /** Per metric family each different set of metadata that its targets gave. */
  metadata(): Promise<Readonly<Record<string, readonly MetricMetadata[]>>> {
    return this.get("metadata", {});
  }

  /** The labels of every stored series that the selector matches, also of those that have ended. */
  series(selector: string): Promise<readonly Readonly<Record<string, string>>[]> {
    return this.get("series", { "match[]": selector });
  }

  /** `data` of any endpoint below /api/v1/. */
  async get<Data>(endpoint: string, parameters: Readonly<Record<string, string>>): Promise<Data> {
    const url = `${this.#baseUrl}/api/v1/${endpoint}?${new URLSearchParams(parameters).toString()}`;
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    const answer = (await response.json()) as { status: string; data: Data; error?: string };
    if (answer.status !== "success") {
      throw new Error(`Cannot get "${url}": ${response.status} ${answer.error ?? ""}`);
    }
    return answer.data;
  }
}

type Point = readonly [seconds: number, value: string];

type QueryData =
  | { resultType: "vector"; result: { metric: Record<string, string>; value: Point }[] }
  | { resultType: "scalar"; result: Point }
  | { resultType: "matrix" | "string"; result: unknown };

function toSample(labels: Record<string, string>, [seconds, value]: Point): QuerySample {
  return { labels, value, timeMs: seconds * 1000 };
}
