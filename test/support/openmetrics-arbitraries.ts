/**
 * Random OpenMetrics bodies for fast-check: valid ones with every oddity that Prometheus takes, from few names, so that
 * families, parts of families and labels collide all the time; and damaged ones.
 */
import * as fc from "fast-check";
import { damage, toSnippets } from "./damaged-bytes.ts";

/** Any of the texts between the bars. */
const oneOf = (texts: string) => fc.constantFrom(...texts.split("|"));

const bareName = fc.oneof(
  {
    weight: 3,
    arbitrary: oneOf("x|x_total|x_created|x_bucket|x_sum|x_count|x_gsum|x_gcount|x_info|x_total_total"),
  },
  oneOf(
    "y|y_total|y_created|y_total_created|y_bucket|y_sum|y_count|y_sum_count|y_info_info|:c|_total|podname",
  ),
  oneOf("z_s|z_s_total|z_s_created|z_s_bucket|z_s_info|z_s_sum|z_total_s"),
);
/** As they stand in quotes, with their escapes. */
const quotedName = oneOf(
  'x|x_total|x_bucket|y|a.b|a.b_total|a.b_bucket|a.b_created|q\\"|q\\\\|q\\n|q\n|q\n# EOF|q\\z|q_\\z|ä {}#=| # ',
);

const bareLabel = oneOf("a|b|le|quantile|x|y|podname|podip|exported_podname|job");
const quotedLabel = oneOf("a|le|podname|x|a.b|l.1|exported_exported_podname|n\\n|n\n|\\t|}{|} 1 # {|ключ");

/** As they stand in quotes, with their escapes. */
const labelValue = fc.oneof(
  oneOf('|1|0.50|+Inf|Inf|-Inf|inf|x|NaN|-0|1.5|{}|a,b=\\"|# EOF| # {a=\\"b\\"} 1|0x1|1_0|1e999'),
  oneOf('\\\\|\\"|\\n|\\z|\\\\n|\\\\\\z|ü€🎉|\r|\t|\0|\\\0"|\\\0\0z'),
  fc
    .array(oneOf('a|\\\\|\\"|\\n|\\é|}|{|,|\t|=|#| |\u2028'), { maxLength: 6 })
    .map((parts) => parts.join("")),
);

const value = fc.oneof(
  oneOf("0|1|-1.5|+Inf|NaN|1e+06|0042|18446744073709551615|.5|5.|-inf|+infinity|nan"),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

/** Seconds. Some are no time that Prometheus stores. */
const timestamp = fc.oneof(
  oneOf("0|1|1700000000|1700000000.123|1.0009|1e3|+5|.5|0001.50|123456789.123456789|9007199254740.993"),
  oneOf("-1|-0.0001|-0.001|-0|1e15|9223372036854774|9223372036854775.5|9223372036854776|1e300"),
);

const labelName = fc.oneof(
  { weight: 5, arbitrary: bareLabel.map((name) => ({ name, text: name })) },
  { weight: 2, arbitrary: quotedLabel.map((raw) => ({ name: raw.replace("\\n", "\n"), text: `"${raw}"` })) },
);
const label = fc
  .tuple(labelName, labelValue)
  .map(([{ name, text }, value]) => ({ name, text: `${text}="${value}"` }));
const labels = fc
  .uniqueArray(label, { maxLength: 4, selector: ({ name }) => name })
  .map((list) => list.map(({ text }) => text));

const trailingComma = fc.constantFrom("", "", "", "", ",");
const braces = (items: readonly string[], comma: string) =>
  `{${items.join(",")}${items.length > 0 ? comma : ""}}`;

const bareSeries = fc
  .tuple(bareName, fc.option(fc.tuple(labels, trailingComma), { freq: 3 }))
  .map(([name, group]) => (group === null ? name : name + braces(...group)));
const quotedSeries = fc
  .tuple(quotedName, labels, trailingComma, fc.nat())
  .map(([name, items, comma, place]) =>
    braces(items.toSpliced(place % 3 === 0 ? place % (items.length + 1) : 0, 0, `"${name}"`), comma),
  );
const series = fc.oneof({ weight: 4, arbitrary: bareSeries }, quotedSeries);

const stamp = fc.option(timestamp, { freq: 3 }).map((text) => (text === null ? "" : ` ${text}`));
/** Prometheus looks at nothing in an exemplar but its form: names may stand twice or be empty. */
const exemplarLabel = fc
  .tuple(oneOf('trace_id|a|a|""|"t.id"|"} 1"|"\\z"'), oneOf('|abc|\\"|\\\\|\\n|\\z|}| # {|ü|, '))
  .map(([name, value]) => `${name}="${value}"`);
const exemplar = fc
  .tuple(fc.array(exemplarLabel, { maxLength: 2 }), trailingComma, value, stamp)
  .map(([items, comma, number, time]) => ` # ${braces(items, comma)} ${number}${time}`);
const suffix = fc
  .tuple(value, stamp, fc.option(exemplar, { freq: 3 }))
  .map(([number, time, more]) => ` ${number}${time}${more ?? ""}`);
const sampleLine = fc.tuple(series, suffix).map((parts) => parts.join(""));

const anyName = fc.oneof(
  { weight: 5, arbitrary: bareName },
  fc.oneof(quotedName, fc.constant("")).map((name) => `"${name}"`),
);
const types = oneOf("counter|counter|gauge|histogram|gaugehistogram|summary|info|stateset|unknown");
const typeLine = fc.tuple(anyName, types).map(([name, type]) => `# TYPE ${name} ${type}`);
const helpText = oneOf('| text| two |\t|\\n\\\\|\\d\\|"x" {}|\\"q\\"|\\\\"|größe|\r|x\0y|\0|# EOF|.z');
const helpLine = fc.tuple(anyName, helpText).map(([name, text]) => `# HELP ${name} ${text}`);
const unitLine = fc
  .oneof(
    anyName.map((name) => `# UNIT ${name} `),
    oneOf(
      'u_a_s s|u_a_s a_s|z_s s|z_s s|"z_s" s|z_s_total total|z_total_s s|z_total_s total_s|x_total total',
    ),
    oneOf('"q_\\z" \\z|"a.b_total" total|"p_\\\\" \\\\|"p_\\n" \\n|"u_a b" a b'),
  )
  .map((line) => (line.startsWith("#") ? line : `# UNIT ${line}`));

const [numbers, bounds] = [oneOf("1|0.5|0|1.0|-0|+1|-0.1|1.01"), oneOf("1|2.5|1e3|-1|0.5|+Inf|-Inf|Inf")];
/** Of a label, without its quotes. */
const nameOf = (item: string) => item.split("=")[0]!.replaceAll('"', "");

/** A whole family, as exporters write them, with something odd now and then. */
const wholeFamily = fc
  .record({
    name: oneOf("x|y|z_s|u_a_s|a.b"),
    type: types,
    help: fc.boolean(),
    units: fc.constantFrom(undefined, ["s", "a_s"], ["s", "s"]),
    extra: fc.option(labels, { freq: 2 }),
    bound: fc.oneof({ weight: 6, arbitrary: bounds }, labelValue),
    quantile: fc.oneof({ weight: 6, arbitrary: numbers }, labelValue),
    end: suffix,
  })
  .map(({ name, type, help, units, extra, bound, quantile, end }) => {
    const isQuoted = name.includes(".");
    const metric = isQuoted ? `"${name}"` : name;
    const line = (part: string, ...items: string[]) => {
      const taken = new Set(items.map(nameOf));
      const others = (extra ?? []).filter((item) => !taken.has(nameOf(item)));
      return isQuoted
        ? `${braces([`"${name}${part}"`, ...items, ...others], "")}${end}`
        : `${name}${part}${braces([...items, ...others], "")}${end}`;
    };
    const created = line("_created");
    const buckets = [line("_bucket", `le="${bound}"`), line("_bucket", 'le="+Inf"')];
    const samples: Record<string, string[]> = {
      counter: [line("_total"), created],
      gauge: [line("")],
      unknown: [line("")],
      info: [line("_info")],
      stateset: [line("", `${metric}="on"`), line("", `${metric}="off"`)],
      summary: [line("", `quantile="${quantile}"`), line("_count"), line("_sum"), created],
      histogram: [...buckets, line("_count"), line("_sum"), created],
      gaugehistogram: [...buckets, line("_gcount"), line("_gsum")],
    };
    const unit =
      units === undefined || !name.endsWith("_s")
        ? []
        : [`# UNIT ${metric} ${units[name === "z_s" ? 0 : 1]}`];
    const metadata = [...(help ? [`# HELP ${metric} of ${type}`] : []), `# TYPE ${metric} ${type}`, ...unit];
    return [...metadata, ...samples[type]!].join("\n");
  });

/** Bodies that Prometheus 3.5 takes, and that we take. */
export const validOpenMetricsBody: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 7, arbitrary: sampleLine },
        { weight: 3, arbitrary: typeLine },
        { weight: 1, arbitrary: helpLine },
        { weight: 1, arbitrary: unitLine },
        { weight: 3, arbitrary: wholeFamily },
      ),
      { maxLength: 12 },
    ),
    fc.constantFrom("", "\n", "\n"),
  )
  .map(([lines, end]) => `${lines.map((line) => `${line}\n`).join("")}# EOF${end}`);

/** Text that means something to a parser, to put where it does not belong. */
export const openMetricsSnippets: readonly Buffer[] = [
  '\n|\0|"|\\|{|}|,|=|#| |\t|\r|1|e|.|-|x|_|\xff|\xc3|\xe2\x82|\xef\xbb\xbf|NaN|0x1p3|1e999| 1\n|x 1\n'.split(
    "|",
  ),
  '# TYPE |# HELP |# UNIT |# EOF\n|# EOF|# TYPE x gauge\n|{"|="|",|\\"|\\\n|# {}| # {} 1| # {a="b"} 1 2'.split(
    "|",
  ),
  '__name__="y"|podname="z"|le="x"|""|untyped|\n\n|# x\n|1e400|Inf|ct@1| ct@1'.split("|"),
].flatMap(toSnippets);

/** Valid bodies with a few bytes taken out, changed or put in. Many are still valid. */
export const damagedOpenMetricsBody = damage(
  fc.oneof(
    validOpenMetricsBody,
    fc.oneof(sampleLine, wholeFamily).map((line) => `${line}\n# EOF\n`),
  ),
  openMetricsSnippets,
);

const tokens = [
  "ab1 \t\n{},=.+-#\\e\0".split(""),
  'x|x{|a=|"|"|""|"b"|a="b"|a="b",|{"x"|{"x",|} |1\n| 1\n|} 1\n|} 1 2|\n| # {|# {a="b"} 1\n| 1 # {} 1\n'.split(
    "|",
  ),
  "# |# TYPE |# HELP |# UNIT |x_s |s\n|x |gauge\n|counter\n|x gauge\n|x_s s\n|# EOF|# EOF\n|# EOF\n".split(
    "|",
  ),
  '\\"|\\n|NaN|Inf|1e5|_|:|\xff|\xc3\xa9|\r|__name__|le|0x'.split("|"),
].flatMap(toSnippets);

/** Words of the format without order, most with an end: most are refused, each for another reason. */
export const openMetricsSoup: fc.Arbitrary<Buffer> = fc
  .tuple(fc.array(fc.constantFrom(...tokens), { maxLength: 12 }), oneOf("# EOF\n|# EOF\n|# EOF|"))
  .map(([parts, end]) => Buffer.concat([...parts, Buffer.from(end)]));
