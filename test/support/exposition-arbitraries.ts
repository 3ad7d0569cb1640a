/**
 * Random bodies for fast-check: valid ones with every oddity that Prometheus takes, from few names, so that families,
 * parts of families and labels collide all the time; and damaged ones.
 */
import * as fc from "fast-check";
import { damage, toSnippets } from "./damaged-bytes.ts";

/** Any of the texts between the bars. */
const oneOf = (texts: string) => fc.constantFrom(...texts.split("|"));

const blank = oneOf("||| |\t| \t ");
const gap = oneOf(" | | |\t|  ");

const bareName = oneOf("x|x_bucket|x_sum|x_count|y|y_sum|y_count|x_sum_count|z_total|count|:c");
/** As they stand in quotes, with their escapes. */
const quotedName = oneOf('x|x_count|a.b|a.b_bucket|a.b_sum|q\\"|q\\\\|q\\n|q\n|q\\z|ä {}#=');

const bareLabel = oneOf("a|b|le|quantile|podname|podip|exported_podname|exported_podip|job");
const quotedLabel = oneOf("a|podname|le|l.1|exported_exported_podname|n\\n|n\n|\\t|}{|ключ");

/** As they stand in quotes, with their escapes. */
const labelValue = fc.oneof(
  oneOf('|1|0.50|+Inf|x|v1|NaN|{}|a,b=\\"|# EOF|0x1'),
  oneOf('\\\\|\\"|\\n|\\z|\n|\n\n# TYPE x gauge\n|\\\\n|ü€🎉|\r|\0|\\\0"|\\\0\0z'),
  fc.array(oneOf('a|\\\\|\\"|\\n|\\é|\n|}|{|,|\t|=|\u2028'), { maxLength: 6 }).map((parts) => parts.join("")),
);

const sampleValue = fc.oneof(
  oneOf("0|1|-1.5|+Inf|NaN|1e+06|0042|18446744073709551615|.5|5.|-inf"),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
);

const timestamp = oneOf("0|1|1700000000000|0001|9223372036854775807");

const labelName = fc.oneof(
  { weight: 5, arbitrary: bareLabel.map((name) => ({ name, text: name })) },
  { weight: 2, arbitrary: quotedLabel.map((raw) => ({ name: raw.replace("\\n", "\n"), text: `"${raw}"` })) },
);
const label = fc
  .tuple(labelName, blank, blank, labelValue, blank)
  .map(([{ name, text }, before, after, value, end]) => ({
    name,
    text: `${text}${before}=${after}"${value}"${end}`,
  }));

const labels = fc.uniqueArray(label, { maxLength: 5, selector: ({ name }) => name });

const comma = fc.oneof({ weight: 6, arbitrary: fc.constant(",") }, oneOf(", || |,\t"));

/** Items between braces. A quoted metric name is an item that must have a comma behind it. */
function group(items: fc.Arbitrary<{ text: string; isName: boolean }[]>): fc.Arbitrary<string> {
  return fc
    .tuple(items, fc.infiniteStream(comma), fc.boolean(), blank)
    .map(([list, commas, trailing, start]) => {
      let text = `{${start}`;
      for (const [index, item] of list.entries()) {
        text += item.text;
        const isLast = index === list.length - 1;
        const separator = commas.next().value;
        if (isLast) text += trailing ? separator : "";
        else text += item.isName && !separator.includes(",") ? "," : separator;
      }
      return `${text}}`;
    });
}

const labelItems = labels.map((list) => list.map(({ text }) => ({ text, isName: false })));

const bareSeries = fc
  .tuple(bareName, fc.option(fc.tuple(blank, group(labelItems)), { freq: 3 }))
  .map(([name, rest]) =>
    rest === null ? { series: name, glued: false } : { series: name + rest.join(""), glued: true },
  );

const quotedSeries = fc
  .tuple(quotedName, blank, labelItems, fc.nat())
  .chain(([name, after, items, place]) => {
    const at = place % 3 === 0 ? place % (items.length + 1) : 0;
    const all = items.toSpliced(at, 0, { text: `"${name}"${after}`, isName: true });
    return group(fc.constant(all)).map((series) => ({ series, glued: true }));
  });

const sampleLine = fc
  .record({
    start: blank,
    head: fc.oneof({ weight: 4, arbitrary: bareSeries }, quotedSeries),
    between: gap,
    isGlued: fc.boolean(),
    value: sampleValue,
    stamp: fc.option(fc.tuple(gap, timestamp), { freq: 4 }),
    end: blank,
  })
  .map(({ start, head, between, isGlued, value, stamp, end }) => {
    // Without braces only a sign or a point ends the name.
    const canGlue = head.glued || /^[-+.]/.test(value);
    return `${start}${head.series}${isGlued && canGlue ? "" : between}${value}${stamp?.join("") ?? ""}${end}`;
  });

const anyName = fc.oneof(
  { weight: 4, arbitrary: bareName },
  fc.oneof(quotedName, fc.constant("")).map((name) => `"${name}"`),
);
const metadataStart = (word: string) => fc.tuple(blank, gap, gap).map(([a, b, c]) => `${a}#${b}${word}${c}`);

const types = oneOf("counter|gauge|histogram|histogram|summary|summary|untyped");
const typeLine = fc
  .tuple(metadataStart("TYPE"), anyName, oneOf(" | |\t"), types)
  .map((parts) => parts.join(""));

const helpText = oneOf('| | text|  two |\tt| \\n\\\\| \\d\\| "x" {}| größe| \r| x\0y|.z');
const helpLine = fc.tuple(metadataStart("HELP"), anyName, helpText).map((parts) => parts.join(""));

const otherLine = oneOf('| \t|#|# |# EOF|#comment\r|\t# x\0y|# HELP|# TYPEX y z|# "');

/** A whole histogram or summary, as exporters write them, now and then of a name with other lines around. */
const wholeFamily = fc
  .tuple(oneOf("x|y|z_total"), oneOf("histogram|summary"), fc.array(labelValue, { maxLength: 3 }))
  .map(([name, type, values]) => {
    const [sample, bound] = type === "histogram" ? [`${name}_bucket`, "le"] : [name, "quantile"];
    return [
      `# TYPE ${name} ${type}`,
      ...values.map((value, index) => `${sample}{i="${index}",${bound}="${value}"} ${index}`),
      `${name}_sum 1`,
      `${name}_count ${values.length}`,
    ].join("\n");
  });

/** Bodies that Prometheus 3.5 takes, and that we take. */
export const validBody: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 8, arbitrary: sampleLine },
        { weight: 2, arbitrary: typeLine },
        { weight: 1, arbitrary: helpLine },
        { weight: 1, arbitrary: otherLine },
        { weight: 1, arbitrary: wholeFamily },
      ),
      { maxLength: 14 },
    ),
    fc.boolean(),
  )
  .map(([lines, isEnded]) => lines.join("\n") + (isEnded && lines.length > 0 ? "\n" : ""));

/** Text that means something to a parser, to put where it does not belong. */
export const textSnippets: readonly Buffer[] = [
  '\n|\0|"|\\|{|}|,|=|#| |\t|\r|1|e|.|-|x|_|\xff|\xc3|\xe2\x82|\xef\xbb\xbf|NaN|0x1p3|1e999| 1\n|x 1\n'.split(
    "|",
  ),
  '# TYPE |# HELP |# TYPE x gauge\n|{"|="|",|\\"|\\\n|9223372036854775808'.split("|"),
  '__name__="y"|podname="z"|le="x"|""'.split("|"),
].flatMap(toSnippets);

/** Valid bodies with a few bytes taken out, changed or put in. Many are still valid. */
export const damagedBody = damage(fc.oneof(validBody, sampleLine), textSnippets);

const tokens = [
  "ab1 \t\n{},=.+-#\\e\0".split(""),
  'x|x{|a=|"|"|""|"b"|a="b"|a="b",|{"x"|} |1\n| 1\n|\n# |# TYPE |# HELP |gauge\n|x gauge\n'.split("|"),
  '\\"|\\n|NaN|Inf|1e5|_|:|\xff|\xc3\xa9|\r|__name__|le|0x'.split("|"),
].flatMap(toSnippets);

/** Words of the format without order: most are refused, each for another reason. */
export const tokenSoup: fc.Arbitrary<Buffer> = fc
  .array(fc.constantFrom(...tokens), { maxLength: 16 })
  .map((parts) => Buffer.concat(parts));
