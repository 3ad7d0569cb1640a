/**
 * The samples of a valid exposition in OpenMetrics, or of a merged one in the text format, for tests that count and compare
 * them. Reads by regular expressions and judges nothing: what does not look like a line throws.
 */

interface Sample {
  /** As they stand there, with their escapes, but without quotes. */
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
  /** Value, timestamp and exemplar. */
  readonly rest: string;
}

// Prometheus does not see NUL behind a backslash.
const quoted = String.raw`"(?:[^"\\]|\\\0*[^])*"`;
const metadata = new RegExp(
  String.raw`# (?:(?:HELP|TYPE|UNIT) (?:${quoted}|[^ "]+) [^\n]*|EOF)(?:\n|$)`,
  "y",
);
const sample = new RegExp(String.raw`([a-zA-Z_:][\w:]*)?(?:\{((?:${quoted}|[^"}])*)\})?( [^\n]*)\n`, "y");
const item = new RegExp(String.raw`(?:(${quoted}|[a-zA-Z_:][\w:]*)(?:=(${quoted}))?)(?:,|$)`, "y");

export function readSamples(exposition: string): readonly Sample[] {
  const samples: Sample[] = [];
  let at = 0;
  const read = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const match = pattern.exec(exposition);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };
  while (at < exposition.length) {
    if (read(metadata) !== null) continue;
    const match = read(sample);
    if (match === null) throw new Error(`Cannot read samples: ${exposition.slice(at, at + 100)}`);
    samples.push(sampleOf(match[1], match[2] ?? "", match[3]!));
  }
  return samples;
}

function sampleOf(bareName: string | undefined, braces: string, rest: string): Sample {
  let name = bareName;
  const labels: [string, string][] = [];
  item.lastIndex = 0;
  while (item.lastIndex < braces.length) {
    const match = item.exec(braces);
    if (match === null) throw new Error(`Cannot read labels: ${braces}`);
    const unquoted = match[1]!.replace(/^"([^]*)"$/, "$1");
    if (match[2] === undefined) name = unquoted;
    else labels.push([unquoted, match[2].slice(1, -1)]);
  }
  if (name === undefined) throw new Error(`Cannot read a name: ${braces}`);
  return { name, labels, rest };
}

/** Name and labels, whatever the order of the labels. */
const seriesKey = ({ name, labels }: Sample) =>
  JSON.stringify([name, labels.map(([label, value]) => `${label}=${value}`).sort()]);

/** The series that stand there more than once. */
export function repeatedSeries(samples: readonly Sample[]): readonly Sample[] {
  const byKey = Map.groupBy(samples, seriesKey);
  return [...byKey.values()].flatMap((same) => (same.length > 1 ? same[0]! : []));
}
