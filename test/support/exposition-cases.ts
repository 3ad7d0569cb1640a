/**
 * Bodies that break naive parsers and mergers, and what a real Prometheus 3.5 does with each when it scrapes it alone.
 * The one table behind the unit test of the parser and the comparison with Prometheus: a verdict that is wrong here
 * fails there.
 */

/** Stands for the present time in milliseconds: Prometheus drops samples whose timestamp is far from it. */
const NOW = "@NOW@";

/** A difference between what Prometheus does and what we do. Nothing may differ without a reason. */
interface Difference {
  readonly reason: string;
}

interface OtherVerdict extends Difference {
  /** Whether the body goes into a merge. */
  readonly accepted: boolean;
}

interface OtherSeries extends Difference {
  /** What Prometheus stores of the merged answer instead, as `name{labels} value`, sorted. */
  readonly series: readonly string[];
}

export interface ExpositionCase {
  readonly name: string;
  readonly body: string | Buffer;
  /** Whether Prometheus 3.5 takes the body as a scrape of its own. */
  readonly accepted: boolean;
  /** It has names that a scraper must ask for with `escaping=allow-utf-8`; for others the body is void. */
  readonly utf8Names?: true;
  /** Our verdict, where it is another one. */
  readonly ours?: OtherVerdict;
  /** What is stored, where it is not the same as from a direct scrape. */
  readonly stored?: OtherSeries;
}

/** The body as it goes over the wire. */
export function bodyOf({ body }: ExpositionCase, nowMs: number): Buffer {
  return typeof body === "string" ? Buffer.from(body.replaceAll(NOW, String(nowMs))) : body;
}

/** Whether the body goes into a merge. */
export function isMerged({ accepted, ours }: ExpositionCase): boolean {
  return ours?.accepted ?? accepted;
}

function good(name: string, body: string | Buffer, differing: Pick<ExpositionCase, "ours" | "stored"> = {}) {
  return { name, body, accepted: true, ...differing };
}

function goodUtf8(name: string, body: string): ExpositionCase {
  return { name, body, accepted: true, utf8Names: true };
}

function bad(name: string, body: string | Buffer): ExpositionCase {
  return { name, body, accepted: false };
}

function takenByUs(name: string, body: string | Buffer, reason: string, ...series: string[]): ExpositionCase {
  return { name, body, accepted: false, ours: { accepted: true, reason }, ...storedAs(reason, ...series) };
}

/** One character a byte. */
const bytes = (latin1: string) => Buffer.from(latin1, "latin1");

const refusedByUs = (reason: string) => ({ ours: { accepted: false, reason } });
const storedAs = (reason: string, ...series: string[]) => ({ stored: { reason, series: series.sort() } });

const silentStop =
  "Prometheus silently stops reading there, and the rest of the pod would be lost without a sign";
const renamed = "ours have these names; the pod's are renamed as with honor_labels: false";
const dissolved = "strict readers refuse such a family under its TYPE, so it stands as untyped";
const blanksInName = "Prometheus takes the blanks into the name; the format says that they mean nothing";

const names: ExpositionCase[] = [
  good("plain samples", "a 1\nb 2\n"),
  good("name with every legal character", ":a_Z0:9 1\n"),
  good("name that begins with an underscore", "_a 1\n"),
  good("names that are the ends of each other", "xa 1\na 2\nxa 3\naxa 4\na 5\n"),
  bad("name that begins with a digit", "0a 1\n"),
  bad("dot in a name", "a.b 1\n"),
  bad("hyphen in a name", "m-x 1\n"),
  bad("letter beyond ASCII in a name", "größe 1\n"),
  bad("NUL after a name", "a\0 1\n"),
  bad("name alone", "a\n"),
  bad("name alone without line feed", "a"),
  good("blank before a name", " a 1\n", storedAs(blanksInName, "a{} 1")),
  good("blanks and tabs before a name with labels", ' \t a{b="c"} 1\n', storedAs(blanksInName, 'a{b="c"} 1')),
  good("value directly behind the name, with a sign", "a+1\nb-2.5\nc.5\n"),
  bad("colon in a label name", 'a{b:c="d"} 1\n'),
];

const quotedNames: ExpositionCase[] = [
  goodUtf8("quoted name", '{"x.y"} 1\n'),
  goodUtf8("quoted name with labels", '{"go.gc_duration_seconds",quantile="0"} 1\n'),
  goodUtf8("quoted name with trailing comma", '{"x.y",} 1\n'),
  goodUtf8("quoted name with blanks", '{ "x.y" , a = "b" , } 1\n'),
  goodUtf8("quoted name behind a blank", '  {"x.y",a="b"} 1\n'),
  goodUtf8("quoted name last", '{q="0.9","http.status"} 1\n'),
  goodUtf8("quoted name in the middle", '{q="0.9","http.status",a="b"} 1\n'),
  good("quoted name that needs no quotes", '{"x",a="b"} 1\n'),
  goodUtf8("quoted label name", 'x{"a.b"="c"} 1\n'),
  good("quoted label name that needs no quotes", 'x{"a"="c"} 1\n'),
  goodUtf8("quoted name with escapes", '{"a\\"b\\\\c\\nd","l\\"\\\\\\n"="v"} 1\n'),
  goodUtf8("quoted name with an undefined escape", '{"a\\zb","l\\t"="v"} 1\n'),
  goodUtf8("quoted name with a raw line feed", '{"a\nb","l\nm"="v"} 1\n'),
  goodUtf8("quoted name of many scripts", '{"größe_日本","ключ"="🎉"} 1\n'),
  goodUtf8("everything in quotes at once", '{"native{histogram", "xx{} # {}"=" EOF # {}}}"} 1\n'),
  good("same name quoted and unquoted", '# TYPE "q" gauge\nq{a="1"} 1\n{"q",a="2"} 2\n'),
  goodUtf8(
    "quoted name whose HELP and TYPE are quoted",
    '# HELP "my.m" text\n# TYPE "my.m" counter\n{"my.m"} 1\n',
  ),
  good("HELP and TYPE of an empty quoted name", '# HELP "" x\n# TYPE "" gauge\na 1\n'),
  goodUtf8("quoted name that looks like a label", '{"a=\\"b\\"",c="d"} 1\n'),
  good("TYPE of a name twice, with and without quotes", '# TYPE a gauge\n# TYPE "a" gauge\na 1\n'),
  good("TYPE of a quoted name with a raw line feed", '# TYPE "a\nb" gauge\na 1\n'),
  good(
    "TYPE and HELP of a quoted name that is not UTF-8",
    bytes('# TYPE "a\xff" gauge\n# HELP "a\xff" x\na 1\n'),
  ),
  bad("TYPE directly behind a quoted name", '# TYPE "a"gauge\na 1\n'),
  bad("NUL behind a quoted name of a TYPE", '# TYPE "a"\0 gauge\na 1\n'),
  bad("quoted name before the braces", '"a.b"{c="d"} 1\n'),
  bad("quoted name alone", '"a.b" 1\n'),
  bad("quoted name in single quotes", "{'a.b'} 1\n"),
  bad("quoted name behind a comma", '{,"a.b"} 1\n'),
  bad("quoted name and two commas", '{"a.b",,c="d"} 1\n'),
  bad("quoted label name without value", '{"a.b"=} 1\n'),
  bad("NUL behind a quoted name", '{"a"\0} 1\n'),
  bad("quoted name without a value of its sample", '{"a.b"}\n'),
  bad("empty quoted name", '{""} 1\n'),
  bad("second quoted name", '{"a","b"} 1\n'),
  bad("quoted name behind an unquoted one", 'a{"b"} 1\n'),
  bad("no name in the braces", '{a="ok"} 1\n'),
  bad("nothing in the braces", "{} 1\n"),
  bad("empty quoted label name", 'a{""="x"} 1\n'),
  bad("quoted name without comma before a label", '{"a" b="c"} 1\n'),
  bad("quote that swallows the next label", '{"a", "b = "c"}\n'),
  bad("quoted name without its end", '{"a 1\n'),
  bad("NUL in a quoted name", '{"a\0b"} 1\n'),
  bad("NUL behind a backslash in a quoted name", '{"a\\\0b"} 1\n'),
  bad("NUL behind a backslash in the quoted name of a TYPE", '# TYPE "a\\\0" gauge\n'),
  bad("NUL in a quoted label name", 'a{"b\0"="x"} 1\n'),
  bad("backslash before a line feed in a quoted name", '{"a\\\nb"} 1\n'),
  bad("quoted name that is not UTF-8", bytes('{"a\xff"} 1\n')),
  bad("quoted label name that is not UTF-8", bytes('a{"b\xff"="c"} 1\n')),
];

const labels: ExpositionCase[] = [
  good("empty braces", "a{} 1\nb{ } 2\nc {\t} 3\n"),
  good("trailing comma", 'a{b="c",} 1\nname{ l = "v" , }-Inf\n'),
  good("blanks and tabs wherever they may stand", 'a \t{\tb\t=\t"c"\t,\td = "e" }\t1\t\n'),
  good("no blank before the value", 'a{foo="bez"}6\n'),
  good("no comma between labels", 'a { b = "2.0" c = "d" } 1\n'),
  good("no comma and no blank between labels", 'a{b="1"c="2"d="3",e="4"} 1\n'),
  good("brace in a value", 'a{foo="bar",bar="b{a}z"} 1\n'),
  good("hash in a value", 'a{foo="} foo # bar # "} 1\n'),
  good("end of OpenMetrics in a value", 'a{b="# EOF"} 1\nx{a="\\n# EOF\\n"} 1\n'),
  good("defined escapes", 'a{b="\\"",c="\\\\",d="\\n",e="\\\\\\"",f="x\\\\"} 1\n'),
  good("undefined escapes", 'a{foo="b\\\\a\\z",b="c\\"d",e="\\t\\r\\0"} 1\n'),
  good("backslash before a letter of two bytes", 'a{b="\\é"} 1\n'),
  good("raw line feed in a value", 'a{b="c\nd\n\ne"} 1\n'),
  good("raw line feed in a value that looks like a line", 'a{b="x\nevil{podname=\\"victim\\"} 1\n"} 1\n'),
  good("raw carriage return and tab in a value", 'a{b="c\r\td\r"} 1\n'),
  good("NUL in a value", 'a{b="abc\0",c="\0",d="\0\0x"} 1\n'),
  good("NUL behind a backslash in a value", 'a{b="x\\\0"y"} 1\n'),
  good("other control characters in a value", 'a{b="\x01\x1b[31m\x7f\u0085\u2028"} 1\n'),
  good("BOM in a value", 'a{b="\ufeffc"} 1\n'),
  good("empty value", 'a{b="",c="d"} 1\n'),
  good("very many labels", `a{${Array.from({ length: 100 }, (_, i) => `l${i}="v"`).join(",")}} 1\n`),
  good("value of 200 kB", `a{b="${"v".repeat(200_000)}"} 1\n`),
  good(
    "value of 1.1 MB",
    `a{b="${"v".repeat(1_100_000)}"} 1\n`,
    refusedByUs("a value of 16 MiB ends the process of Prometheus 3; nobody needs one that comes near"),
  ),
  good(
    "5,000 labels",
    `a{${Array.from({ length: 5000 }, (_, index) => `l${index}="x"`).join(",")}} 1\n`,
    refusedByUs("what a line takes is done in one go, so that a line has at most 4096 labels"),
  ),
  good(
    "number of 10,000 digits",
    `a ${"0".repeat(10_000)}1\n`,
    refusedByUs("absurdly long numbers are read differently by Go and others, and by versions of Go"),
  ),
  good("HELP of 100 kB", `# HELP a ${"h".repeat(100_000)}\na 1\n`),
  good("labels of Prometheus' targets", 'a{__address__="x",__b="c",__metrics_path__="/"} 1\n'),
  good("label names of Prometheus itself", 'a{job="x",instance="y",exported_job="z"} 1\n'),
  good("label names of the merge", 'a{podname="victim",podip="10.0.0.1"} 1\n', {
    ...storedAs(renamed, 'a{exported_podip="10.0.0.1",exported_podname="victim"} 1'),
  }),
  good("label names of the merge, quoted and with blanks", 'a{ "podname" = "x" podip = "y" } 1\n', {
    ...storedAs(renamed, 'a{exported_podip="y",exported_podname="x"} 1'),
  }),
  good("renamed label names already taken", 'a{podname="1",exported_podname="2"} 1\n', {
    ...storedAs(
      "the prefix is put on again until the name is free",
      'a{exported_exported_podname="1",exported_podname="2"} 1',
    ),
  }),
  good("label of the merge with empty value", 'a{podname=""} 1\n'),
  good(
    "label twice, one of them empty",
    'a{b="",b="c"} 1\n',
    refusedByUs("Prometheus happens to drop every label of that name; other readers refuse the exposition"),
  ),
  good(
    "label twice, both empty",
    'a{b="",b=""} 1\n',
    refusedByUs("Prometheus drops empty labels before it looks; other readers refuse the exposition"),
  ),
  bad("label twice, and an empty one between", 'a{b="1",c="",b="2"} 1\n'),
  bad("label twice", 'a{b="1",b="2"} 1\n'),
  bad("label twice with the same value", 'a{b="1",b="1"} 1\n'),
  bad("label twice, once quoted", 'a{b="1","b"="2"} 1\n'),
  bad("label twice among many", `a{${Array.from({ length: 50 }, (_, i) => `l${i % 49}="v"`).join(",")}} 1\n`),
  bad("label of the merge twice", 'a{podname="1",podname="2"} 1\n'),
  bad("metric name as a label", 'a{__name__="b"} 1\n'),
  bad("metric name as an empty label", 'a{__name__=""} 1\n'),
  bad("metric name as a quoted label", 'a{"__name__"="b"} 1\n'),
  bad("comma alone", "a{,} 1\n"),
  bad("leading comma", 'a{,b="c"} 1\n'),
  bad("two commas", 'a{b="c",,d="e"} 1\n'),
  bad("two trailing commas", 'a{b="c",,} 1\n'),
  bad("value missing", "a{b} 1\n"),
  bad("value without quotes", "a{b=c} 1\n"),
  bad("single quotes", "a{b='c'} 1\n"),
  bad("label name missing", 'a{="x"} 1\n'),
  bad("label name that begins with a digit", 'a{0b="x"} 1\n'),
  bad("label name with a hyphen", 'a{pod-namespace="x"} 1\n'),
  bad("label name that is not UTF-8", bytes('a{\xff="foo"} 1\n')),
  bad("label value that is not UTF-8", bytes('a{b="\xff"} 1\n')),
  bad("label value with half a character", bytes('a{b="\xc3"} 1\n')),
  bad("label value with an encoded surrogate", bytes('a{b="\xed\xa0\x80"} 1\n')),
  bad("label value with an overlong slash", bytes('a{b="\xc0\xaf"} 1\n')),
  bad("semicolon between labels", 'a{b="c";d="e"} 1\n'),
  bad("two equals signs", 'a{b=="c"} 1\n'),
  bad("label value beyond the last character", bytes('a{b="\xf4\x90\x80\x80"} 1\n')),
  bad("line feed behind the opening brace", 'a{\nb="c"} 1\n'),
  bad("two opening braces", 'a{{b="c"} 1\n'),
  bad("two closing braces", 'a{b="c"}} 1\n'),
  bad("braces not closed", 'a{b="c" 1\n'),
  bad("braces closed on the next line", 'a{b="c"\n} 1\n'),
  bad("quote not closed", 'a{b="c} 1\n'),
  bad("quote closed by an escaped quote only", 'a{b="c\\"} 1\n'),
  bad("body ends in a quote", 'something_weird{problem="'),
  bad("body ends behind an equals sign", "a{b="),
  bad("backslash before a line feed in a value", 'a{b="c\\\nd"} 1\n'),
  bad("two brace groups", 'a{b="c"}{d="e"} 1\n'),
  bad("native histogram as a value", "a {count:24,sum:100,schema:0} 1\n"),
  bad("NUL between equals sign and quote", 'a{b=\0"c"} 1\n'),
  bad("NUL behind a label name", 'a{b\0="c"} 1\n'),
  good(
    "NUL and blank between equals sign and quote",
    'a{b= \0"c"} 1\n',
    refusedByUs("an accident of Prometheus' lexer; no other reader takes it"),
  ),
  good(
    "NUL behind a closing quote",
    'a{b="c"\0} 1\n',
    refusedByUs("Prometheus takes the quote into the value and drops the NUL; no other reader takes it"),
  ),
];

const values: ExpositionCase[] = [
  good("infinities", "a +Inf\nb -Inf\nc inf\nd Infinity\ne -iNFinity\n"),
  good("not a number", "a NaN\nb nan\nc nAn\n"),
  good("integers above 2^53", "a 9223372036854775808\nb 18446744073709551615\nc 9007199254740993\n"),
  good("decimals of every form", "a 1.7560473e+07\nb 0042\nc 1.\nd .5\ne -0\nf +1E-5\ng 1e05\n"),
  good("largest float", "a 1.7976931348623157e308\nb 1.7976931348623158e+308\n"),
  good("floats that vanish", "a 1e-400\nb 0e999999\nc 0.0000000000000000000000000001e-99999\n"),
  good("number of 400 digits that is small", `a 0.${"0".repeat(380)}12345678901234567890\n`),
  bad("float that overflows", "a 1e309\n"),
  bad("float that overflows by its digits", `a ${"9".repeat(310)}\n`),
  bad("float that rounds to infinity", "a 1.797693134862315808e308\n"),
  bad("a one, by 100,000 zeros and an exponent", `a 1${"0".repeat(100_000)}e-100000\n`),
  bad("exponent beyond all bounds", "a 1e99999999999999999999\n"),
  bad("hexadecimal float", "a 0x1p-3\n"),
  bad("hexadecimal float in capitals", "a 0X1P-3\n"),
  bad("hexadecimal integer", "a 0x10\n"),
  bad("underscore in a number", "a 1_2\n"),
  bad("signed not a number", "a -NaN\n"),
  bad("word", "a true\n"),
  bad("null", "a null\n"),
  bad("half a word", "a infinit\n"),
  bad("sign alone", "a +\n"),
  bad("point alone", "a .\n"),
  bad("exponent without digits", "a 1e\nb 1e+\n"),
  bad("two signs", "a --1\n"),
  bad("comma in a number", "a 1,5\n"),
  bad("quoted number", 'a "1"\n'),
  bad("value missing behind labels", 'a{b="c"}\n'),
  bad("value missing behind labels and blank", 'a{b="c"} \n'),
  bad("NUL behind a value", "a 1\0\n"),
  bad("no-break space before a value", "a\u00a01\n"),
  bad("two samples on a line", "a 1 b 2\n"),
  bad("fused lines", 'a{b="c"} 1a{b="d"} 2\n'),
  bad("text behind NEL", "m 1\u0085n 2\n"),
];

const timestamps: ExpositionCase[] = [
  good("timestamp", `a 1 ${NOW}\n`),
  good("timestamp behind tabs and before blanks", `a\t1\t${NOW} \t\n`),
  good("timestamp with leading zeros", `a 1 000000000${NOW}\n`),
  good("two timestamps of one series", `a 1 ${NOW}\na 2 ${NOW}\n`),
  bad("largest timestamp plus one", "a 1 9223372036854775808\n"),
  bad("timestamp of twenty digits", "a 1 18446744073709551616\n"),
  bad("negative timestamp", 'something_weird{problem="division by zero"} +Inf -3982045\n'),
  bad("timestamp with a plus", "a 1 +1\n"),
  bad("fractional timestamp", "a 1 1.5\n"),
  bad("timestamp with an exponent", "a 1 1e3\n"),
  bad("timestamp with an underscore", "a 0 1_2\n"),
  bad("NUL behind a timestamp", "a 0 1\0\n"),
  bad("text behind a timestamp", `a 1 ${NOW} x\n`),
  bad("comment behind a value", "a 1 # one\n"),
  bad("exemplar", 'foo_total 17.0 # {trace_id="abc"} 0.67\n'),
  bad("exemplar behind empty braces and a timestamp", 'a_total{} 0 123 # {a="b"} 0.5\n'),
  bad("exemplar whose labels look like ours", 'm 1 # {podname="victim"} 1\n'),
  bad("exemplar of a bucket", 'a_bucket{le="1.0",foo="bar # "} 0 # {a="b",foo="bar # bar"} 0.5\n'),
];

const lines: ExpositionCase[] = [
  good("empty body", ""),
  good("only line feeds and blanks", "\n  \n\t\n"),
  good("only a blank", " "),
  good("only comments", "# one\n#two\n#\n# \n"),
  good("blank lines between samples", "\n\na 1\n\n \nb 2\n\n"),
  good("last line without line feed", "a 1\nb 2"),
  good("last line with blanks and without line feed", "a 1\nb 2  "),
  good("last line without line feed is a comment", "a 1\n# EOF"),
  good("last line without line feed is a TYPE", "a 1\n# TYPE a gauge"),
  good("last line without line feed is a HELP without text", "a 1\n# HELP a"),
  good("samples behind the end of OpenMetrics", "a 1\n# EOF\nb 2\n"),
  good("unit of OpenMetrics", "# UNIT a_seconds seconds\na_seconds 1\n"),
  good(
    "comments of every form",
    "#comment\n# HELPX y\n# TYPEX\n  #  x\n\t# y\n#HELP a x\n#TYPE a nonsense\na 1\n",
  ),
  good("comment that is HELP alone", "# HELP\n# TYPE\na 1\n"),
  good("comment with bytes that are not UTF-8", bytes("# \xff\xfe\n#\xff\na 1\n")),
  good("comment with NUL inside", "# x\0y\na 1\n"),
  good("comment of 300 kB", `# ${"x".repeat(300_000)}\na 1\n`),
  good("NUL at a line start", "a 1\n\0b 2\nc 3\n", refusedByUs(silentStop)),
  good("NUL behind a blank at a line start", "a 1\n \0b 2\nc 3\n", refusedByUs(silentStop)),
  good("NUL alone", "\0", refusedByUs(silentStop)),
  good("NUL directly behind a hash", "a 1\n#\0\nc 3\n", refusedByUs(silentStop)),
  good("NUL in a comment without blank", "a 1\n#xy\0z\nc 3\n", refusedByUs(silentStop)),
  good("NUL first in a comment", "a 1\n# \0x\nc 3\n", refusedByUs(silentStop)),
  takenByUs(
    "NUL in the word HELP, without a name",
    "# HE\0LP 1\na 1\n",
    "Prometheus reads past the NUL and then misses a name; it is a comment, and comments are dropped",
    "a{} 1",
  ),
  bad("CRLF", "a 1\r\nb 2\r\n"),
  bad("CRLF behind a timestamp", `a 1 ${NOW}\r\n`),
  bad("CRLF on an empty line", "a 1\n\r\n"),
  bad("CRLF behind a TYPE", "# TYPE a gauge\r\na 1\n"),
  good("CRLF behind HELP and comments", "# HELP a x\r\n# y\r\na 1\n"),
  bad("carriage return alone", "a 1\rb 2\n"),
  bad("form feed", "a 1\f\n"),
  bad("BOM", "\ufeffa 1\n"),
  bad("UTF-16", Buffer.from("a 1\n", "utf16le")),
  bad("HTML page", "<html><body>Login</body></html>\n"),
  bad("HTML around a sample", "<html>m 1</html>\n"),
  bad("JSON", '{"status":"ok"}\n'),
  bad("JSON list", "[]\n"),
  bad("bad line behind good ones", "a 1\nb 2\nc\n"),
  bad("gzip", bytes("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03")),
];

const metadata: ExpositionCase[] = [
  good("HELP with escapes", '# HELP a he\\n\\\\l "x" {y} \\z \\\n# TYPE a gauge\na 1\n'),
  good("HELP of blanks", "# HELP a   \n# TYPE a gauge\na 1\n"),
  good("HELP without text", "# HELP a\n# HELP b \n# TYPE a gauge\na 1\nb 2\n"),
  good("HELP with NUL", "# HELP a foo\0bar\0\na 1\n"),
  good("HELP separated by a tab", "#\tHELP\ta\tx\na 1\n"),
  good("HELP with a byte directly behind the name", "# HELP a.b text\na 1\n"),
  good("HELP with half a character behind the name", bytes("# HELP a\xe9 text\na 1\n")),
  good("HELP with a brace behind the name", "# HELP a{b} text\na 1\n"),
  good("TYPE with a byte directly behind the name", "# TYPE a.gauge\na 1\n"),
  good("TYPE with blanks before", "  #    TYPE    n gauge\nn 1\n"),
  good("every TYPE", "# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n# TYPE c untyped\nc 1\n"),
  good(
    "HELP and TYPE of families without samples",
    "# HELP a x\n# TYPE a counter\n# TYPE b histogram\n# HELP c y\n",
  ),
  good("HELP twice", "# HELP a one\n# HELP a two\na 1\n"),
  good("TYPE twice", "# TYPE a gauge\na 1\n# TYPE a gauge\na 2\n"),
  good("two TYPEs for a name", '# TYPE a gauge\na{b="1"} 1\n# TYPE a counter\na{b="2"} 2\n'),
  good("TYPE behind the sample", "a 1\n# TYPE a gauge\n"),
  bad("TYPE with a blank behind it", "# TYPE a gauge \na 1\n"),
  bad("TYPE behind two blanks", "# TYPE a  gauge\na 1\n"),
  bad("TYPE with a tab behind it", "# TYPE a gauge\t\na 1\n"),
  bad("TYPE in capitals", "# TYPE a Gauge\na 1\n"),
  bad("TYPE missing", "# TYPE a\na 1\n"),
  bad("TYPE missing behind blanks", "# TYPE a  \na 1\n"),
  bad("name missing behind TYPE", "# TYPE \na 1\n"),
  bad("name missing behind HELP", "# HELP \na 1\n"),
  bad("hash instead of a name", "# TYPE #\n#EOF\n"),
  bad("TYPE of a name with a digit first", "# TYPE 0a gauge\n"),
  bad("TYPE info of OpenMetrics", "# TYPE a info\na_info 1\n"),
  bad("TYPE unknown of OpenMetrics", "# TYPE a unknown\na 1\n"),
  bad("TYPE with the name of a property of objects", "# TYPE a constructor\na 1\n"),
  bad("NUL behind the name of a HELP", "# HELP a\0b\na 1\n"),
  good(
    "NUL before the name of a HELP",
    "# HELP \0a b\na 1\n",
    refusedByUs("an accident of Prometheus' lexer; no other reader takes it"),
  ),
  bad("NUL in a TYPE", "# TYPE a \0gauge\na 1\n"),
  bad("quoted name of a TYPE without end", '# TYPE "a gauge\na 1\n'),
  bad("quoted name of a HELP with NUL", '# HELP "a\0" x\n'),
  bad("HELP that is not UTF-8", bytes("# HELP a \xff\na 1\n")),
];

const families: ExpositionCase[] = [
  good(
    "histogram",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="2.50"} 2\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
  ),
  good(
    "histogram with sum and count first",
    '# TYPE h histogram\nh_count 2\nh_sum 3\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\n',
  ),
  good("summary", '# TYPE s summary\ns{quantile="0.5"} 1\ns{quantile="1"} NaN\ns_sum 3\ns_count 2\n'),
  good(
    "families in pieces",
    '# TYPE a gauge\na{x="1"} 1\nb 1\na{x="2"} 2\n# HELP b late\nb{x="2"} 2\n# TYPE c counter\na{x="3"} 3\nc 1\n',
  ),
  good(
    "histogram in pieces",
    '# TYPE h histogram\nh_count{a="1"} 2\nz 1\nh_bucket{a="1",le="+Inf"} 2\nz{a="b"} 2\nh_sum{a="1"} 3\n',
  ),
  good("same series twice", "a 1\na 2\n"),
  good("same series with labels in another order", 'a{b="1",c="2"} 1\na{c="2",b="1"} 2\n'),
  good("series that Prometheus adds itself", "scrape_duration_seconds 1\nscrape_samples_scraped 1\n"),
  good(
    "series of the program itself",
    "k8s_prometheus_proxy_pod_up 0\n",
    storedAs("ours stands first in the answer, and Prometheus keeps the first of two samples of a series"),
  ),
  good(
    "untyped le behind a histogram",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_sum 1\nh_count 1\nx{le="1"} 1\n',
    storedAs(
      "Prometheus carries the TYPE of the family before over to x",
      'h_bucket{le="1.0"} 1',
      "h_sum{} 1",
      "h_count{} 1",
      'x{le="1"} 1',
    ),
  ),
  good(
    "TYPE histogram behind its buckets",
    'h_bucket{le="1"} 1\nh_sum 1\nh_count 1\n# TYPE h histogram\n',
    storedAs("the merge writes the TYPE first", 'h_bucket{le="1.0"} 1', "h_sum{} 1", "h_count{} 1"),
  ),
  good(
    "histogram with a bucket that is no number",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="many"} 2\nh_count 2\n',
    storedAs(dissolved, 'h_bucket{le="1"} 1', 'h_bucket{le="many"} 2', "h_count{} 2"),
  ),
  good(
    "histogram with an empty bucket bound",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le=""} 2\n',
    storedAs(dissolved, 'h_bucket{le="1"} 1', "h_bucket{} 2"),
  ),
  good(
    "summary with a quantile that is no number",
    '# TYPE s summary\ns{quantile="1"} 1\ns{quantile="max"} 2\n',
    storedAs(dissolved, 's{quantile="1"} 1', 's{quantile="max"} 2'),
  ),
  good(
    "histogram with a sample of its bare name",
    '# TYPE h histogram\nh 1\nh_bucket{le="1"} 1\n',
    storedAs("a histogram has no such sample, so it stands as untyped", "h{} 1", 'h_bucket{le="1"} 1'),
  ),
  good(
    "histogram whose count is a counter of its own",
    '# TYPE h histogram\nh_bucket{le="1"} 1\n# TYPE h_count counter\nh_count 1\n',
    storedAs("one name in two families: each name stands for itself", 'h_bucket{le="1"} 1', "h_count{} 1"),
  ),
  good("histogram with le on its count", '# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_count{le="1"} 1\n'),
  good("summary with buckets of another family", '# TYPE s summary\ns_sum 1\ns_bucket{le="1"} 1\n'),
  good("gauge with the suffix of a histogram", "# TYPE a_count gauge\na_count 1\na_sum 2\na 3\n"),
  good("counter of OpenMetrics and counter of text", "# TYPE r counter\nr_total 1\n# TYPE r_total counter\n"),
  good(
    "buckets that become the same",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1.0"} 2\nh_bucket{le="1e0"} 3\n',
  ),
  good(
    "histogram with quantile, summary with le",
    '# TYPE h histogram\nh_sum{quantile="x"} 1\n# TYPE s summary\ns{le="x"} 1\n',
  ),
  good("buckets out of order", '# TYPE h histogram\nh_bucket{le="+Inf"} 3\nh_bucket{le="1"} 1\n'),
  goodUtf8(
    "quoted histogram",
    '# TYPE "h.x" histogram\n{"h.x_bucket",le="1"} 1\n{"h.x_count"} 1\n{"h.x_sum"} 1\n',
  ),
];

export const expositionCases: readonly ExpositionCase[] = [
  ...names,
  ...quotedNames,
  ...labels,
  ...values,
  ...timestamps,
  ...lines,
  ...metadata,
  ...families,
];
