// What is wrong with merged answers, in the words of four judges: our own structure check, one for series that stand twice, promtool
// for text, and the strict parser of prometheus_client for OpenMetrics.
import { findStructureProblem } from "./exposition-structure.ts";
import { askOracleOfEach } from "./openmetrics-oracle.ts";
import { promtoolCheckMetrics } from "./promtool.ts";
import type { RecordedAnswer } from "./recorded-answers.ts";
import { parseReference } from "./reference-parser.ts";
import { encode, isSample, type Label, type Sample } from "./reference-sample.ts";

/** One line for each problem. */
export async function findAnswerProblems(answers: readonly RecordedAnswer[]): Promise<string[]> {
  const problems: string[] = [];
  const legacy: RecordedAnswer[] = [];
  for (const { text, format } of answers) {
    const problem = findStructureProblem(text, format) ?? findDuplicate(text, format);
    if (problem === undefined) legacy.push({ format, text: withLegacyNames(text, format) });
    else problems.push(problem);
  }
  const texts = legacy.filter(({ format }) => format === "text").flatMap(({ text }) => piecesOf(text));
  // Two at a time: there are two cores.
  const halves = [texts.filter((_, index) => index % 2 === 0), texts.filter((_, index) => index % 2 === 1)];
  const judge = async (some: readonly string[]) => {
    for (const text of some) {
      const { exitCode, output } = await promtoolCheckMetrics(text, "3.5");
      // 3: remarks on style, which are the pods' own.
      if (exitCode !== 0 && exitCode !== 3) problems.push(`promtool: ${output.slice(0, 300)}`);
    }
  };
  await Promise.all(halves.map(judge));
  const others = legacy.filter(({ format }) => format === "openmetrics").map(({ text }) => text);
  for (const verdict of await askOracleOfEach(others, "openmetrics")) {
    if (!verdict.accepted) problems.push(`prometheus_client: ${verdict.error}`);
  }
  return problems;
}

/** promtool takes the square of the samples of a family: it gets no more than so many at a time. */
const maxFamilySamples = 1000;

/** Expositions that together hold the whole, each with the metadata of its families. */
function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  const add = (piece: number, lines: readonly string[]) => {
    pieces[piece] = `${pieces[piece] ?? ""}${lines.join("\n")}\n`;
  };
  for (const family of text.split(/(?<=\n)(?=# HELP )|(?<=\n)(?<!# HELP [^\n]*\n)(?=# TYPE )/)) {
    const lines = family.split("\n").filter((line) => line !== "");
    const samples = lines.filter((line) => !line.startsWith("#"));
    const metadata = lines.slice(0, lines.length - samples.length);
    if (samples.length === 0) add(0, metadata);
    for (let at = 0; at < samples.length; at += maxFamilySamples) {
      add(at / maxFamilySamples, [...metadata, ...samples.slice(at, at + maxFamilySamples)]);
    }
  }
  return pieces;
}

function findDuplicate(text: string, format: RecordedAnswer["format"]): string | undefined {
  const seen = new Set<string>();
  for (const { name, labels, timestamp } of parseReference(text, format).samples) {
    const sorted = labels.map((label) => JSON.stringify([label.name, label.value])).sort();
    const series = JSON.stringify([name, ...sorted, timestamp]);
    if (seen.has(series)) return `series twice: ${series}`;
    seen.add(series);
  }
  return undefined;
}

/** The other judges know no UTF-8 names: each gets a legacy one, and the same one everywhere. */
function withLegacyNames(text: string, format: RecordedAnswer["format"]): string {
  if (!/^\{|^[^#\n]*[{,]"|^# \w+ "/m.test(text)) return text;
  const lines = parseReference(text, format).entries.map((entry) =>
    isSample(entry) ? writeSample(entry) : `# ${entry.kind} ${toLegacy(entry.name)} ${entry.text}`,
  );
  return [...lines, ...(format === "openmetrics" ? ["# EOF", ""] : [""])].join("\n");
}

function writeSample({ name, labels, value, timestamp, exemplar }: Sample): string {
  const write = ({ name, value }: Label) => `${toLegacy(name)}=${encode(value)}`;
  const rest = [value, timestamp, exemplar === "" ? "" : `# ${exemplar}`].filter((part) => part !== "");
  return `${toLegacy(name)}{${labels.map(write).join(",")}} ${rest.join(" ")}`;
}

/** Suffixes stay, so that samples still belong to their families. */
function toLegacy(name: string): string {
  const escaped = name.replaceAll(/[^a-zA-Z0-9_:]/g, (c) => `_${c.codePointAt(0)!.toString(16)}_`);
  return escaped.replace(/^(?=\d)/, "_");
}
