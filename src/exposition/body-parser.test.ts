import * as fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  findProblem,
  mergeToBuffer,
  parseChunks,
  parseExposition,
  podLabels,
} from "../../test/support/parse-exposition.ts";
import { BodyParser, type ParsedBody } from "./body-parser.ts";
import { ExpositionError } from "./exposition-error.ts";
import { TextParser } from "./text/text-parser.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const firstBlockBytes = 16 * 1024;

/** Every kind of line there is, in less bytes than a block. Without a last line feed. */
const body = [
  '# HELP a he\\n\\\\l "x" größe',
  "# TYPE a counter",
  "a 1",
  'a{b="c\\"\\\\","größe"="x"} 2 1700000000000',
  "",
  ' \t a { b = "}" , } 3',
  '# HELP "u.v" text',
  '{"u.v"} NaN',
  '{x="y","u.v"} +Inf',
  '# TYPE "w\nx" gauge',
  '{"w\nx","l\nm"="n\n\n#\n"d="e"} 1e5 \t',
  "# com\0ment",
  'a{podname="q",podip="r"} 4',
  "# TYPE h histogram",
  'h_bucket{le="1"} 1',
  'h_bucket{le="+Inf"} 2',
  "h_count 2",
  "z 5",
].join("\n");

const openMetricsBody = [
  '# HELP c he\\n\\\\l \\"x\\" größe',
  "# TYPE c counter",
  '# TYPE "w\nx_s" gauge',
  '# UNIT "w\nx_s" s',
  'c_total{a="b"} 1 1.5 # {t="\\"} 1"} 2 3',
  'c_created{a="b"} 1e9',
  '{"w\nx_s","l\nm"="n",} 1e5',
  '{x="\\z","w\nx_s"} 2',
  "# HELP h last",
  "# TYPE h histogram",
  'h_bucket{le="+Inf"} 2 # {} 1',
  'c_total{podname="q"} 4',
  "# HELP z of z",
  "z 5",
  "# EOF",
].join("\n");

const textOf = (parsed: ParsedBody) => mergeToBuffer([{ body: parsed, labels: podLabels("p") }]).toString();

/** A comment of exactly so many bytes. */
const comment = (bytes: number) => `#${"x".repeat(bytes - 2)}\n`;

function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let start = 0;
  for (let i = 0; start < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

describe("BodyParser", () => {
  test("gives the same result for any chunks", () => {
    const long = Buffer.from(`${body}\n${comment(firstBlockBytes - 300)}${body}`);
    const expected = textOf(parseExposition(long));
    expect(textOf(parseChunks(cut(long, [1])))).toBe(expected);
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 5000 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        fc.pre(sizes.some((size) => size > 0));
        expect(textOf(parseChunks(cut(long, sizes)))).toBe(expected);
      }),
      { numRuns: 50 },
    );
  });

  test("gives the same result wherever a block ends", () => {
    const expected = textOf(parseExposition(body));
    const bytes = Buffer.from(body);
    for (let inFirst = 0; inFirst <= bytes.length; inFirst++) {
      const parsed = parseChunks([Buffer.from(comment(firstBlockBytes - inFirst)), bytes]);
      if (textOf(parsed) !== expected)
        expect.fail(`another result when ${inFirst} bytes are in the first block`);
    }
  });

  test("gives the same result wherever a block of OpenMetrics ends", () => {
    const bytes = Buffer.from(openMetricsBody);
    const resultsOf = (first: string) => {
      const parsed = parseChunks([Buffer.from(first), bytes], { format: "openmetrics" });
      const sources = [{ body: parsed, labels: podLabels("p") }];
      return (["openmetrics", "text"] as const).map((format) =>
        mergeToBuffer(sources, "rename", format)
          .toString()
          .replace(/^.*first.*\n/gm, ""),
      );
    };
    const fill = (length: number) => {
      const line = (text: string) => `# HELP first ${text}\n`;
      return line("x".repeat(length - line("").length));
    };
    const expected = resultsOf(fill(100));
    for (let inFirst = 0; inFirst <= bytes.length; inFirst++) {
      if (resultsOf(fill(firstBlockBytes - inFirst)).join("") !== expected.join(""))
        expect.fail(`another result when ${inFirst} bytes are in the first block`);
    }
  });

  test("refuses the same line wherever a block ends", () => {
    const bad = [
      'a{b="c\nd\ne",f} 1\n',
      'a{b="\n\n\\\n"} 1\n',
      '{"a\nb","c\nd"} 1\n',
      'a{b="\n',
      '# TYPE "\n" x\n',
    ];
    for (const last of bad) {
      const bytes = Buffer.from(`ok 1\n  ${last}`);
      const messages = new Set<string | undefined>();
      for (let inFirst = 0; inFirst <= bytes.length; inFirst++) {
        messages.add(
          findProblem(Buffer.concat([Buffer.from(comment(firstBlockBytes - inFirst)), bytes]))?.message,
        );
      }
      expect([...messages]).toEqual([expect.stringMatching(/line 3/)]);
    }
  });

  test("adds the last line feed, also where the body fills a block", () => {
    for (const missing of [0, 1, 2]) {
      const parsed = parseExposition(`${comment(firstBlockBytes - 3 - missing)}a 1`);
      expect(parsed).toMatchObject({ samples: 1, bodyBytes: firstBlockBytes - missing + 1 });
      expect(textOf(parsed)).toMatch(/\na\{[^}]*\} 1\n$/);
    }
    expect(findProblem(`${comment(firstBlockBytes - 6)}a{b="c`)?.message).toContain("inside a quoted string");
    expect(findProblem(`${comment(firstBlockBytes - 7)}a{b="c`)?.message).toContain("inside a quoted string");
  });

  test("refuses a HELP text that begins within a character, as Prometheus does", () => {
    expect(findProblem("# HELP aé\n")?.message).toContain("HELP text is not valid UTF-8");
    expect(findProblem("# HELP a\u00a0x\n")?.message).toContain("HELP text is not valid UTF-8");
    expect(findProblem("# HELP a \u00a0é\n")).toBeUndefined();
  });

  test("can be released after any failure, also that of the end", () => {
    const full = comment(firstBlockBytes - 4);
    for (const [format, text] of [
      ["openmetrics", "a 1\n"],
      ["openmetrics", `# HELP a ${"x".repeat(firstBlockBytes - 20)}\na 1\n`],
      ["openmetrics", "a 1\nb"],
      ["text", "a 1\nb"],
      ["text", `${full}b`],
    ] as const) {
      const parser = new BodyParser({ format, maxSamples: 10, reservedLabels: [], utf8Names: true });
      parser.push(Buffer.from(text));
      expect(() => parser.finish()).toThrow(ExpositionError);
      parser.release();
      expect(parser.heldBytes).toBeGreaterThanOrEqual(0);
    }
  });

  test("takes an empty body and empty chunks", () => {
    expect(parseChunks([])).toMatchObject({ samples: 0, bodyBytes: 0 });
    const parsed = parseChunks([Buffer.of(), Buffer.from("a "), Buffer.of(), Buffer.from("1"), Buffer.of()]);
    expect(parsed).toMatchObject({ samples: 1, bodyBytes: 4 });
  });

  test("takes long lines", () => {
    const value = `${"x".repeat(250_000)}ü\n${"y".repeat(250_000)}`;
    const lines = [
      `# HELP a ${"h".repeat(64 * 1024)}`,
      `# ${"c".repeat(900_000)}`,
      `a{b="${value}",c="${value}"} 1`,
      "a 2",
    ];
    const written = value.replace("\n", "\\n");
    const text = textOf(parseExposition(`${lines.join("\n")}\n`));
    expect(text).toBe(
      `${lines[0]}\n# TYPE a untyped\n` +
        `a{podname="p",podip="10.0.0.1",b="${written}",c="${written}"} 1\na{podname="p",podip="10.0.0.1"} 2\n`,
    );
  });

  test("leaves out a HELP text of more than 64 KiB, and keeps the samples", () => {
    const text = textOf(parseExposition(`# HELP a ${"h".repeat(64 * 1024 + 1)}\na 1\n`));
    expect(text).toBe('# TYPE a untyped\na{podname="p",podip="10.0.0.1"} 1\n');
  });

  test("refuses a body with more than 100,000 metric names, with samples or without", () => {
    const names = (count: number, line: (name: string) => string) =>
      Array.from({ length: count }, (_, index) => line(`n${index}`)).join("");
    for (const line of [(name: string) => `# HELP ${name} x\n`, (name: string) => `${name} 1\n`]) {
      expect(findProblem(names(100_000, line))).toBeUndefined();
      expect(findProblem(names(100_001, line))).toMatchObject({ problem: "too_many_samples" });
    }
  });

  test("counts the memory of metric names", () => {
    const parser = new BodyParser({ format: "text", maxSamples: 1, reservedLabels: [], utf8Names: true });
    for (let index = 0; index < 50; index++)
      parser.push(Buffer.from(`# HELP ${"n".repeat(10_000)}${index} x\n`));
    expect(parser.finish().heldBytes).toBeGreaterThan(50 * 20_000);
  });

  test("counts samples over all blocks", () => {
    const many = 'sample_of_a_family{label="value"} 1\n'.repeat(30_000);
    expect(parseExposition(many, { maxSamples: 30_000 }).samples).toBe(30_000);
    expect(findProblem(many, { maxSamples: 29_999 })).toMatchObject({
      problem: "too_many_samples",
      line: 30_000,
    });
  });

  test("stops at the first bad block instead of taking all of the body", () => {
    const parser = new BodyParser({ format: "text", maxSamples: 1, reservedLabels: [], utf8Names: true });
    const endless = () => {
      for (let i = 0; i < 100; i++) parser.push(Buffer.alloc(1024, "?\n"));
    };
    expect(endless).toThrow("neither a metric name");
    expect(parser.heldBytes).toBeLessThan(64 * 1024);
  });
});

describe("BodyParser holds little", () => {
  test("of a small body", () => {
    const parsed = parseExposition("a 1\n");
    expect(parsed.bodyBytes).toBe(4);
    expect(parsed.heldBytes).toBeLessThan(4 * 1024);
  });

  test("of a large one, and says how much while it grows", () => {
    const chunk = Buffer.from('some_metric_name{label="value"} 12345\n'.repeat(1000));
    const parser = new BodyParser({ format: "text", maxSamples: 1e6, reservedLabels: [], utf8Names: true });
    let before = parser.heldBytes;
    for (let i = 1; i <= 100; i++) {
      parser.push(chunk);
      expect(parser.heldBytes).toBeGreaterThanOrEqual(before);
      expect(parser.heldBytes).toBeGreaterThanOrEqual(i * chunk.length);
      before = parser.heldBytes;
    }
    const parsed = parser.finish();
    expect(parsed.bodyBytes).toBe(100 * chunk.length);
    // Two integers a line, in a list that is at most twice as long as it needs to be.
    expect(parsed.heldBytes).toBeLessThan(parsed.bodyBytes + 2 * 100_000 * 8 + 512 * 1024);
  });

  test("of one long line", () => {
    const parsed = parseExposition(`# ${"x".repeat(1_200_000)}\n`);
    expect(parsed.heldBytes).toBeLessThan(1.5 * parsed.bodyBytes);
  });

  test("after its end", () => {
    const parser = new BodyParser({ format: "text", maxSamples: 1, reservedLabels: [], utf8Names: true });
    parser.push(Buffer.from("a 1\n"));
    const parsed = parser.finish();
    expect(parser.heldBytes).toBe(parsed.heldBytes);
  });
});

describe("BodyParser looks at each byte a bounded number of times", () => {
  const check = (what: string, hostile: string) => {
    test(what, () => {
      const parse = vi.spyOn(TextParser.prototype, "parse");
      findProblem(hostile);
      const looked = parse.mock.calls.reduce((sum, [, end]) => sum + end, 0);
      // Blocks double, so that all earlier looks at an open line together cost as much as the last one.
      expect(looked).toBeGreaterThan(0);
      expect(looked).toBeLessThan(3 * hostile.length);
    });
  };

  const size = 2 * 1024 * 1024;
  check("in a value full of line feeds", `a{b="${"\n".repeat(size)}"} 1\n`);
  check("in a quote that never ends", `a{b="${"x\n".repeat(size / 2)}`);
  check("in a quoted name that never ends", `{"${"x\n".repeat(size / 2)}`);
  check("in a quoted name of a TYPE that never ends", `# TYPE "${"x\n".repeat(size / 2)}`);
  check("in many lines, each open at the end of its block", `a{b="${"\n".repeat(150_000)}"} 1\n`.repeat(20));
});
