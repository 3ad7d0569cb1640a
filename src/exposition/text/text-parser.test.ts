import { describe, expect, test } from "vitest";
import { BodyParser } from "../body-parser.ts";
import {
  findProblem,
  labelSamples,
  mergeToBuffer,
  parseExposition,
} from "../../../test/support/parse-exposition.ts";

const labels = [{ name: "podname", value: "p" }];

describe("a sample line gets its labels", () => {
  const check = (line: string, expected: string) => {
    test(JSON.stringify(line), () => {
      expect(labelSamples(`${line}\n`, labels)).toBe(`${expected}\n`);
    });
  };

  check("a 1", 'a{podname="p"} 1');
  check(":a_Z0:9 -1.5e+05 123", ':a_Z0:9{podname="p"} -1.5e+05 123');
  check("a\t1\t2", 'a{podname="p"}\t1\t2');
  check("a+1", 'a{podname="p"}+1');
  check("a.5", 'a{podname="p"}.5');
  check("a{} 1", 'a{podname="p"} 1');
  check("a{ \t} 1", 'a{podname="p" \t} 1');
  check("a {\t} 1", 'a {podname="p"\t} 1');
  check('a{b="c"} 1', 'a{podname="p",b="c"} 1');
  check('a{b="c"}1', 'a{podname="p",b="c"}1');
  check('a{ b = "c" , } 1', 'a{podname="p", b = "c" , } 1');
  check('a{b="{}"} 1', 'a{podname="p",b="{}"} 1');
  check('a{b="\\"}",c="\\\\"} 1', 'a{podname="p",b="\\"}",c="\\\\"} 1');
  check('a{"b.c"="d"} 1', 'a{podname="p","b.c"="d"} 1');
  check('{"a.b"} 1', '{"a.b",podname="p"} 1');
  check('{"a.b",} 1', '{"a.b",podname="p",} 1');
  check('{ "a.b" , c="d"} 1', '{ "a.b",podname="p" , c="d"} 1');
  check('{"a\\"\\\\\\nb"} 1', '{"a\\"\\\\\\nb",podname="p"} 1');
  check("a 0042", 'a{podname="p"} 0042');
  check("a 18446744073709551615", 'a{podname="p"} 18446744073709551615');
  check("a NaN 0000", 'a{podname="p"} NaN 0000');

  // Written anew: Prometheus takes these lines, other readers do not, or the names collide.
  check("  a 1", 'a{podname="p"} 1');
  check('\t a{b="c"} 1', 'a{podname="p",b="c"} 1');
  check(' {"a.b"} 1', '{"a.b",podname="p"} 1');
  check("a 1 ", 'a{podname="p"} 1');
  check("a 1\t 2 \t", 'a{podname="p"} 1\t 2');
  check("a+1 ", 'a{podname="p"} +1');
  check("a {} 1 ", 'a{podname="p"} 1');
  check('a{b="c" d="e"} 1', 'a{podname="p",b="c",d="e"} 1');
  check('a{b="c"d="e",f="g"}1', 'a{podname="p",b="c",d="e",f="g"} 1');
  check('a{b="c\nd"} 1', 'a{podname="p",b="c\\nd"} 1');
  check('a{b="\\z\\\\"} 1', 'a{podname="p",b="\\\\z\\\\"} 1');
  check('a{b="\\\0"c"} 1', 'a{podname="p",b="\\\\\0\\"c"} 1');
  check('{b="c","a.b"} 1', '{"a.b",podname="p",b="c"} 1');
  check('{b="c","a",d="e"} 1 5', 'a{podname="p",b="c",d="e"} 1 5');
  check('{"a\nb"} 1', '{"a\\nb",podname="p"} 1');
  check('{"a\\zb"} 1', '{"a\\\\zb",podname="p"} 1');
  check('a{"b\n"="c"} 1', 'a{podname="p","b\\n"="c"} 1');
  check('a{podname="q"} 1', 'a{podname="p",exported_podname="q"} 1');
  check('a{"podname"="q",b="c"} 1', 'a{podname="p",exported_podname="q",b="c"} 1');
});

test("without labels to add, a line stays as it is", () => {
  const body = 'a 1\na{} 2\na{ b="c" , } 3\n{"x.y"} 4\n{ "x.y" ,a="b"} 5 6\n';
  expect(labelSamples(body, [])).toBe(body);
});

describe("a refused line is named by its place", () => {
  const check = (body: string, what: string, line: number, column: number) => {
    test(`${JSON.stringify(body).slice(0, 60)}: ${what}`, () => {
      const problem = findProblem(body);
      expect(problem).toMatchObject({ problem: "parse", line, column });
      const place = column > 0 ? `line ${line}, byte ${column}` : `line ${line}`;
      expect(problem?.message).toBe(`Cannot read exposition: ${what} (${place})`);
    });
  };

  const start = "neither a metric name, a comment nor an empty line";
  const tail = "neither a timestamp in milliseconds nor the end of the line after the value";
  check("0 1\n", start, 1, 1);
  check("a 1\n\n# x\n?\n", start, 4, 1);
  check("a\n", "value is not a float", 1, 2);
  check("a b\n", "value is not a float", 1, 3);
  check("a 1\nb 1x\n", "value is not a float", 2, 3);
  check("a 1e999\n", "value is not a float", 1, 3);
  check("a 1 -2\n", tail, 1, 5);
  check("a 1 2.5\n", tail, 1, 5);
  check("a 1 2 3\n", tail, 1, 5);
  check("a 1 9223372036854775808\n", tail, 1, 5);
  check("a 1 # {} 1\n", tail, 1, 5);
  check("a{,} 1\n", "label name expected", 1, 3);
  check('a{b="c",,} 1\n', "label name expected", 1, 9);
  check('a{b="c"\n', "label name expected", 1, 8);
  check("a{b}\n", "'=' expected after label name", 1, 4);
  check('{"a" "b"} 1\n', "'=' expected after label name", 1, 6);
  check("a{b=c}\n", "quoted label value expected", 1, 5);
  check('a{b="1",b="2"} 1\n', "label name stands twice", 1, 9);
  check('a{__name__="x"} 1\n', "label name stands twice", 1, 3);
  check('a{""="x"} 1\n', "empty label name", 1, 3);
  check('{""} 1\n', "empty metric name", 1, 2);
  check('{"a","b"} 1\n', "second metric name", 1, 6);
  check('a{"b"} 1\n', "second metric name", 1, 3);
  check('{b="c"} 1\n', "metric name missing", 1, 1);
  check("{} 1\n", "metric name missing", 1, 1);
  check('{"a\0b"} 1\n', "quoted name with a forbidden byte", 1, 2);
  check('a{b="c\\\nd"} 1\n', "line feed after a backslash", 1, 8);
  check('a 1\nb{c="d\n', "body ends inside a quoted string", 2, 0);
  check('a 1\n# TYPE "a gauge\n', "body ends inside a quoted string", 2, 0);

  test("bytes that are not UTF-8", () => {
    const problemOf = (latin1: string) => findProblem(Buffer.from(latin1, "latin1"))?.message;
    expect(problemOf('a 1\na{b="\xff"} 1\n')).toContain("label value is not valid UTF-8 (line 2, byte 6)");
    expect(problemOf('a{"b\xc3"="c"} 1\n')).toContain("name is not valid UTF-8 (line 1, byte 3)");
    expect(problemOf('{"b\xc3"} 1\n')).toContain("name is not valid UTF-8 (line 1, byte 2)");
    expect(problemOf("# HELP a \xff\n")).toContain("HELP text is not valid UTF-8 (line 1, byte 10)");
    expect(problemOf('# \xff\na{b="\xc3\xa9",c="d"} 1\n{"\xc3\xa9"} 1\n# HELP a \xc3\xa9\n')).toBeUndefined();
  });

  test("and the message holds nothing of the body", () => {
    expect(findProblem('secret{password="hunter2",password="x"} 1\n')?.message).not.toMatch(/secret|hunter2/);
  });
});

describe("maxSamples", () => {
  test("is how many samples a body may have", () => {
    expect(parseExposition("a 1\nb 2\nc 3\n", { maxSamples: 3 }).samples).toBe(3);
    const problem = findProblem("a 1\n\nb 2\n# x\nc 3\nd 4\n", { maxSamples: 3 });
    expect(problem).toMatchObject({ problem: "too_many_samples", line: 6, column: 0 });
    expect(problem?.message).toBe("Cannot read exposition: more than 3 samples (line 6)");
  });

  test("may be 0", () => {
    expect(parseExposition("# x\n", { maxSamples: 0 }).samples).toBe(0);
    expect(findProblem("a 1", { maxSamples: 0 })?.problem).toBe("too_many_samples");
  });
});

describe("a line of more than 1 MiB, whose names or values could end Prometheus", () => {
  const most = 1024 * 1024;
  const check = (what: string, write: (text: string) => string) => {
    test(`is refused: ${what}`, () => {
      const rest = write("").length - 1;
      expect(parseExposition(write("x".repeat(most - rest))).samples).toBe(1);
      expect(findProblem(write("x".repeat(most - rest + 1)))?.message).toContain(
        `line longer than ${most} bytes (line 2,`,
      );
    });
  };

  check("metric name", (text) => `\n${text} 1\n`);
  check("metric name before braces", (text) => `\n${text}{a="b"} 1\n`);
  check("quoted metric name", (text) => `\n{"${text}"} 1\n`);
  check("label name", (text) => `\na{${text}="b"} 1\n`);
  check("quoted label name", (text) => `\na{"${text}"="b"} 1\n`);
  check("label value", (text) => `\na{b="${text}"} 1\n`);
  check("many label values", (text) => `\na{b="${text.slice(0, 500_000)}",c="${text.slice(500_000)}"} 1\n`);

  test("also an open quote that goes on over lines, before its end is there", () => {
    const parser = new BodyParser({ format: "text", maxSamples: 1, reservedLabels: [], utf8Names: true });
    parser.push(Buffer.from('a{b="'));
    const line = Buffer.from(`${"x".repeat(1000)}\n`);
    expect(() => {
      for (let i = 0; i < 5000; i++) parser.push(line);
    }).toThrow(`line longer than ${most} bytes`);
  });

  test("also one whose end has not come, unless it is a comment", () => {
    const push = (start: string) => () => {
      const parser = new BodyParser({ format: "text", maxSamples: 9, reservedLabels: [], utf8Names: true });
      parser.push(Buffer.from(start));
      for (let i = 0; i < 5000; i++) parser.push(Buffer.alloc(1000, "x"));
      parser.push(Buffer.from("\na 1\n"));
      return parser.finish().samples;
    };
    expect(push("")).toThrow(`line longer than ${most} bytes (line 1)`);
    expect(push("a 1\n")).toThrow(`line longer than ${most} bytes (line 2)`);
    expect(push(" \t# ")()).toBe(1);
    expect(push("# HELP a ")()).toBe(1);
  });

  test("also the name of a TYPE or HELP", () => {
    for (const line of ["TYPE x gauge", 'TYPE "x" gauge', "HELP x y"]) {
      const problem = findProblem(`a 1\n# ${line.replace("x", "x".repeat(most + 1))}\n`);
      expect(problem?.message).toContain(`metric name longer than ${most} bytes (line 2,`);
    }
  });

  test("but not what is dropped or only read by people", () => {
    const long = "x".repeat(most + 1);
    expect(parseExposition(`# ${long}\n# HELP a ${long}\na 1\n`).samples).toBe(1);
  });
});

describe("utf8Names: false", () => {
  const check = (body: string, accepted: boolean) => {
    test(`${accepted ? "takes" : "refuses"} ${JSON.stringify(body)}`, () => {
      const problem = findProblem(body, { utf8Names: false });
      expect(problem?.message).toEqual(
        accepted ? undefined : (expect.stringContaining("only scrapers with UTF-8 names take") as string),
      );
    });
  };

  check('{"a"} 1\n', true);
  check('{"a:b",c="d"} 1\n', true);
  check('a{"b"="c"} 1\n', true);
  check('# HELP "a.b" text\n# TYPE "a.b" gauge\na 1\n', true);
  check('a{b="größe"} 1\n', true);
  check('{"a.b"} 1\n', false);
  check('{c="d","a b"} 1\n', false);
  check('{"0"} 1\n', false);
  check('a{"b.c"="d"} 1\n', false);
  check('a{"b:c"="d"} 1\n', false);

  test("takes quotes off that are not needed", () => {
    const body = parseExposition('{"a",b="c"} 1\na{"d"="e"} 2\n{"f"} 3\n', { utf8Names: false });
    const lines = mergeToBuffer([{ body, labels }]).toString().split("\n");
    expect(lines.filter((line) => line !== "" && !line.startsWith("#"))).toEqual([
      'a{podname="p",b="c"} 1',
      'a{podname="p",d="e"} 2',
      'f{podname="p"} 3',
    ]);
  });
});
