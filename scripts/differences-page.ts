// The page that lists every body of the tests with which a merge makes something else of it than Prometheus alone. Made from the
// tables that the comparison with real servers holds, so that no difference can be missing.
import type { ExpositionCase } from "../test/support/exposition-case.ts";
import { expositionCases } from "../test/support/exposition-cases.ts";
import type { OpenMetricsCase } from "../test/support/openmetrics/openmetrics-case.ts";
import { openMetricsCases } from "../test/support/openmetrics-cases.ts";

type AnyCase = ExpositionCase & Partial<OpenMetricsCase>;

interface Row {
  readonly one: AnyCase;
  readonly format: string;
  readonly reason: string;
  /** What becomes of it, where that is not said by the heading. */
  readonly result?: string;
}

interface Section {
  readonly title: string;
  readonly text: string;
  readonly rowOf: (one: AnyCase) => { readonly reason: string; readonly result?: string } | undefined;
}

const verdict = (accepted: boolean) => (accepted ? "taken" : "refused");

const sections: readonly Section[] = [
  {
    title: "Taken or refused otherwise",
    text: "Prometheus 3.5 takes the body alone and the merge leaves the pod out, or the other way round.",
    rowOf: ({ ours, accepted }) =>
      ours && {
        reason: ours.reason,
        result: `${verdict(accepted)} alone, ${verdict(ours.accepted)} in a merge`,
      },
  },
  {
    title: "Stored otherwise",
    text: "The pod is in, and something of what is stored is not what a direct scrape gives.",
    rowOf: ({ stored, ours }) => (ours === undefined ? stored : undefined),
  },
  {
    title: "Stored otherwise when converted to text",
    text: "Bodies in OpenMetrics, for a scraper that takes text only or beside a pod that speaks text.",
    rowOf: ({ storedAsText }) => storedAsText,
  },
  {
    title: "Exemplars",
    text: "Exemplars that are not kept as from a direct scrape.",
    rowOf: ({ exemplars }) => exemplars,
  },
  {
    title: "Created timestamps",
    text: "With `created-timestamp-zero-ingestion`, zeros that are not stored as from a direct scrape.",
    rowOf: ({ created }) => (created === "same" ? undefined : created),
  },
  {
    title: "Passed on, though stricter readers refuse it",
    text:
      "Prometheus takes the pod alone and the merge, and stores the same. The strict parser of Python's prometheus_client refuses " +
      "both, because of what the pod itself sends.",
    rowOf: ({ strict }) => (strict === undefined ? undefined : { reason: strict }),
  },
];

export function differencesPage(note: string): string {
  const all = [
    ...expositionCases.map((one): [string, AnyCase] => ["text", one]),
    ...openMetricsCases.map((one): [string, AnyCase] => ["OpenMetrics", one]),
  ];
  const tables = sections.map(({ title, text, rowOf }) => {
    const rows = all.flatMap(([format, one]): Row[] => {
      const row = rowOf(one);
      return row === undefined ? [] : [{ one, format, ...row }];
    });
    return `## ${title}\n\n${text} ${rows.length} bodies.\n\n${formatRows(rows)}`;
  });
  const differ = all.filter(([, one]) => sections.some(({ rowOf }) => rowOf(one) !== undefined)).length;
  return `${note}

# Every difference from a direct scrape

The tests hold ${all.length} bodies, ${expositionCases.length} of text and ${openMetricsCases.length} of OpenMetrics, good, bad and strange, against real Prometheus
servers: each is scraped alone and as one pod of a merge. ${all.length - differ} of them come to the same in every respect. These are the other
${differ}, each with its reason; [expositions.md](expositions.md) says the same in fewer words.

${tables.join("\n\n")}
`;
}

function formatRows(rows: readonly Row[]): string {
  const hasResult = rows.some(({ result }) => result !== undefined);
  const head = ["body", "format", ...(hasResult ? ["what happens"] : []), "why"];
  const lines = rows.map(({ one, format, reason, result = "" }) => [
    `${escape(one.name)}<br>${bodyOf(one)}`,
    format,
    ...(hasResult ? [result] : []),
    escape(reason),
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The body as a JavaScript string, without its end, and cut where it is long. */
function bodyOf({ body }: AnyCase): string {
  const text = (typeof body === "string" ? body : body.toString("latin1")).replace(/# EOF\n?$/, "");
  const shown = JSON.stringify(text.slice(0, 100)).slice(1, -1).replaceAll('\\"', '"');
  return `\`\` ${shown.replaceAll("|", "\\|")}${text.length > 100 ? "…" : ""} \`\``;
}

const escape = (text: string) => text.replaceAll(/[\\|<>*_]/g, String.raw`\$&`);
