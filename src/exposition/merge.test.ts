import { describe, expect, test } from "vitest";
import {
  labelSamples,
  mergeToBuffer,
  parseExposition,
  podLabels,
} from "../../test/support/parse-exposition.ts";
import type { Label } from "./label.ts";
import type { ExpositionFormat } from "./format.ts";
import { commonFormat, mergeExpositions } from "./merge.ts";

const pod = (name: string): Label[] => [{ name: "podname", value: name }];

/** Merges bodies of pods that are called 1, 2, 3… */
const mergeTexts = (...bodies: string[]) =>
  mergeToBuffer(
    bodies.map((body, index) => ({ body: parseExposition(body), labels: pod(String(index + 1)) })),
  ).toString();

describe("mergeExpositions()", () => {
  test("writes family, then pod, then the pod's own order, with one HELP and one TYPE", () => {
    const first = '# HELP a one\n# TYPE a counter\na{x="2"} 1\na{x="1"} 2\n# TYPE b gauge\nb 3\n';
    const second = '# comment\nb 4\n\n# HELP a two\n# TYPE a counter\na{x="3"} 5\nc 6';
    expect(mergeTexts(first, second)).toBe(`\
# HELP a one
# TYPE a counter
a{podname="1",x="2"} 1
a{podname="1",x="1"} 2
a{podname="2",x="3"} 5
# TYPE b gauge
b{podname="1"} 3
b{podname="2"} 4
# TYPE c untyped
c{podname="2"} 6
`);
  });

  test("tells names from each other that end alike", () => {
    expect(mergeTexts("xa 1\na 2\nxa 3\n", "# TYPE axa gauge\nxa 4\na 5\n")).toBe(`\
# TYPE xa untyped
xa{podname="1"} 1
xa{podname="1"} 3
xa{podname="2"} 4
# TYPE a untyped
a{podname="1"} 2
a{podname="2"} 5
# TYPE axa gauge
`);
  });

  test("joins a family that is in pieces", () => {
    expect(mergeTexts("a 1\nb 1\n  a 2\n# TYPE a gauge\nb 2\na 3\n", "b 3\na 4\n")).toBe(`\
# TYPE a gauge
a{podname="1"} 1
a{podname="1"} 2
a{podname="1"} 3
a{podname="2"} 4
# TYPE b untyped
b{podname="1"} 1
b{podname="1"} 2
b{podname="2"} 3
`);
  });

  test("keeps the parts of a histogram together as each pod has them", () => {
    const of = (bound: string) =>
      `# TYPE h histogram\nh_bucket{le="${bound}"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n`;
    expect(mergeTexts(of("1"), of("2"))).toBe(`\
# TYPE h histogram
h_bucket{podname="1",le="1"} 1
h_bucket{podname="1",le="+Inf"} 2
h_sum{podname="1"} 3
h_count{podname="1"} 2
h_bucket{podname="2",le="2"} 1
h_bucket{podname="2",le="+Inf"} 2
h_sum{podname="2"} 3
h_count{podname="2"} 2
`);
  });

  test("loses no sample where pods disagree on a TYPE, and says so", () => {
    const sources = ["# TYPE a gauge\na 1\nz 1\n", "# TYPE a summary\na 2\na_sum 3\n"].map((body, index) => ({
      body: parseExposition(body),
      labels: pod(String(index)),
    }));
    const { typeConflicts } = mergeExpositions(sources, { labelConflict: "rename", format: "text" });
    expect(typeConflicts).toEqual(["a"]);
    expect(mergeToBuffer(sources).toString()).toBe(`\
# TYPE a untyped
a{podname="0"} 1
a{podname="1"} 2
# TYPE z untyped
z{podname="0"} 1
# TYPE a_sum untyped
a_sum{podname="1"} 3
`);
  });

  test("leaves out what pods say under names that are not theirs", () => {
    const status = '# TYPE up gauge\nup{podname="p"} 1\n';
    const liar = "# HELP up Lies.\n# TYPE up counter\nup 0\nup_total 2\n# TYPE down gauge\ndown 3\nz 4\n";
    const sources = [
      { body: parseExposition(status, { reservedLabels: [] }), labels: [], owns: ["up", "down"] },
      { body: parseExposition(liar), labels: pod("p") },
    ];
    const merged = mergeExpositions(sources, { labelConflict: "rename", format: "text" });
    expect(merged.typeConflicts).toEqual([]);
    expect(Buffer.concat([...merged.blocks()]).toString()).toBe(
      '# TYPE up gauge\nup{podname="p"} 1\n# TYPE up_total untyped\nup_total{podname="p"} 2\n' +
        '# TYPE z untyped\nz{podname="p"} 4\n',
    );
    const none = mergeExpositions(sources, {
      labelConflict: "rename",
      format: "text",
      keepFamily: () => false,
    });
    expect(Buffer.concat([...none.blocks()]).toString()).toBe(status);
  });

  test("leaves out the first family of a body as well as any other", () => {
    const keepFamily = ([name]: readonly string[]) => name === "b";
    for (const body of ["a 1\nb 1\n", "a 1\nb 1\nc 1\n", "b 1\nc 1\n"]) {
      const sources = [{ body: parseExposition(body), labels: pod("p") }];
      const merged = mergeExpositions(sources, { labelConflict: "rename", format: "text", keepFamily });
      expect(Buffer.concat([...merged.blocks()]).toString()).toBe('# TYPE b untyped\nb{podname="p"} 1\n');
    }
  });

  test("writes the end of OpenMetrics also where a block is full", () => {
    const block = 256 * 1024;
    const start = "# TYPE a gauge\n";
    const line = (length: number) => `a{b="${"x".repeat(length - 'a{b=""} 1\n'.length)}"} 1\n`;
    for (let free = 0; free < 10; free++) {
      const body = `${start}${line(1000).repeat(200)}${line(block - start.length - 200_000 - free)}`;
      const parsed = parseExposition(`${body}# EOF\n`, { format: "openmetrics" });
      expect(mergeToBuffer([{ body: parsed, labels: [] }], "rename", "openmetrics").toString()).toBe(
        `${body}# EOF\n`,
      );
    }
  });

  test("tells how long an answer is at most, and not much more", () => {
    const odd = `b="${"\\z".repeat(1000)}"`;
    const exemplars = Array.from(
      { length: 500 },
      (_, i) => `a_total{i="${i}"} 1 1 # {trace="${"t".repeat(50)}"} 1\n`,
    );
    const check = (body: string, input: ExpositionFormat, format: ExpositionFormat, factor: number) => {
      const sources = [{ body: parseExposition(body, { format: input }), labels: pod("p") }];
      const merged = mergeExpositions(sources, { labelConflict: "rename", format });
      const { length } = Buffer.concat([...merged.blocks()]);
      expect(length).toBeLessThanOrEqual(merged.maxBytes);
      expect(merged.maxBytes).toBeLessThan(factor * Math.max(body.length, length));
    };
    check(`a{${odd}} 1\n`, "text", "text", 4);
    check(`a{${odd}} 1\n# EOF\n`, "openmetrics", "text", 2);
    check(`# TYPE a counter\na 1\na_total{${odd}} 1 # {} 1\n# EOF\n`, "openmetrics", "openmetrics", 2);
    check(`${exemplars.join("")}# EOF\n`, "openmetrics", "text", 1.6);
    check(`${"a 1 9223372036854774\n".repeat(500)}# EOF\n`, "openmetrics", "text", 2.5);
    check(`# HELP ${"n".repeat(100_000)} x\n# TYPE ${"n".repeat(100_000)} gauge\n`, "text", "text", 1.1);
    check(`# HELP "${"ü".repeat(50_000)}" x\n`, "text", "text", 2);
  });

  test("is text as soon as one body says something in text", () => {
    const body = (text: string, format: ExpositionFormat) => parseExposition(text, { format });
    const openMetrics = body("a 1\n# EOF\n", "openmetrics");
    const [nothing, something] = [body("# a comment\n", "text"), body("# TYPE b gauge\n", "text")];
    expect(commonFormat([openMetrics])).toBe("openmetrics");
    expect(commonFormat([openMetrics, nothing])).toBe("openmetrics");
    expect(commonFormat([openMetrics, something])).toBe("text");
    expect(commonFormat([nothing, nothing])).toBe("text");
    expect(commonFormat([body("# EOF\n", "openmetrics"), nothing])).toBe("openmetrics");
  });

  test("gives an untyped family after a histogram its TYPE, so that its le stays as it is", () => {
    expect(mergeTexts('# TYPE h histogram\nh_bucket{le="1"} 1\nx{le="1"} 1\n')).toContain(
      "# TYPE x untyped\nx{",
    );
  });

  test("quotes names in HELP and TYPE where they need it", () => {
    expect(mergeTexts('# HELP "a.b" x\n{"a.b"} 1\n# TYPE "q" gauge\n{"r\\"\\n\\\\"} 1\n')).toBe(
      '# HELP "a.b" x\n# TYPE "a.b" untyped\n{"a.b",podname="1"} 1\n' +
        "# TYPE q gauge\n" +
        '# TYPE "r\\"\\n\\\\" untyped\n{"r\\"\\n\\\\",podname="1"} 1\n',
    );
  });

  describe("writes HELP so that stricter readers take it", () => {
    const check = (text: string, expected: string) => {
      test(JSON.stringify(text), () => {
        expect(mergeTexts(`# HELP a ${text}\n`)).toBe(`# HELP a ${expected}\n# TYPE a untyped\n`);
      });
    };

    check("x", "x");
    check(" two  blanks ", " two  blanks ");
    check("\\\\ \\n", "\\\\ \\n");
    check('\\d \\" \\', '\\\\d \\\\" \\\\');
    check("\\\\\\d\\\\n", "\\\\\\\\d\\\\n");
    check("größe\0", "größe\0");
  });

  test("writes no HELP line for an empty text", () => {
    expect(mergeTexts("# HELP a\n# HELP b \na 1\n")).toBe(
      '# TYPE a untyped\na{podname="1"} 1\n# TYPE b untyped\n',
    );
  });

  test("takes any labels", () => {
    const labels = [
      { name: "podname", value: 'a"\\\n' },
      { name: "label.app/x", value: "größe" },
    ];
    expect(labelSamples("a 1\n", labels)).toBe('a{podname="a\\"\\\\\\n","label.app/x"="größe"} 1\n');
  });

  test("does with labels of our names what it was told to", () => {
    const line = 'a{podname="x",b="c"} 1\n';
    expect(labelSamples(line, pod("p"), "rename")).toBe('a{podname="p",exported_podname="x",b="c"} 1\n');
    expect(labelSamples(line, pod("p"), "honor")).toBe('a{podname="x",b="c"} 1\n');
    expect(labelSamples(line, pod("p"), "drop")).toBe('a{podname="p",b="c"} 1\n');
  });

  test("has nothing of nothing", () => {
    for (const sources of [[], [{ body: parseExposition("# x\n"), labels: pod("p") }]]) {
      const merged = mergeExpositions(sources, { labelConflict: "rename", format: "text" });
      expect(merged.typeConflicts).toEqual([]);
      expect([...merged.blocks()]).toEqual([]);
    }
  });

  test("merges the same body any number of times", () => {
    const body = parseExposition("# TYPE b gauge\nb 1\na 1\nb 2\n");
    const sources = [
      { body, labels: pod("1") },
      { body, labels: pod("2") },
    ];
    const merged = mergeExpositions(sources, { labelConflict: "rename", format: "text" });
    const text = Buffer.concat([...merged.blocks()]).toString();
    expect(text).toBe(mergeTexts("# TYPE b gauge\nb 1\na 1\nb 2\n", "# TYPE b gauge\nb 1\na 1\nb 2\n"));
    expect(Buffer.concat([...merged.blocks()]).toString()).toBe(text);
    expect(mergeToBuffer(sources).toString()).toBe(text);
  });

  test("lets two readers of one answer go at their own pace", () => {
    const body = parseExposition('a 1\nb{x="y"} 2\n'.repeat(20_000));
    const merged = mergeExpositions([{ body, labels: podLabels("p") }], {
      labelConflict: "rename",
      format: "text",
    });
    const fast = [...merged.blocks()];
    const slow = merged.blocks();
    const first = slow.next().value as Buffer;
    expect(fast.length).toBeGreaterThan(2);
    expect([...merged.blocks()]).toEqual(fast);
    expect([first, ...slow]).toEqual(fast);
  });
});

describe("the blocks of an answer", () => {
  const blockBytes = 256 * 1024;
  const long = 'some_metric{label="value"} 1\nother 2\n';
  const sources = ["a", "b"].map((name) => ({
    body: parseExposition(long.repeat(10_000)),
    labels: podLabels(name),
  }));

  test("are at most 256 KiB, well filled, and no more than was said", () => {
    const merged = mergeExpositions(sources, { labelConflict: "rename", format: "text" });
    const blocks = [...merged.blocks()];
    const sizes = blocks.map(({ length }) => length);
    expect(sizes.length).toBeGreaterThan(5);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(blockBytes);
    expect(Math.min(...sizes.slice(0, -1))).toBeGreaterThan(blockBytes - 200);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(merged.maxBytes);
    for (const block of blocks) expect(block.at(-1)).toBe(10);
    const held = blocks.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    expect(held).toBeLessThan(merged.maxBytes + blocks.length * 200);
  });

  test("belong to the caller", () => {
    const merged = mergeExpositions(sources, { labelConflict: "rename", format: "text" });
    const kept: Buffer[] = [];
    for (const block of merged.blocks()) {
      kept.push(Buffer.from(block));
      block.fill(0);
    }
    expect(Buffer.concat(kept).equals(mergeToBuffer(sources))).toBe(true);
    const memory = [...merged.blocks()].map((block) => block.buffer);
    expect(new Set(memory).size).toBe(memory.length);
  });

  test("are larger for one longer line", () => {
    const value = "v".repeat(2 * blockBytes);
    for (const [line, labelled] of [
      [`a{b="${value}"} 1`, `a{podname="p",b="${value}"} 1`],
      [`a{b="${value}\n"} 1`, `a{podname="p",b="${value}\\n"} 1`],
    ]) {
      const body = parseExposition(`x 1\n${line}\ny 1\n# HELP z ${value}\n`);
      const merged = mergeExpositions([{ body, labels: pod("p") }], {
        labelConflict: "rename",
        format: "text",
      });
      const blocks = [...merged.blocks()];
      expect(blocks.some((block) => block.equals(Buffer.from(`${labelled}\n`)))).toBe(true);
      expect(Buffer.concat(blocks).length).toBeLessThanOrEqual(merged.maxBytes);
    }
  });

  test("are no larger than a small answer needs", () => {
    const merged = mergeExpositions([{ body: parseExposition("a 1\n"), labels: pod("p") }], {
      labelConflict: "rename",
      format: "text",
    });
    const [block] = [...merged.blocks()];
    expect(block!.buffer.byteLength).toBeLessThanOrEqual(merged.maxBytes);
    expect(merged.maxBytes).toBeLessThan(160);
  });
});

test("blocks() writes the same into blocks that are given back, and gives none back that was made for a long line", () => {
  const long = `a{b="${"x".repeat(600_000)}"} 1\n`;
  const lines = Array.from({ length: 20_000 }, (_, index) => `c{n="${index}"} ${index}\n`).join("");
  const body = parseExposition(long + lines);
  const merged = () =>
    mergeExpositions([{ body, labels: [{ name: "podname", value: "p" }] }], {
      labelConflict: "rename",
      format: "text",
    });
  const expected = Buffer.concat([...merged().blocks()]);

  const source = merged().blocks();
  const taken: Buffer[] = [];
  const memories = new Set<ArrayBufferLike>();
  for (let step = source.next(); step.done !== true;) {
    taken.push(Buffer.from(step.value));
    if (taken.length > 2) memories.add(step.value.buffer);
    step.value.fill(0x23);
    step = source.next(step.value);
  }
  expect(Buffer.compare(Buffer.concat(taken), expected)).toBe(0);
  expect(memories.size).toBe(1);
  for (const memory of memories) expect(memory.byteLength).toBeLessThanOrEqual(256 * 1024);
});

test("blocks() keeps the order of bodies where each has families of its own", () => {
  const texts = ["x 1\nonly_a 1\ny 1\nz 1\n", "z 2\nonly_b 2\nx 2\n", "y 3\nx 3\nonly_c 3\n"];
  const sources = texts.map((text, index) => ({
    body: parseExposition(text),
    labels: [{ name: "pod", value: String(index) }],
  }));
  const text = Buffer.concat([
    ...mergeExpositions(sources, { labelConflict: "rename", format: "text" }).blocks(),
  ]).toString();
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  expect(samples).toEqual([
    'x{pod="0"} 1',
    'x{pod="1"} 2',
    'x{pod="2"} 3',
    'only_a{pod="0"} 1',
    'y{pod="0"} 1',
    'y{pod="2"} 3',
    'z{pod="0"} 1',
    'z{pod="1"} 2',
    'only_b{pod="1"} 2',
    'only_c{pod="2"} 3',
  ]);
});
