/**
 * What a scraper takes, from its Accept header (content_negotiation.md), and what follows from it: what pods are asked for, and
 * what the answer is called. Nothing of the header itself is passed on: pods only see what was understood.
 */
import type { ExpositionFormat } from "../format.ts";
import { type MediaType, parseMediaType, readWeight, splitList } from "./media-type.ts";
import {
  type Escaping,
  isEscaping,
  isOpenMetricsVersion,
  isTextVersion,
  openMetricsType,
  type OpenMetricsVersion,
  textType,
} from "./protocols.ts";

interface Preference {
  readonly type: typeof textType | typeof openMetricsType;
  readonly version: string;
  readonly escaping: Escaping | undefined;
  /** Above 0, at most 1. */
  readonly weight: number;
}

export interface ScraperFormats {
  /** The Accept header for pods. */
  readonly upstreamAccept: string;
  /** Whether names outside the legacy character set may stand in the answer, quoted. */
  readonly utf8Names: boolean;
  /** Whether an answer may be in OpenMetrics. `utf8Names`: whether such names stand in it. */
  readonly takesOpenMetrics: (answer: { readonly utf8Names: boolean }) => boolean;
  /** The Content-Type of an answer. */
  readonly contentType: (format: ExpositionFormat, answer: AnswerFacts) => string;
}

interface AnswerFacts {
  /** Those of the pods that answered in OpenMetrics. */
  readonly versions: readonly OpenMetricsVersion[];
  readonly utf8Names: boolean;
}

const allowsUtf8 = ({ escaping }: Preference) => escaping === "allow-utf-8";

const anyWeight = 0.1;

export function readAccept(header: string | undefined): ScraperFormats {
  const preferences = splitList(header ?? "")
    .flatMap((item) => readPreference(parseMediaType(item)) ?? [])
    .sort((a, b) => b.weight - a.weight);
  const text = preferences.find(({ type }) => type === textType);
  const openMetrics = preferences.filter(({ type }) => type === openMetricsType);
  const utf8Names = preferences.some(allowsUtf8);
  return {
    upstreamAccept: formatAccept(preferences),
    utf8Names,
    takesOpenMetrics: (answer) => (answer.utf8Names ? openMetrics.some(allowsUtf8) : openMetrics.length > 0),
    contentType: (format, answer) =>
      format === "text" ? textContentType(text, utf8Names) : openMetricsContentType(openMetrics, answer),
  };
}

/** Undefined for what is not understood, or not wanted (weight 0). */
function readPreference(item: MediaType | undefined): Preference | undefined {
  if (item === undefined) return undefined;
  const { type, parameters } = item;
  const weight = readWeight(parameters.get("q"));
  if (weight === 0) return undefined;
  const named = parameters.get("escaping");
  const escaping = isEscaping(named) ? named : undefined;
  // Without a version: the oldest of each, as expfmt reads it.
  if (type === textType) {
    const version = parameters.get("version") ?? "0.0.4";
    return isTextVersion(version) ? { type, version, escaping, weight } : undefined;
  }
  if (type !== openMetricsType) return undefined;
  const version = parameters.get("version") ?? "0.0.1";
  return isOpenMetricsVersion(version) ? { type, version, escaping, weight } : undefined;
}

/** The same preferences, each format once; and anything rather than nothing, since all formats can be told apart. */
function formatAccept(preferences: readonly Preference[]): string {
  if (preferences.length === 0) return `${textType};version=0.0.4;q=1,*/*;q=${anyWeight}`;
  const items = new Map<string, number>();
  for (const { type, version, escaping, weight } of preferences) {
    const item = `${type};version=${version}${escaping === undefined ? "" : `;escaping=${escaping}`}`;
    if (!items.has(item)) items.set(item, weight);
  }
  const lowest = Math.min(...items.values());
  const rest = Math.min(anyWeight, lowest / 2);
  return [...items, ["*/*", rest] as const]
    .map(([item, weight]) => `${item};q=${formatWeight(weight)}`)
    .join(",");
}

function formatWeight(weight: number): string {
  return String(Math.round(weight * 1000) / 1000);
}

function textContentType(preferred: Preference | undefined, utf8Names: boolean): string {
  if (utf8Names) return `${textType}; version=1.0.0; charset=utf-8; escaping=allow-utf-8`;
  if (preferred?.version !== "1.0.0") return `${textType}; version=0.0.4; charset=utf-8`;
  return `${textType}; version=1.0.0; charset=utf-8; escaping=${preferred.escaping ?? "underscores"}`;
}

/** The lowest version that a pod answered in, as far as the scraper takes it, and as it can say what stands in the answer. */
function openMetricsContentType(
  preferences: readonly Preference[],
  { versions, utf8Names }: AnswerFacts,
): string {
  const lowest = versions.includes("0.0.1") ? "0.0.1" : "1.0.0";
  const isFit = utf8Names ? allowsUtf8 : ({ version }: Preference) => version === lowest;
  const preferred = preferences.find(isFit) ?? preferences[0];
  if (preferred?.version !== "1.0.0") return `${openMetricsType}; version=0.0.1; charset=utf-8`;
  return `${openMetricsType}; version=1.0.0; charset=utf-8; escaping=${preferred.escaping ?? "underscores"}`;
}
