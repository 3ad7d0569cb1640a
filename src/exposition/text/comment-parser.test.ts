import { describe, expect, test } from "vitest";
import { BodyTable, TypeBit } from "../body-table.ts";
import { CommentParser } from "./comment-parser.ts";

interface Parsed {
  readonly taken: number;
  /** name: types and HELP, as far as there are any. */
  readonly names: Record<string, string>;
}

/** Parses the first line of `text`, which has nothing before its hash. */
function parse(text: string | Buffer, utf8Names = true): Parsed {
  const block = Buffer.from(text);
  const table = new BodyTable("text");
  const parser = new CommentParser(table, utf8Names, (what, at) => new Error(`${what} at ${at}`));
  const taken = parser.parse(block, 0, block.lastIndexOf(10) + 1, 0, false);
  table.blocks.push(block);
  const names = table.names.map((name): [string, string] => {
    const types = Object.entries(TypeBit).filter(([, bit]) => (name.types & bit) !== 0);
    const help = table.helpOf(name)?.toString();
    return [
      name.text,
      [...types.map(([type]) => type), ...(help === undefined ? [] : [`"${help}"`])].join(" "),
    ];
  });
  return { taken, names: Object.fromEntries(names) };
}

describe("a comment that says something", () => {
  const check = (line: string, names: Record<string, string>) => {
    test(JSON.stringify(line), () => {
      expect(parse(`${line}\nnext 1\n`)).toEqual({ taken: Buffer.byteLength(line) + 1, names });
    });
  };

  check("# TYPE a counter", { a: "counter" });
  check("# TYPE a gauge", { a: "gauge" });
  check("# TYPE a histogram", { a: "histogram" });
  check("# TYPE a summary", { a: "summary" });
  check("# TYPE a untyped", { a: "untyped" });
  check("#\tTYPE\ta\tgauge", { a: "gauge" });
  check("# \t TYPE \t a gauge", { a: "gauge" });
  check("# TYPE a:b_9 gauge", { "a:b_9": "gauge" });
  check("# TYPE a.gauge", { a: "gauge" });
  check('# TYPE "a" gauge', { a: "gauge" });
  check('# TYPE "a.b" gauge', { "a.b": "gauge" });
  check('# TYPE "a\\"\\\\\\n" gauge', { 'a"\\\n': "gauge" });
  check('# TYPE "a\nb" gauge', { "a\nb": "gauge" });
  check('# TYPE "" gauge', {});
  check("# HELP a text", { a: '"text"' });
  check("# HELP a  two blanks ", { a: '" two blanks "' });
  check('# HELP a \\n\\\\ "x" {y}\r', { a: '"\\n\\\\ "x" {y}\r"' });
  check("# HELP a größe", { a: '"größe"' });
  check("# HELP a x\0y\0", { a: '"x\0y\0"' });
  check("# HELP a", { a: '""' });
  check("# HELP a ", { a: '""' });
  check("# HELP a.b text", { a: '"b text"' });
  check('# HELP "a.b" text', { "a.b": '"text"' });
  check('# HELP "" text', {});
});

describe("a comment that says nothing", () => {
  const check = (line: string) => {
    test(JSON.stringify(line), () => {
      expect(parse(`${line}\nnext 1\n`)).toEqual({ taken: Buffer.byteLength(line) + 1, names: {} });
    });
  };

  check("#");
  check("# ");
  check("#\t\t");
  check("##");
  check("# EOF");
  check("# UNIT a seconds");
  check("#HELP a text");
  check("#TYPE a nonsense");
  check("# HELP");
  check("# TYPE");
  check("# HEL a text");
  check("# HELPX a text");
  check("# TYPEa gauge");
  check("# help a text");
  check("# type a nonsense");
  check("# x\0y");
  check('# "');
});

describe("a comment that Prometheus refuses", () => {
  const check = (line: string, message: string) => {
    test(JSON.stringify(line), () => {
      expect(() => parse(`${line}\nnext 1\n`)).toThrow(message);
    });
  };

  check("# TYPE a", "unknown metric type at 8");
  check("# TYPE a ", "unknown metric type at 8");
  check("# TYPE a  gauge", "unknown metric type at 8");
  check("# TYPE a gauge ", "unknown metric type at 8");
  check("# TYPE a gauge\r", "unknown metric type at 8");
  check("# TYPE a Gauge", "unknown metric type at 8");
  check("# TYPE a info", "unknown metric type at 8");
  check("# TYPE a unknown", "unknown metric type at 8");
  check("# TYPE a constructor", "unknown metric type at 8");
  check("# TYPE a __proto__", "unknown metric type at 8");
  check('# TYPE "a"gauge', "unknown metric type at 10");
  check("# TYPE ", "metric name expected at 7");
  check("# HELP ", "metric name expected at 7");
  check("# HELP  0a x", "metric name expected at 8");
  check("# TYPE .a gauge", "metric name expected at 7");
  check("# TYPE \0a gauge", "metric name expected at 7");
  check("# HELP a\0b x", "NUL after a metric name at 8");
  check('# TYPE "a"\0 gauge', "NUL after a metric name at 10");
  check('# TYPE "a\0" gauge', "quoted name with a forbidden byte at 7");
  check('# HELP "a\\\nb" x', "quoted name with a forbidden byte at 7");
  check('# TYPE "a\\\0" gauge', "quoted name with a forbidden byte at 7");
});

describe("a comment at which Prometheus silently stops reading", () => {
  const check = (line: string, at: number) => {
    test(JSON.stringify(line), () => {
      expect(() => parse(`${line}\nnext 1\n`)).toThrow(
        `NUL in a comment, where Prometheus silently stops reading at ${at}`,
      );
    });
  };

  check("#\0", 1);
  check("#x\0y", 1);
  check("# \0", 2);
  check("#  \0x", 3);
});

test("a quoted name that the block does not end waits for the next block", () => {
  expect(parse('# TYPE "a\nb').taken).toBe(-1);
  expect(parse('# HELP "a\\"\n').taken).toBe(-1);
});

test("a later HELP replaces an earlier one, TYPEs are collected", () => {
  const table = new BodyTable("text");
  const parser = new CommentParser(table, true, (what) => new Error(what));
  const block = Buffer.from("# HELP a one\n# HELP a two\n# TYPE a gauge\n# TYPE a counter\n");
  table.blocks.push(block);
  for (let at = 0; at < block.length;) at = parser.parse(block, at, block.length, 0, true);
  const [name] = table.names;
  expect(table.helpOf(name!)?.toString()).toBe("two");
  expect(name!.types).toBe(TypeBit.gauge | TypeBit.counter);
});

test("names that are not UTF-8 belong to nothing", () => {
  expect(parse(Buffer.from('# TYPE "a\xff" gauge\n', "latin1")).names).toEqual({});
  expect(parse(Buffer.from('# HELP "a\xff" x\n', "latin1")).names).toEqual({});
  expect(() => parse(Buffer.from("# HELP a \xff\n", "latin1"))).toThrow("HELP text is not valid UTF-8 at 9");
  expect(parse(Buffer.from("# HELP a\xff x\n", "latin1")).names).toEqual({ a: '" x"' });
});

test("names that need quotes belong to nothing when the scraper takes none", () => {
  expect(parse('# TYPE "a.b" gauge\n', false).names).toEqual({});
  expect(parse('# HELP "a b" x\n', false).names).toEqual({});
  expect(parse('# TYPE "a" gauge\n', false).names).toEqual({ a: "gauge" });
});
