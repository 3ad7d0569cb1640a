import { describe, expect, test } from "vitest";
import type { Label } from "./label.ts";
import { type LabelConflict, rewriteLine } from "./rewrite-line.ts";

const rewrite = (line: string, injected: readonly Label[], conflict: LabelConflict) =>
  rewriteLine(line, { injected, conflict, tail: "same" });

const both = [
  { name: "podname", value: "p" },
  { name: "podip", value: "1" },
];

describe("rewriteLine() writes the plain form", () => {
  const check = (line: string, expected: string) => {
    test(JSON.stringify(line), () => {
      expect(rewrite(`${line}\n`, [{ name: "z", value: 'x"' }], "rename")).toBe(`${expected}\n`);
    });
  };

  check("a 1 ", 'a{z="x\\""} 1');
  check("a\t+1  2 ", 'a{z="x\\""} +1  2');
  check("a.5", 'a{z="x\\""} .5');
  check("a{}1", 'a{z="x\\""} 1');
  check("a \t{ } \tNaN", 'a{z="x\\""} NaN');
  check('a{b="c"d="e" f="g" , h="i",}1', 'a{z="x\\"",b="c",d="e",f="g",h="i"} 1');
  check('a{\tb\t=\t"c"\t}\t1\t2\t', 'a{z="x\\"",b="c"} 1\t2');
  check('a{b=""} 1', 'a{z="x\\"",b=""} 1');
  check('a{b="\n"} 1', 'a{z="x\\"",b="\\n"} 1');
  check('a{b="\\n\\\\n\\"\\z"} 1', 'a{z="x\\"",b="\\n\\\\n\\"\\\\z"} 1');
  check('a{b="{},=#"} 1', 'a{z="x\\"",b="{},=#"} 1');
  check('a{b="\\\0"",c="\\\0\0\\"} 1', 'a{z="x\\"",b="\\\\\0\\"",c="\\\\\0\0\\\\"} 1');
  check('a{"b"="c","d.e"="f"} 1', 'a{z="x\\"",b="c","d.e"="f"} 1');
  check('a{"b\\"}"="c"} 1', 'a{z="x\\"","b\\"}"="c"} 1');
  check('{"a"} 1', 'a{z="x\\""} 1');
  check('{"a.b"} 1', '{"a.b",z="x\\""} 1');
  check('{b="c","a d",e="f"} 1', '{"a d",z="x\\"",b="c",e="f"} 1');
  check('{ "a\nb" , } 1', '{"a\\nb",z="x\\""} 1');
  check('{"größe","ключ"="🎉"} 1', '{"größe",z="x\\"","ключ"="🎉"} 1');
});

test("rewriteLine() without labels to add", () => {
  expect(rewrite("a 1 \n", [], "rename")).toBe("a{} 1\n");
  expect(rewrite('{"a.b"} 1 \n', [], "rename")).toBe('{"a.b"} 1\n');
  expect(rewrite('a{podname="x"} 1\n', [], "rename")).toBe('a{podname="x"} 1\n');
});

describe("a label that has the name of ours", () => {
  const check = (conflict: LabelConflict, labels: string, expected: string) => {
    test(`${conflict}: ${labels}`, () => {
      expect(rewrite(`a{${labels}} 1\n`, both, conflict)).toBe(`a{${expected}} 1\n`);
    });
  };

  check("rename", 'podname="x"', 'podname="p",podip="1",exported_podname="x"');
  check("rename", 'b="c",podip="x",d="e"', 'podname="p",podip="1",b="c",exported_podip="x",d="e"');
  check("rename", 'podip="x",podname="y"', 'podname="p",podip="1",exported_podip="x",exported_podname="y"');
  check("rename", 'podname=""', 'podname="p",podip="1",exported_podname=""');
  check(
    "rename",
    'podname="x",exported_podname="y"',
    'podname="p",podip="1",exported_exported_podname="x",exported_podname="y"',
  );
  check(
    "rename",
    'exported_exported_podname="z",podname="x",exported_podname="y"',
    'podname="p",podip="1",exported_exported_podname="z",exported_exported_exported_podname="x",exported_podname="y"',
  );
  check("rename", 'exported_podname="y"', 'podname="p",podip="1",exported_podname="y"');
  check("honor", 'podname="x"', 'podip="1",podname="x"');
  check("honor", 'podip="x",b="c",podname="y"', 'podip="x",b="c",podname="y"');
  check("honor", 'b="c"', 'podname="p",podip="1",b="c"');
  check("drop", 'podname="x",b="c"', 'podname="p",podip="1",b="c"');
  check("drop", 'podname="x",podip="y"', 'podname="p",podip="1"');

  test("rename: names that Prometheus' own prefix gives clash with each other", () => {
    const injected = [...both, { name: "exported_podname", value: "e" }];
    expect(rewrite('a{podname="x",exported_podname="y"} 1\n', injected, "rename")).toBe(
      'a{podname="p",podip="1",exported_podname="e",exported_exported_podname="x",exported_exported_exported_podname="y"} 1\n',
    );
  });
});
