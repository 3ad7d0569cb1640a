/** Cases of OpenMetrics about metadata and about the families of each type. */
import { bytes, NOW_SECONDS, storedAs } from "../exposition-case.ts";
import { type OpenMetricsCase, refused, storedAsText, taken, takenUtf8 } from "./openmetrics-case.ts";

const dissolved = "strict readers refuse such a family under its TYPE, so it stands as unknown";
const fits = "readers of text take such a number, so that the family keeps its TYPE there, as directly";
const grouped = { strict: "the samples of a label set must stand together" };

const metadata: OpenMetricsCase[] = [
  taken("HELP with escapes", '# HELP a he\\n\\\\l \\"x\\" "y" {z} \\z \\\n# TYPE a gauge\na 1\n'),
  taken("HELP of blanks", "# HELP a   \n# TYPE a gauge\na 1\n"),
  taken("HELP of nothing", "# HELP a \n# TYPE a gauge\na 1\n"),
  taken("HELP of 100 kB", `# HELP a ${"h".repeat(100_000)}\na 1\n`),
  refused("HELP without blank behind its name", "# HELP a\na 1\n"),
  refused("HELP with a tab behind its name", "# HELP a\tx\na 1\n"),
  refused("HELP with a byte directly behind its name", "# HELP a.b text\na 1\n"),
  refused("HELP without name", "# HELP \na 1\n"),
  refused("HELP alone", "# HELP\na 1\n"),
  refused("HELP that is not UTF-8", bytes("# HELP a \xff\na 1\n")),
  refused("HELP without line feed", "# HELP a x"),
  refused("HELP with two blanks before its name", "# HELP  a x\na 1\n"),
  refused("TYPE with a blank behind it", "# TYPE a gauge \na 1\n"),
  refused("TYPE behind two blanks", "# TYPE a  gauge\na 1\n"),
  refused("TYPE in capitals", "# TYPE a Gauge\na 1\n"),
  refused("TYPE missing", "# TYPE a\na 1\n"),
  refused("TYPE of nothing", "# TYPE a \na 1\n"),
  refused("TYPE untyped of text", "# TYPE a untyped\na 1\n"),
  refused("TYPE with the name of a property of objects", "# TYPE a constructor\na 1\n"),
  refused("TYPE in quotes", '# TYPE a "gauge"\na 1\n'),
  refused("TYPE of a name with a digit first", "# TYPE 0a gauge\n"),
  refused("UNIT that is no end of the name", "# UNIT a seconds\na 1\n"),
  refused("UNIT that is the whole name", "# UNIT seconds seconds\nseconds 1\n"),
  refused("UNIT without underscore before it", "# UNIT aseconds seconds\naseconds 1\n"),
  refused("UNIT with a blank behind it", "# UNIT a_seconds seconds \na_seconds 1\n"),
  refused("UNIT without blank behind its name", "# UNIT a_seconds\na_seconds 1\n"),
  taken("UNIT", "# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n"),
  taken(
    "UNIT before TYPE and HELP",
    "# UNIT g_seconds seconds\n# HELP g_seconds x\n# TYPE g_seconds gauge\ng_seconds 1\n",
  ),
  taken("UNIT without TYPE", "# UNIT g_seconds seconds\ng_seconds 1\n"),
  taken("UNIT of nothing", "# TYPE g gauge\n# UNIT g \ng 1\n"),
  taken("UNIT of one letter behind one underscore", "# TYPE _s gauge\n# UNIT _s s\n_s 1\n"),
  taken(
    "UNIT of words",
    "# TYPE g_meters_per_second gauge\n# UNIT g_meters_per_second meters_per_second\ng_meters_per_second 1\n",
  ),
  taken("UNIT of a counter", "# TYPE c_bytes counter\n# UNIT c_bytes bytes\nc_bytes_total 1\n"),
  taken("UNIT of an info", '# TYPE i_x info\n# UNIT i_x x\ni_x_info{v="1"} 1\n'),
  taken("UNIT of a state set", '# TYPE st_x stateset\n# UNIT st_x x\nst_x{st_x="a"} 1\n'),
  taken("UNIT behind the sample", "# TYPE g_x gauge\ng_x 1\n# UNIT g_x x\n"),
  taken("UNITs that differ", "# TYPE g_x_y gauge\n# UNIT g_x_y y\n# UNIT g_x_y x_y\ng_x_y 1\n"),
  taken("HELP twice", "# HELP g one\n# HELP g two\ng 1\n"),
  taken("HELP twice, the second empty", "# HELP g one\n# HELP g \ng 1\n"),
  taken("TYPE twice", '# TYPE g gauge\ng{a="1"} 1\n# TYPE g gauge\ng{a="2"} 2\n'),
  taken("two TYPEs for a name", '# TYPE g gauge\ng{b="1"} 1\n# TYPE g unknown\ng{b="2"} 2\n'),
  taken("metadata behind the sample", "g 1\n# HELP g late\n# TYPE g gauge\n"),
  taken(
    "metadata of families without samples",
    "# HELP b x\n# TYPE c counter\n# TYPE h histogram\n# UNIT d_x x\n",
  ),
  taken("TYPE of an empty quoted name", '# TYPE "" gauge\n# HELP "" x\na 1\n'),
  taken("metadata with quoted name that needs no quotes", '# TYPE "g" gauge\n# HELP "g" x\ng 1\n'),
  taken("UNIT of a quoted name", '# TYPE "g_x" gauge\n# UNIT "g_x" x\ng_x 1\n'),
  taken("TYPE of a quoted name with a raw line feed", '# TYPE "a\nb" gauge\na 1\n'),
  taken("TYPE of a quoted name that is not UTF-8", bytes('# TYPE "a\xff" gauge\n# HELP "a\xff" x\na 1\n')),
  taken("TYPE of a quoted name with escapes", '# TYPE "a\\"b\\\\" gauge\n# HELP "a\\zb" x\na 1\n'),
  takenUtf8(
    "metadata of quoted names",
    '# TYPE "c.d" counter\n# HELP "c.d" x\n# UNIT "c.d" \n{"c.d_total"} 1\n{"c.d_created"} 1\n',
  ),
  takenUtf8(
    "UNIT of a quoted name with dots",
    '# TYPE "g.b_x.y" gauge\n# UNIT "g.b_x.y" x.y\n{"g.b_x.y"} 1\n',
  ),
  refused("UNIT of a quoted name behind a dot", '# TYPE "g.x" gauge\n# UNIT "g.x" x\n{"g.x"} 1\n'),
  refused("TYPE directly behind a quoted name", '# TYPE "g"gauge\ng 1\n'),
  refused("quoted name of a TYPE without end", '# TYPE "g gauge\ng 1\n'),
];

const counters: OpenMetricsCase[] = [
  taken("counter", "# HELP c x\n# TYPE c counter\nc_total 1\n"),
  taken("counter with labels", '# TYPE c counter\nc_total{a="1"} 1\nc_total{a="2"} 2\n'),
  taken("counter with _created behind", `# TYPE c counter\nc_total 1\nc_created ${NOW_SECONDS}.5\n`),
  taken("counter with _created before", `# TYPE c counter\nc_created ${NOW_SECONDS}\nc_total 1\n`),
  taken(
    "counters with _created each",
    '# TYPE c counter\nc_total{a="1"} 1\nc_created{a="1"} 5\nc_total{a="2"} 2\nc_created{a="2"} 6\n',
  ),
  taken(
    "counters with _created all behind",
    '# TYPE c counter\nc_total{a="1"} 1\nc_total{a="2"} 2\nc_created{a="1"} 5\nc_created{a="2"} 6\n',
    grouped,
  ),
  taken("counter of _created alone", "# TYPE c counter\nc_created 5\n"),
  taken(
    "counter with _created in the middle",
    '# TYPE c counter\nc_total{a="1"} 1\nc_created{a="1"} 5\nc_total{a="1"} 2\n',
  ),
  taken("counter whose TYPE has _total", "# HELP c_total x\n# TYPE c_total counter\nc_total 1\n"),
  taken("counter whose TYPE has _total, with _created", "# TYPE c_total counter\nc_total 1\nc_created 5\n"),
  taken("counter whose name ends in _total", "# TYPE c_total counter\nc_total_total 1\nc_total_created 5\n"),
  taken("counter that is called _total", "# TYPE _total counter\n_total 1\n"),
  taken("counter whose TYPE has _total, twice", "# TYPE c_total counter\nc_total 1\nc_total_total 1\n"),
  taken("counter with both TYPEs", "# TYPE c counter\n# TYPE c_total counter\nc_total 1\n"),
  taken(
    "counter of OpenMetrics and gauge of its sample",
    "# TYPE c counter\nc_total 1\n# TYPE c_total gauge\n",
  ),
  taken(
    "counter whose TYPE and UNIT have _total",
    "# TYPE c_total counter\n# UNIT c_total total\nc_total 1\n",
  ),
  taken("counter of its bare name", "# TYPE c counter\nc 1\n"),
  taken("counter of its bare name and with _total", "# TYPE c counter\nc 1\nc_total 2\n"),
  taken("counter without samples whose TYPE has _total", "# TYPE c_total counter\n"),
  taken(
    "counter beside a gauge of its _created",
    "# TYPE c counter\nc_total 1\n# TYPE c_created gauge\nc_created 5\n",
  ),
  taken(
    "gauge of _created before its counter",
    "# TYPE c_created gauge\nc_created 5\n# TYPE c counter\nc_total 1\n",
  ),
  taken("_total without TYPE", "c_total 1\nc_created 5\n"),
  taken("_total of a gauge", "# TYPE c gauge\nc 1\nc_total 1\n"),
  taken("counter below zero", "# TYPE c counter\nc_total -1\n", { strict: "counters are not negative" }),
  taken("counter that is not a number", "# TYPE c counter\nc_total NaN\n", {
    strict: "counters are numbers",
  }),
  taken("counter that is infinite", "# TYPE c counter\nc_total +Inf\n"),
  taken("counter with le", '# TYPE c counter\nc_total{le="1"} 1\n'),
  taken(
    "counter with buckets of another family",
    '# TYPE c counter\nc_total 1\nc_bucket{le="1"} 1\nc_sum 1\n',
  ),
];

const histogram =
  '# HELP h x\n# TYPE h histogram\nh_bucket{le="0.5"} 1\nh_bucket{le="1.0"} 2\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\n';

const histograms: OpenMetricsCase[] = [
  taken("histogram", histogram),
  taken("histogram with _created behind", `${histogram}h_created 5\n`),
  taken(
    "histogram with _created in the middle",
    '# TYPE h histogram\nh_bucket{le="+Inf"} 2\nh_created 5\nh_count 2\nh_sum 3\n',
  ),
  taken(
    "histogram with sum and count first",
    '# TYPE h histogram\nh_count 2\nh_sum 3\nh_bucket{le="+Inf"} 2\n',
  ),
  taken(
    "histogram with le of every form",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="2.50"} 2\nh_bucket{le="1e1"} 2\nh_bucket{le="+Inf"} 2\n',
  ),
  taken(
    "histogram in pieces",
    '# TYPE h histogram\nh_count{a="1"} 2\nz 1\nh_bucket{a="1",le="+Inf"} 2\nz{a="b"} 2\nh_sum{a="1"} 3\n',
  ),
  taken(
    "histograms whose label sets take turns",
    '# TYPE h histogram\nh_bucket{a="1",le="+Inf"} 2\nh_bucket{a="2",le="+Inf"} 2\nh_count{a="1"} 2\nh_count{a="2"} 2\n',
    grouped,
  ),
  taken("histogram without infinite bucket", '# TYPE h histogram\nh_bucket{le="1.0"} 1\n', {
    strict: "a histogram has an infinite bucket",
  }),
  taken(
    "histogram whose count is another",
    '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_count 2\nh_sum 1\n',
    {
      strict: "the count of a histogram is that of its infinite bucket",
    },
  ),
  taken("histogram with sum and without count", '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\n', {
    strict: "a histogram with a sum has a count",
  }),
  taken(
    "histogram with negative buckets and a sum",
    '# TYPE h histogram\nh_bucket{le="-1.0"} 1\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum -2\n',
    { strict: "a histogram with negative buckets has no sum" },
  ),
  taken("histogram with half a sample", '# TYPE h histogram\nh_bucket{le="+Inf"} 1.5\n', {
    strict: "buckets count whole samples",
  }),
  taken("buckets out of order", '# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_bucket{le="1.0"} 1\n', {
    strict: "buckets stand in order",
  }),
  taken("buckets that fall", '# TYPE h histogram\nh_bucket{le="1.0"} 3\nh_bucket{le="+Inf"} 1\n', {
    strict: "buckets do not fall",
  }),
  taken(
    "buckets that become the same",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\nh_bucket{le="1e0"} 3\n',
    { strict: "each bucket stands once" },
  ),
  taken(
    "histogram with a bucket that is no number",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="many"} 2\nh_count 2\n',
    storedAs(dissolved, 'h_bucket{le="1"} 1', 'h_bucket{le="many"} 2', "h_count{} 2"),
  ),
  taken(
    "histogram with a bucket that is not a number",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="NaN"} 2\n',
    {
      ...storedAs(dissolved, 'h_bucket{le="1"} 1', 'h_bucket{le="NaN"} 2'),
      ...storedAsText(fits, 'h_bucket{le="1.0"} 1', 'h_bucket{le="NaN"} 2'),
    },
  ),
  taken(
    "histogram with an infinite bucket written otherwise",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="Inf"} 2\n',
    {
      ...storedAs(dissolved, 'h_bucket{le="1"} 1', 'h_bucket{le="Inf"} 2'),
      ...storedAsText(fits, 'h_bucket{le="1.0"} 1', 'h_bucket{le="+Inf"} 2'),
    },
  ),
  taken(
    "histogram with an empty bucket bound",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le=""} 2\n',
    storedAs(dissolved, 'h_bucket{le="1"} 1', "h_bucket{} 2"),
  ),
  taken(
    "histogram with a hexadecimal bucket bound",
    '# TYPE h histogram\nh_bucket{le="0x1p4"} 1\nh_bucket{le="+Inf"} 2\n',
    storedAs(dissolved, 'h_bucket{le="0x1p4"} 1', 'h_bucket{le="+Inf"} 2'),
  ),
  taken("histogram with a bucket without le", '# TYPE h histogram\nh_bucket 1\nh_bucket{le="+Inf"} 2\n'),
  taken(
    "histogram with a sample of its bare name",
    '# TYPE h histogram\nh 1\nh_bucket{le="1"} 1\n',
    storedAs("a histogram has no such sample, so it stands as unknown", "h{} 1", 'h_bucket{le="1"} 1'),
  ),
  taken(
    "histogram whose count is a counter of its own",
    '# TYPE h histogram\nh_bucket{le="1"} 1\n# TYPE h_count counter\nh_count_total 1\n',
    {
      ...storedAs(
        "one name in two families: each name stands for itself",
        'h_bucket{le="1"} 1',
        "h_count_total{} 1",
      ),
      ...storedAsText(
        "as text the counter has the name of its sample, and the histogram stays one",
        'h_bucket{le="1.0"} 1',
        "h_count_total{} 1",
      ),
    },
  ),
  taken(
    "unknown le behind a histogram",
    '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nx{le="1"} 1\n',
    storedAs(
      "Prometheus carries the TYPE of the family before over to x",
      'h_bucket{le="+Inf"} 1',
      'x{le="1"} 1',
    ),
  ),
  taken(
    "TYPE histogram behind its buckets",
    'h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\n# TYPE h histogram\n',
    storedAs("the merge writes the TYPE first", 'h_bucket{le="1.0"} 1', 'h_bucket{le="+Inf"} 1'),
  ),
  taken(
    "histogram with le on its count",
    '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_count{le="1"} 1\nh_sum{le="1"} 1\n',
    {
      strict: "the count of a histogram has the labels of its buckets without le",
    },
  ),
  takenUtf8(
    "quoted histogram",
    '# TYPE "h.x" histogram\n{"h.x_bucket",le="1"} 1\n{"h.x_bucket",le="+Inf"} 1\n{"h.x_count"} 1\n{"h.x_sum"} 1\n{"h.x_created"} 1\n',
  ),
  taken(
    "gauge histogram",
    '# TYPE h gaugehistogram\nh_bucket{le="0.5"} 1\nh_bucket{le="+Inf"} 2\nh_gcount 2\nh_gsum -3\n',
    { strict: "the sum of a gauge histogram without negative buckets is not negative" },
  ),
  taken(
    "gauge histogram with negative buckets",
    '# TYPE h gaugehistogram\nh_bucket{le="-0.5"} 1\nh_bucket{le="+Inf"} 2\nh_gcount 2\nh_gsum -3\n',
  ),
  taken(
    "gauge histogram of buckets",
    '# TYPE h gaugehistogram\nh_bucket{le="0.5"} 1\nh_bucket{le="+Inf"} 2\n',
  ),
  taken(
    "gauge histogram whose le is no float of Go",
    '# TYPE h gaugehistogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\n',
    storedAsText(
      "as text it is a histogram, whose le Prometheus brings into one form",
      'h_bucket{le="1.0"} 1',
      'h_bucket{le="+Inf"} 2',
    ),
  ),
  taken(
    "gauge histogram with gcount first",
    '# TYPE h gaugehistogram\nh_gcount 2\nh_gsum 3\nh_bucket{le="+Inf"} 2\n',
  ),
  taken("gauge histogram of gcount alone", "# TYPE h gaugehistogram\nh_gcount 2\nh_gsum 3\n", {
    strict: "a gauge histogram has an infinite bucket",
  }),
  taken(
    "gauge histogram with count and sum of a histogram",
    '# TYPE h gaugehistogram\nh_bucket{le="+Inf"} 2\nh_count 2\nh_sum 3\nh_created 5\n',
  ),
  taken(
    "gauge histogram with a bucket without le",
    "# TYPE h gaugehistogram\nh_bucket 1\nh_gcount 1\nh_gsum 1\n",
  ),
  taken(
    "gauge histogram with gcount and gsum of their own TYPE",
    '# TYPE h gaugehistogram\nh_bucket{le="+Inf"} 2\n# TYPE h_gcount gauge\nh_gcount 2\n# TYPE h_gsum gauge\nh_gsum 3\n',
  ),
];

const others: OpenMetricsCase[] = [
  taken("gauge", '# HELP g x\n# TYPE g gauge\ng{a="1"} 1\ng{a="2"} -2.5\n'),
  taken("unknown", "# HELP u x\n# TYPE u unknown\nu 1\n"),
  taken("samples without TYPE", 'u{a="1"} 1\nv 2\n'),
  taken(
    "gauge with the suffixes of every type",
    "# TYPE g gauge\ng 1\ng_count 1\ng_sum 2\ng_info 3\ng_gsum 4\ng_created 5\n",
  ),
  taken("gauge whose series take turns", '# TYPE g gauge\ng{a="1"} 1\ng{a="2"} 1\ng{a="1"} 2\n', grouped),
  taken(
    "summary",
    '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="1"} NaN\ns_count 2\ns_sum 3\ns_created 5\n',
  ),
  taken("summary without quantiles", "# TYPE s summary\ns_count 2\ns_sum 3\n"),
  taken(
    "summary with _created first",
    '# TYPE s summary\ns_created 5\ns_count 2\ns_sum 3\ns{quantile="0.5"} 1\n',
  ),
  taken(
    "summary of quantiles 0 and 1",
    '# TYPE s summary\ns{quantile="0"} 1\ns{quantile="1.0"} 1\ns{quantile="0.10"} 1\n',
  ),
  taken("summary with a negative quantile value", '# TYPE s summary\ns{quantile="0.5"} -1\n', {
    strict: "quantiles are not negative",
  }),
  taken("summary with half a count", "# TYPE s summary\ns_count 1.5\n", { strict: "counts are whole" }),
  taken("summary with a negative sum", "# TYPE s summary\ns_sum -1\n", { strict: "sums are not negative" }),
  taken(
    "summary with a quantile that is no number",
    '# TYPE s summary\ns{quantile="1"} 1\ns{quantile="max"} 2\n',
    storedAs(dissolved, 's{quantile="1"} 1', 's{quantile="max"} 2'),
  ),
  taken("summary with a quantile above one", '# TYPE s summary\ns{quantile="1"} 1\ns{quantile="99"} 2\n', {
    ...storedAs(dissolved, 's{quantile="1"} 1', 's{quantile="99"} 2'),
    ...storedAsText(fits, 's{quantile="1.0"} 1', 's{quantile="99.0"} 2'),
  }),
  taken("summary without quantile", "# TYPE s summary\ns 1\ns_count 1\n"),
  taken(
    "summary with buckets of another family",
    '# TYPE s summary\ns_count 1\ns_sum 1\ns_bucket{le="x"} 1\n',
  ),
  taken("info", '# HELP i x\n# TYPE i info\ni_info{version="1",b="2"} 1\n'),
  taken("info twice", '# TYPE i info\ni_info{version="1"} 1\ni_info{version="2"} 1\n'),
  taken("info of the target", '# TYPE target info\n# HELP target x\ntarget_info{a="b"} 1\n'),
  taken("info of another value", "# TYPE i info\ni_info 2\n", { strict: "the value of an info is one" }),
  taken("info of its bare name", "# TYPE i info\ni 1\n"),
  taken("info whose TYPE has _info", "# TYPE i_info info\ni_info 1\n"),
  taken("info whose name ends in _info", "# TYPE i_info info\ni_info_info 1\n"),
  taken("info beside a gauge of its sample", "# TYPE i info\ni_info 1\n# TYPE i_info gauge\n"),
  taken("state set", '# TYPE st stateset\nst{st="a"} 1\nst{st="b"} 0\n'),
  taken("state set with labels", '# TYPE st stateset\nst{x="1",st="a"} 1\nst{x="1",st="b"} 0\n'),
  taken("state set of another value", '# TYPE st stateset\nst{st="a"} 2\n', {
    strict: "states are zero or one",
  }),
  taken("state set without its label", '# TYPE st stateset\nst{x="a"} 1\n'),
  taken("state set with its label empty", '# TYPE st stateset\nst{st=""} 1\n'),
  taken("state set with a suffix", '# TYPE st stateset\nst{st="a"} 1\nst_info 1\n'),
  taken("state set whose name is a label of the merge", '# TYPE podname stateset\npodname{podname="a"} 1\n', {
    ...storedAs("ours has this name; the pod's is renamed", 'podname{exported_podname="a"} 1'),
  }),
  takenUtf8("state set of a quoted name", '# TYPE "st.x" stateset\n{"st.x","st.x"="a"} 1\n'),
  taken(
    "families in pieces",
    '# TYPE g gauge\ng{x="1"} 1\nb 1\ng{x="2"} 2\n# HELP b late\nb{x="2"} 2\n# TYPE c counter\ng{x="3"} 3\nc_total 1\n',
  ),
  taken(
    "every type at once",
    '# TYPE c counter\nc_total 1\n# TYPE g gauge\ng 1\n# TYPE u unknown\nu 1\n# TYPE i info\ni_info{a="b"} 1\n# TYPE st stateset\nst{st="a"} 1\n# TYPE s summary\ns_count 1\ns_sum 1\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_count 1\nh_sum 1\n# TYPE gh gaugehistogram\ngh_bucket{le="+Inf"} 1\ngh_gcount 1\ngh_gsum 1\n',
  ),
  taken(
    "families that want the same names",
    "# TYPE x counter\nx_total 1\n# TYPE x_total summary\nx_total_count 1\nx_total_sum 1\n",
  ),
  taken("info beside a counter of the same name", "# TYPE x info\nx_info 1\n# TYPE x counter\nx_total 1\n"),
  taken(
    "every type for one name",
    '# TYPE x counter\n# TYPE x gauge\n# TYPE x histogram\n# TYPE x info\nx_total 1\nx 1\nx_bucket{le="1"} 1\nx_info 1\n',
  ),
];

export const familyCases: readonly OpenMetricsCase[] = [...metadata, ...counters, ...histograms, ...others];
