/** Cases of OpenMetrics about values and timestamps of samples. Prometheus drops samples far from the present time. */
import { NOW, NOW_SECONDS, refusedByUs } from "../exposition-case.ts";
import { type OpenMetricsCase, refused, taken } from "./openmetrics-case.ts";

const values: OpenMetricsCase[] = [
  taken("infinities", "a +Inf\nb -Inf\nc inf\nd Infinity\ne -iNFinity\n"),
  taken("not a number", "a NaN\nb nan\nc nAn\n"),
  taken("integers above 2^53", "a 9223372036854775808\nb 18446744073709551615\nc 9007199254740993\n"),
  taken("decimals of every form", "a 1.7560473e+07\nb 0042\nc 1.\nd .5\ne -0\nf +1E-5\ng 1e05\n"),
  taken("largest float", "a 1.7976931348623157e308\nb 1.7976931348623158e+308\n"),
  taken("floats that vanish", "a 1e-400\nb 0e999999\n"),
  taken(
    "number of 10,000 digits",
    `a ${"0".repeat(10_000)}1\n`,
    refusedByUs("absurdly long numbers are read differently by Go and others, and by versions of Go"),
  ),
  refused("float that overflows", "a 1e309\n"),
  refused("hexadecimal float", "a 0x1p-3\n"),
  refused("hexadecimal integer", "a 0x10\n"),
  refused("octal integer", "a 0o17\n"),
  refused("underscore in a number", "a 1_2\n"),
  refused("signed not a number", "a -NaN\n"),
  refused("word", "a true\n"),
  refused("half a word", "a infinit\n"),
  refused("sign alone", "a +\n"),
  refused("point alone", "a .\n"),
  refused("exponent without digits", "a 1e\n"),
  refused("two signs", "a --1\n"),
  refused("comma in a number", "a 1,5\n"),
  refused("quoted number", 'a "1"\n'),
  refused("value missing behind labels", 'a{b="c"}\n'),
  refused("value missing behind labels and blank", 'a{b="c"} \n'),
  refused("hash in place of a value", "a # 1\n"),
  refused("exemplar in place of a value", 'c_total # {a="b"} 1\n'),
  refused("native histogram as a value", "h {count:24,sum:100,schema:0,zero_threshold:0,zero_count:0}\n"),
  refused("native histogram with blanks", "h {count: 24, sum: 100}\n"),
  refused("braces of labels in place of a value", 'a 1\nb {c="d"}\n'),
];

const timestamps: OpenMetricsCase[] = [
  taken("timestamp", `a 1 ${NOW_SECONDS}\n`),
  taken("timestamp with a fraction", `a 1 ${NOW_SECONDS}.123\nb 1 ${NOW_SECONDS}.5\n`),
  taken(
    "timestamp with more than milliseconds",
    `a 1 ${NOW_SECONDS}.1239999\nb 1 ${NOW_SECONDS}.999999999\n`,
  ),
  taken("timestamp with a fraction of nothing", `a 1 ${NOW_SECONDS}.\n`),
  taken("timestamp with an exponent", `a 1 ${NOW_SECONDS}e0\nb 1 ${NOW}e-3\nc 1 ${NOW_SECONDS}E+00\n`),
  taken("timestamp with a plus", `a 1 +${NOW_SECONDS}\n`),
  taken("timestamp with leading zeros", `a 1 000000000${NOW_SECONDS}\n`),
  taken("timestamp in milliseconds", `a 1 ${NOW}\n`),
  taken("timestamp long ago", "a 1 1\nb 1 1520879607.789\n"),
  taken("timestamp zero", "a 1 0\nb 1 -0\n"),
  taken("negative timestamp", "a 1 -1\nb 1 -3982045.5\n"),
  taken("timestamp that vanishes below zero", "a 1 -0.0004\n"),
  taken(
    "timestamp beyond 64 bits",
    "a 1 9223372036854775.807\nb 1 9223372036854775808\nc 1 1e300\nd 1 -1e300\n",
  ),
  taken("timestamp of the largest float", "a 1 1.7976931348623157e308\n"),
  taken("two timestamps of one series", `a 1 ${NOW_SECONDS}.1\na 2 ${NOW_SECONDS}.2\n`),
  taken("same timestamp of one series", `a 1 ${NOW_SECONDS}\na 2 ${NOW_SECONDS}\n`),
  taken("timestamps that are one in milliseconds", `a 1 ${NOW_SECONDS}.0001\na 2 ${NOW_SECONDS}.0002\n`),
  taken("timestamps that go backwards", `a 1 ${NOW_SECONDS}.2\na 2 ${NOW_SECONDS}.1\n`, {
    strict: "timestamps may not go backwards",
  }),
  taken("timestamp of one sample of a series only", `a 1 ${NOW_SECONDS}\na 2\n`, {
    strict: "either all samples of a series have a timestamp or none",
  }),
  taken("timestamp of some series only", `a{b="1"} 1 ${NOW_SECONDS}\na{b="2"} 2\n`),
  taken("number of a thousand digits as timestamp", `a 1 ${"0".repeat(1000)}${NOW_SECONDS}\n`),
  taken(
    "number of 10,000 digits as timestamp",
    `a 1 ${"0".repeat(10_000)}${NOW_SECONDS}\n`,
    refusedByUs("absurdly long numbers are read differently by Go and others, and by versions of Go"),
  ),
  refused("timestamp that is not a number", "a 1 NaN\n"),
  refused("infinite timestamp", "a 1 +Inf\n"),
  refused("infinite timestamp in words", "a 1 -infinity\n"),
  refused("timestamp that overflows", "a 1 1e309\n"),
  refused("hexadecimal timestamp", "a 1 0x10\n"),
  refused("timestamp with an underscore", "a 1 1_2\n"),
  refused("timestamp that is a word", "a 1 now\n"),
  refused("timestamp of a sign", "a 1 -\n"),
  refused("text behind a timestamp", `a 1 ${NOW_SECONDS} x\n`),
  refused("second timestamp", `a 1 ${NOW_SECONDS} ${NOW_SECONDS}\n`),
];

export const valueCases: readonly OpenMetricsCase[] = [...values, ...timestamps];
