/** Cases of OpenMetrics about exemplars. */
import { bytes, NOW, NOW_SECONDS, storedAs } from "../exposition-case.ts";
import { exemplarsAs, type OpenMetricsCase, refused, taken, takenUtf8 } from "./openmetrics-case.ts";

const counter = (line: string) => `# TYPE x counter\nx_total${line}\n`;
const bytesOfCounter = (line: string) => bytes(counter(line));
const misread = { strict: "this parser looks for the end of an exemplar's labels at the wrong brace" };
const dissolved =
  "strict readers refuse such a family under its TYPE, so it stands as unknown, which may have no exemplars";

const groups: OpenMetricsCase[] = [
  taken("exemplar of a counter", counter(' 17.0 # {trace_id="abc"} 0.67')),
  taken("exemplar behind labels", counter('{a="b"} 17.0 # {trace_id="abc"} 0.67')),
  taken("exemplar behind empty braces", counter('{} 17.0 # {trace_id="abc"} 0.67')),
  taken("exemplar behind a trailing comma", counter('{a="b",} 17.0 # {trace_id="abc"} 0.67')),
  taken("exemplar behind a timestamp", counter(` 1 ${NOW_SECONDS}.5 # {a="b"} 0.5`)),
  taken("exemplar with a timestamp", counter(` 1 # {a="b"} 0.5 ${NOW_SECONDS}.25`)),
  taken(
    "exemplar with a timestamp behind one",
    counter(` 1 ${NOW_SECONDS} # {a="b"} 0.5 ${NOW_SECONDS}.125`),
  ),
  taken("exemplar without labels", counter(" 1 # {} 0.5")),
  taken("exemplar without labels and with a timestamp", counter(` 1 # {} 0.5 ${NOW_SECONDS}`)),
  taken("exemplar of many labels", counter(' 1 # {a="1",b="2",c="3",d="4"} 1')),
  taken("exemplar with labels out of order", counter(' 1 # {z="1",b="2",a="3"} 1')),
  taken("exemplar with braces in a value", counter(' 1 # {a="{b=}",c="}"} 1'), misread),
  taken("exemplar with hashes in a value", counter('{foo="bar # "} 1 # {a="b",foo="bar # bar"} 0.5')),
  taken(
    "exemplar with an exemplar in a value",
    counter('{foo="1 # {a=\\"b\\"} 1"} 1 # {a=" # {b=\\"c\\"} 2"} 0.5'),
    misread,
  ),
  taken(
    "exemplar with braces and hashes in the labels of its sample",
    counter('{a="} 1 # {"} 1 # {b="c"} 2'),
  ),
  taken("exemplar with escapes", counter(' 1 # {a="\\"",b="\\\\",c="\\n",d="\\z"} 1')),
  taken("exemplar with a value of many scripts", counter(' 1 # {a="größe 日本 🎉"} 1')),
  taken("exemplar with an empty label", counter(' 1 # {a="",b="c"} 1')),
  taken("exemplar with an empty label only", counter(' 1 # {a=""} 1')),
  taken("exemplar whose labels look like ours", counter(' 1 # {podname="victim",podip="10.0.0.1"} 1')),
  taken(
    "exemplar whose labels look like ours beside some of the sample",
    counter('{podname="b"} 1 # {podname="victim"} 1'),
    {
      ...storedAs(
        "ours have these names; the pod's are renamed as with honor_labels: false",
        'x_total{exported_podname="b"} 1',
      ),
      ...exemplarsAs(
        "those of exemplars are left alone",
        'x_total{exported_podname="b"} # {podname="victim"} 1',
      ),
    },
  ),
  taken("exemplar with the metric name as label", counter(' 1 # {__name__="b"} 1')),
  taken("exemplar with le", counter(' 1 # {le="1"} 1')),
  taken("exemplar of 128 characters", counter(` 1 # {trace="${"x".repeat(123)}"} 1`)),
  taken("exemplar of 128 characters of four bytes", counter(` 1 # {trace="${"🎉".repeat(123)}"} 1`)),
  taken("exemplar of 129 characters", counter(` 1 # {trace="${"x".repeat(124)}"} 1`), {
    strict: "exemplars have at most 128 characters",
  }),
  taken("exemplar of 10 kB", counter(` 1 # {trace="${"x".repeat(10_000)}"} 1`), {
    strict: "exemplars have at most 128 characters",
  }),
  taken("exemplar with a label twice", counter(' 1 # {a="b",a="c"} 1'), {
    strict: "label names are unique, in exemplars too",
  }),
  taken("exemplar with a trailing comma", counter(' 1 # {a="b",} 1')),
  refused("exemplar with a comma alone", counter(" 1 # {,} 1")),
  refused("exemplar with a leading comma", counter(' 1 # {,a="b"} 1')),
  refused("exemplar with two commas", counter(' 1 # {a="b",,c="d"} 1')),
  refused("exemplar without comma between labels", counter(' 1 # {a="b"c="d"} 1')),
  refused("exemplar with a blank in its braces", counter(' 1 # { a="b"} 1')),
  refused("exemplar with a blank alone in its braces", counter(" 1 # { } 1")),
  refused("exemplar with a blank behind a comma", counter(' 1 # {a="b", c="d"} 1')),
  refused("exemplar with a name", counter(' 1 # x{a="b"} 1')),
  refused("exemplar with a word in its braces", counter(" 1 # {abcd} 1")),
  refused("exemplar with a quoted name", counter(' 1 # {"abcd"} 1')),
  refused("exemplar with a quoted name and labels", counter(' 1 # {"abcd",a="b"} 1')),
  taken("exemplar with a quoted label name", counter(' 1 # {"a"="b"} 1')),
  taken("exemplar with a quoted label name of UTF-8", counter(' 1 # {"a.b"="c"} 1')),
  takenUtf8("exemplar of a quoted name", '# TYPE "x.y" counter\n{"x.y_total"} 1 # {a="b"} 1\n'),
  takenUtf8("exemplar of a quoted name last", '# TYPE "x.y" counter\n{c="d","x.y_total"} 1 # {a="b"} 1\n'),
  refused("exemplar with a raw line feed", counter(' 1 # {a="b\nc"} 1')),
  refused("exemplar with a label that is not UTF-8", bytesOfCounter(' 1 # {a="\xff"} 1')),
  refused("exemplar with a label name that is not UTF-8", bytesOfCounter(' 1 # {\xff="a"} 1')),
  refused("exemplar with a label name with a digit first", counter(' 1 # {0a="b"} 1')),
  refused("exemplar not closed", counter(' 1 # {a="b" 1')),
  refused("exemplar with two groups", counter(' 1 # {a="b"}{c="d"} 1')),
  refused("exemplar without blank behind the hash", counter(' 1 #{a="b"} 1')),
  refused("exemplar without blank before the hash", counter(' 1# {a="b"} 1')),
  refused("exemplar with two blanks before the hash", counter(' 1  # {a="b"} 1')),
  refused("exemplar with two blanks behind the hash", counter(' 1 #  {a="b"} 1')),
  refused("exemplar with a tab behind the hash", counter(' 1 #\t{a="b"} 1')),
  refused("exemplar without braces", counter(" 1 # 1")),
  refused("exemplar of a hash alone", counter(" 1 #")),
  refused("exemplar of a hash and a blank", counter(" 1 # ")),
  refused("exemplar before the timestamp", counter(` 1 # {a="b"} 1 1 1`)),
  refused("second exemplar", counter(' 1 # {a="b"} 1 # {c="d"} 2')),
  refused("second exemplar behind a timestamp", counter(' 1 # {a="b"} 1 1 # {c="d"} 2')),
];

const numbers: OpenMetricsCase[] = [
  taken(
    "exemplar of forms of numbers",
    '# TYPE x counter\nx_total{a="1"} 1 # {b="c"} 1e3\nx_total{a="2"} 1 # {b="c"} .5\nx_total{a="3"} 1 # {b="c"} -1.\n',
  ),
  taken("exemplar that is not a number", counter(' 1 # {a="b"} NaN')),
  taken("exemplar that is infinite", counter(' 1 # {a="b"} -Inf')),
  taken("exemplar with a fraction of a timestamp", counter(` 1 # {a="b"} 1 ${NOW_SECONDS}.1239999`)),
  taken("exemplar with an exponent in its timestamp", counter(` 1 # {a="b"} 1 ${NOW}e-3`)),
  taken("exemplar of long ago", counter(' 1 # {a="b"} 1 123.456')),
  taken("exemplar with a negative timestamp", counter(' 1 # {a="b"} 1 -1')),
  taken("exemplar of tomorrow", counter(` 1 # {a="b"} 1 ${NOW_SECONDS}0`)),
  taken("exemplar of a sample of long ago", counter(' 1 1 # {a="b"} 1')),
  refused("exemplar without value", counter(' 1 # {a="b"}')),
  refused("exemplar without value and with blank", counter(' 1 # {a="b"} ')),
  refused("exemplar without blank before its value", counter(' 1 # {a="b"}1')),
  refused("exemplar whose value is a word", counter(' 1 # {a="b"} x')),
  refused("exemplar whose value is hexadecimal", counter(' 1 # {a="b"} 0x1')),
  refused("exemplar with an underscore in its value", counter(' 1 # {a="b"} 1_0')),
  refused("exemplar whose timestamp is not a number", counter(' 1 # {a="b"} 1 NaN')),
  refused("exemplar whose timestamp is infinite", counter(' 1 # {a="b"} 1 Inf')),
  refused("exemplar whose timestamp is a word", counter(' 1 # {a="b"} 1 x')),
  refused("exemplar with a blank behind its value", counter(' 1 # {a="b"} 1 ')),
  refused("exemplar with a blank behind its timestamp", counter(' 1 # {a="b"} 1 1 ')),
  refused("exemplar with two blanks before its timestamp", counter(' 1 # {a="b"} 1  1')),
  refused("exemplar with CRLF", counter(' 1 # {a="b"} 1\r')),
];

const types: OpenMetricsCase[] = [
  taken(
    "exemplars of a histogram",
    `# TYPE x histogram\nx_bucket{le="1.0",foo="bar # "} 1 # {a="b",foo="bar # bar"} 0.5\nx_bucket{le="+Inf",foo="bar # "} 2 # {a="c"} 5 ${NOW_SECONDS}.5\nx_count{foo="bar # "} 2\nx_sum{foo="bar # "} 5.5\n`,
  ),
  taken(
    "exemplars of a gauge histogram",
    '# TYPE x gaugehistogram\nx_bucket{le="1.0"} 1 # {a="b"} 0.5\nx_bucket{le="+Inf"} 2 # {a="c"} 5\nx_gcount 2\nx_gsum 5.5\n',
  ),
  taken("exemplar on a gauge", '# TYPE x gauge\nx 1 # {a="b"} 1\n'),
  taken("exemplar without TYPE", 'x 1 # {a="b"} 1\n'),
  taken("exemplar on unknown", '# TYPE x unknown\nx 1 # {a="b"} 1\n'),
  taken("exemplar on info", '# TYPE x info\nx_info{v="1"} 1 # {a="b"} 1\n'),
  taken("exemplar on a state set", '# TYPE x stateset\nx{x="a"} 1 # {a="b"} 1\n'),
  taken("exemplar on a quantile", '# TYPE x summary\nx{quantile="0.5"} 1 # {a="b"} 1\n'),
  taken("exemplar on the count of a summary", '# TYPE x summary\nx_count 1 # {a="b"} 1\nx_sum 1\n'),
  taken(
    "exemplar on count and sum of a histogram",
    '# TYPE x histogram\nx_bucket{le="+Inf"} 1\nx_count 1 # {a="b"} 1\nx_sum 1 # {a="c"} 1\n',
  ),
  taken("exemplar on _created", '# TYPE x counter\nx_total 1\nx_created 1 # {a="b"} 1\n'),
  taken(
    "exemplar on a counter of its bare name",
    '# TYPE x counter\nx 1 # {a="b"} 1\n',
    exemplarsAs("a counter has no such sample, so it stands as unknown, which may have no exemplars"),
  ),
  taken(
    "exemplars of a family of two TYPEs",
    '# TYPE x counter\nx_total 1 # {a="b"} 1\n# TYPE x gauge\n',
    exemplarsAs(dissolved),
  ),
  taken(
    "exemplars of buckets without le",
    '# TYPE x histogram\nx_bucket{le="+Inf"} 1 # {a="b"} 1\nx_bucket 1 # {c="d"} 1\n',
    exemplarsAs(dissolved),
  ),
  taken("exemplars of a counter whose TYPE has _total", '# TYPE x_total counter\nx_total 1 # {a="b"} 1\n'),
  taken(
    "exemplars of a counter in pieces",
    '# TYPE x counter\nx_total{a="1"} 1 # {a="b"} 1\ny 1\nx_total{a="2"} 1 # {a="c"} 1\n',
  ),
  taken(
    "exemplars twice on one series with timestamps",
    `# TYPE x counter\nx_total 1 ${NOW_SECONDS}.1 # {a="b"} 1 ${NOW_SECONDS}.1\nx_total 2 ${NOW_SECONDS}.2 # {a="c"} 1 ${NOW_SECONDS}.2\n`,
  ),
];

export const exemplarCases: readonly OpenMetricsCase[] = [...groups, ...numbers, ...types];
