import { describe, expect, test } from "vitest";
import { findProblem, parseChunks, parseExposition } from "../../../test/support/parse-exposition.ts";

const openMetrics = { format: "openmetrics" } as const;

/** Each body is closed with `# EOF` here. */
describe("a body in OpenMetrics is taken", () => {
  const check = (body: string, samples: number) => {
    test(JSON.stringify(body), () => {
      expect(parseExposition(`${body}# EOF\n`, openMetrics).samples).toBe(samples);
    });
  };

  check("", 0);
  check("a 1\n", 1);
  check(":a_Z0:9 -1.5e+05\n", 1);
  check('a{} 1\na{b="c"} 2\n', 2);
  check('a{b="c",d="e"} NaN\n', 1);
  check('a{b="c",} +Inf\n', 1);
  check('a{b="\\\\\\"\\n\\z"} 1\n', 1);
  check('a{b="# EOF"} 1\na{b="} 1 # {"} 1\n', 2);
  check('{"a.b"} 1\n{"a.b",c="d"} 1\n{c="d","a.b"} 1\n{"a.b",} 1\n', 4);
  check('a{"b.c"="d"} 1\n', 1);
  check("a 1 1\na 1 1.5\na 1 -1.5e3\na 1 +.5\na 1 0001.\n", 5);
  check('a 1 # {} 1\na 1 2 # {b="c"} -Inf\na 1 # {b="c",d="e",} 1 2.5\na 1 2 # {b="} 1"} NaN 1e3\n', 4);
  check('a 1 # {b="# {",b="\\"} 1"} 1\na 1 # {"b.c"="d",} 1\n', 2);
  check('# HELP a x\n# TYPE a gauge\n# UNIT a \n# HELP b \n# HELP "" x\n# UNIT a_s s\n', 0);
  for (const type of [
    "counter",
    "gauge",
    "histogram",
    "summary",
    "unknown",
    "info",
    "stateset",
    "gaugehistogram",
  ]) {
    check(`# TYPE a ${type}\n`, 0);
  }
});

describe("a body in OpenMetrics is void", () => {
  const check = (body: string, message: string) => {
    test(JSON.stringify(body), () => {
      expect(findProblem(body, openMetrics)?.message).toBe(`Cannot read exposition: ${message}`);
    });
  };
  const line = (text: string, what: string, byte: number) =>
    check(`a 1\n${text}\n# EOF\n`, `${what} (line 2, byte ${byte})`);

  check("a 1\n", "it does not end with # EOF");
  check("a 1", "it does not end with # EOF");
  check("# EOF\n# EOF\n", "something follows # EOF (line 2, byte 1)");
  check("# EOF\n\n", "something follows # EOF (line 2, byte 1)");
  check("# EOF\r\n", "comment that is not HELP, TYPE, UNIT or EOF (line 1, byte 1)");
  check("# EOF \n", "comment that is not HELP, TYPE, UNIT or EOF (line 1, byte 1)");
  check('{"a', "body ends inside a quoted string (line 1)");

  const start = "neither a metric name nor HELP, TYPE, UNIT or EOF";
  line("", start, 1);
  line(" a 1", start, 1);
  line("0a 1", start, 1);
  line("\0", start, 1);
  line("\ufeffa 1", start, 1);
  line("# a comment", "comment that is not HELP, TYPE, UNIT or EOF", 1);
  line("#TYPE a gauge", "comment that is not HELP, TYPE, UNIT or EOF", 1);
  line("#  TYPE a gauge", "comment that is not HELP, TYPE, UNIT or EOF", 1);
  line("# TYPE  a gauge", "metric name expected", 8);
  line("# TYPE a  gauge", "unknown metric type", 10);
  line("# TYPE a untyped", "unknown metric type", 10);
  line("# TYPE a Gauge", "unknown metric type", 10);
  line("# TYPE a", "one blank expected after the metric name", 9);
  line("# HELP a", "one blank expected after the metric name", 9);
  line("# HELP a\tb", "one blank expected after the metric name", 9);
  line("# UNIT a_seconds second", "unit is not the end of the metric name", 18);
  line("# UNIT seconds seconds", "unit is not the end of the metric name", 16);
  line("# UNIT aseconds seconds", "unit is not the end of the metric name", 17);

  line("a", "one blank expected", 2);
  line("a\t1", "one blank expected", 2);
  line("a  1", "value is not a float", 3);
  line("a 1 ", "value is not a float", 5);
  line("a 1\t", "value is not a float", 3);
  line("a 1\r", "value is not a float", 3);
  line("a 0x1", "value is not a float", 3);
  line('a {b="c"} 1', "value is not a float", 3);
  line("a 1 NaN", "timestamp is not finite", 5);
  line("a 1 +Inf", "timestamp is not finite", 5);
  line("a 1 1 2", "exemplar or end of the line expected", 6);
  line("a 1  2", "value is not a float", 5);
  line('a{ b="c"} 1', "label name expected", 3);
  line('a{b ="c"} 1', "'=' expected after label name", 4);
  line('a{b= "c"} 1', "quoted label value expected", 5);
  line('a{b="c" } 1', "',' or '}' expected after a label", 8);
  line('a{b="c"d="e"} 1', "',' or '}' expected after a label", 8);
  line('a{b="c",,} 1', "label name expected", 9);
  line("a{,} 1", "label name expected", 3);
  line('a{b="c\nd"} 1', "line feed in a label value", 7);
  line('a{b="c\\\n"} 1', "line feed after a backslash", 8);
  line('a{b="c",b="d"} 1', "label name stands twice", 9);
  line('a{__name__="c"} 1', "label name stands twice", 3);
  line('a{"b.c"} 1', "second metric name", 3);
  line("{} 1", "metric name missing", 1);
  line('{b="c"} 1', "metric name missing", 1);
  line('a 1 # {b="c"}', "one blank expected", 14);
  line('a 1 # {b="c"} x', "value is not a float", 15);
  line('a 1 # {b="c"} 1 Inf', "timestamp is not finite", 17);
  line('a 1 # {b="c"} 1 2 3', "end of the line expected", 18);
  line('a 1 # {b="c} 1', "line feed or NUL in an exemplar", 15);
  line('a 1 # {b="c\\', "line feed or NUL in an exemplar", 13);
  line("a 1 # {b=c} 1", "quoted label value of an exemplar expected", 10);
  line("a 1 # {b} 1", "'=' expected after label name of an exemplar", 9);
  line('a 1 # {"b"} 1', "'=' expected after label name of an exemplar", 11);
  line("a 1 # {,} 1", "label name of an exemplar expected", 8);
  line("{abcd} 1", "'=' expected after label name", 6);
  line('a 1 # {b="c" } 1', "',' or '}' expected in an exemplar", 13);
  line("a 1 #{} 1", "value is not a float", 5);
  line("a 1 # x", "value is not a float", 5);

  test("for bytes that are not UTF-8", () => {
    for (const text of [
      'a{b="\xff"} 1',
      'a 1 # {b="\xff"} 1',
      "# HELP a \xff",
      '{"a\xff"} 1',
      'a{"\xff"="b"} 1',
    ]) {
      expect(findProblem(Buffer.from(`${text}\n# EOF\n`, "latin1"), openMetrics), text).toBeDefined();
    }
  });

  test("for more samples than it may have", () => {
    const problem = findProblem("a 1\na 2\n# EOF\n", { ...openMetrics, maxSamples: 1 });
    expect([problem?.problem, problem?.line]).toEqual(["too_many_samples", 2]);
  });

  test("for a line of more than 1 MiB, and for more than 4096 labels", () => {
    const long = "x".repeat(1024 * 1024);
    const many = Array.from({ length: 4097 }, (_, index) => `l${index}="v"`).join(",");
    for (const text of [
      `a{b="${long}"} 1`,
      `a{${long}="b"} 1`,
      `a 1 # {b="${long}"} 1`,
      `a{${many}} 1`,
      `a 1 # {${many}} 1`,
      `${long} 1`,
      `# TYPE ${long}x gauge`,
    ]) {
      expect(findProblem(`${text}\n# EOF\n`, openMetrics)?.message, text.slice(0, 20)).toMatch(
        /longer than|more than/,
      );
      // Just below, it is all right.
      const less = text.replace("x".repeat(20), "").replace('l0="v",', "");
      if (!less.startsWith("x")) expect(findProblem(`${less}\n# EOF\n`, openMetrics)).toBeUndefined();
    }
  });
});

describe("names outside the legacy character set", () => {
  const check = (body: string, isTaken: boolean) => {
    test(`${isTaken ? "are not needed in" : "void"} ${JSON.stringify(body)} for a scraper without them`, () => {
      expect(findProblem(`${body}# EOF\n`, openMetrics)).toBeUndefined();
      const problem = findProblem(`${body}# EOF\n`, { ...openMetrics, utf8Names: false });
      expect(problem === undefined).toBe(isTaken);
    });
  };
  check('{"a.b"} 1\n', false);
  check('a{"b.c"="d"} 1\n', false);
  check('{"a","b"="c"} 1\n', true);
  check('# TYPE "a.b" gauge\na 1\n', true);
});

test("a body in OpenMetrics may come in any pieces, and of any length", () => {
  const body = Buffer.from(
    Array.from({ length: 9000 }, (_, i) => `a_total{i="${i}"} ${i} # {x="y"} 1\n`).join("") +
      '{"q\nr"} 1\n# EOF\n',
  );
  const chunks = Array.from({ length: Math.ceil(body.length / 777) }, (_, i) =>
    body.subarray(i * 777, (i + 1) * 777),
  );
  expect(parseChunks(chunks, openMetrics).samples).toBe(9001);
});
