/** Both mergers against answers written by hand, one for each rule of a merge from OpenMetrics to OpenMetrics. */
import { describe, expect, test } from "vitest";
import { mergeBoth, mergeShort, shorthandOptions, toLines } from "./support/merge-shorthand.ts";
import type { ReferenceOptions } from "./support/reference-merger.ts";
import type { ReferenceFormat } from "./support/reference-sample.ts";

const check = (what: string, bodies: string[], answer: string) => {
  test(what, () => {
    expect(mergeShort("openmetrics", bodies)).toBe(`${answer === "" ? "" : toLines(answer)}# EOF\n`);
  });
};

describe("merging OpenMetrics", () => {
  check("has nothing of nothing", [], "");
  check(
    "joins families over bodies",
    ["# TYPE a gauge;a 1;b 1", "b 2;a 2"],
    "# TYPE a gauge;a 1;a 2;# TYPE b unknown;b 1;b 2",
  );

  describe("takes _total off a counter's name", () => {
    check(
      "with HELP and UNIT, in its place",
      ["b 1;# HELP a_s_total h;# TYPE a_s_total counter;a_s_total 1;c 1;# UNIT a_s_total total"],
      "# TYPE b unknown;b 1;# HELP a_s h;# TYPE a_s counter;a_s_total 1;# TYPE c unknown;c 1",
    );
    check(
      "not where its samples have _total twice",
      ["# TYPE a_total counter;a_total_total 1"],
      "# TYPE a_total counter;a_total_total 1",
    );
    check(
      "in one body and not in another",
      ["# TYPE a_total counter;a_total 1", "# TYPE a counter;a_total 2"],
      "# TYPE a counter;a_total 1;a_total 2",
    );
    check("not where nothing would be left", ["# TYPE _total counter"], "# TYPE _total counter");
    check("not of other types", ["# TYPE a_total gauge;a_total 1"], "# TYPE a_total gauge;a_total 1");
    check(
      "with all types of the name",
      ["# TYPE a_total counter;# TYPE a_total gauge;a_total 1"],
      "# TYPE a_total unknown;a_total 1",
    );
  });

  describe("knows the parts of", () => {
    for (const family of [
      "# TYPE a counter;a_total 1;a_created 1",
      '# TYPE a summary;a{quantile="0"} 1;a_count 1;a_sum 1;a_created 1',
      '# TYPE a histogram;a_bucket{le="1"} 1;a_bucket{le="+Inf"} 1;a_count 1;a_sum 1;a_created 1',
      '# TYPE a gaugehistogram;a_bucket{le="+Inf"} 1;a_gcount 1;a_gsum 1',
      "# TYPE a info;a_info 1",
      '# TYPE a stateset;a{a="on"} 1;a{a="off"} 0',
    ])
      check(family.split(";")[0]!, [family], family);
    check(
      "a gauge: none",
      ["# TYPE a gauge;a_created 1;a 1"],
      "# TYPE a gauge;a 1;# TYPE a_created unknown;a_created 1",
    );
    check(
      "a family whose part stands first",
      ["a_total 1;b 1;# TYPE a counter"],
      "# TYPE a counter;a_total 1;# TYPE b unknown;b 1",
    );
  });

  describe("writes HELP", () => {
    check(
      "of the first body that has one, as it is",
      ["a 1", '# HELP a \\"x\\z;a 2', "# HELP a y"],
      '# HELP a \\"x\\z;# TYPE a unknown;a 1;a 2',
    );
    check("not when empty", ["# HELP a ;a 1", "# HELP a x"], "# TYPE a unknown;a 1");
    check("once, the last of a body", ["# HELP a x;# HELP a y"], "# HELP a y;# TYPE a unknown");
    check("not of parts", ["# HELP a_total x;# TYPE a counter"], "# TYPE a counter");
  });

  describe("writes UNIT", () => {
    check("behind TYPE", ["# UNIT a_s s;a_s 1"], "# TYPE a_s unknown;# UNIT a_s s;a_s 1");
    check(
      "when others have none or an empty one",
      ["a_s 1", "# UNIT a_s ", "# UNIT a_s s"],
      "# TYPE a_s unknown;# UNIT a_s s;a_s 1",
    );
    check(
      "not when bodies disagree",
      ["# UNIT a_b_s s;a_b_s 1", "# UNIT a_b_s b_s"],
      "# TYPE a_b_s unknown;a_b_s 1",
    );
    check("not alone", ["# UNIT a_s s"], "");
    check(
      "the last of a body",
      ["# UNIT a_b_s s;# UNIT a_b_s b_s;# TYPE a_b_s gauge"],
      "# TYPE a_b_s gauge;# UNIT a_b_s b_s",
    );
    check("not of info", ["# TYPE a_s info;# UNIT a_s s"], "# TYPE a_s info");
    check("not of stateset", ["# TYPE a_s stateset;# UNIT a_s s"], "# TYPE a_s stateset");
    check("not of what was dissolved", ["# TYPE a_s counter;# UNIT a_s s;a_s 1"], "# TYPE a_s unknown;a_s 1");
    check(
      "not where escapes would part it from the name",
      ['# UNIT "a_\\z" \\z;# TYPE "a_\\z" unknown'],
      '# TYPE "a_\\\\z" unknown',
    );
  });

  describe("dissolves", () => {
    check(
      "a family of two types; the parts take its HELP",
      ["# HELP a h;# TYPE a counter;a_total 1", "# TYPE a gauge;a 1;a_gsum 1"],
      "# HELP a h;# TYPE a unknown;a 1;# HELP a_total h;# TYPE a_total unknown;a_total 1;# HELP a_gsum h;# TYPE a_gsum unknown;a_gsum 1",
    );
    check(
      "a family with a part that has a type",
      ["# TYPE a summary;a_sum 1;# TYPE a_sum gauge;a_count 1"],
      "# TYPE a_sum gauge;a_sum 1;# TYPE a_count unknown;a_count 1",
    );
    for (const type of ["counter", "histogram", "gaugehistogram", "info"])
      check(`a ${type} with samples of its name`, [`# TYPE a ${type};a 1`], "# TYPE a unknown;a 1");
    for (const type of ["histogram", "gaugehistogram"]) {
      for (const bound of [
        "",
        'le=""',
        'le="x"',
        'le="NaN"',
        'le="Inf"',
        'le="-Inf"',
        'le="inf"',
        'le="0x1"',
        'le="1_0"',
        'le="1e999"',
      ])
        check(
          `a ${type} with {${bound}}`,
          [`# TYPE a ${type};a_bucket{${bound}} 1`],
          `# TYPE a_bucket unknown;a_bucket{${bound}} 1`,
        );
    }
    for (const quantile of [
      "",
      'quantile="x"',
      'quantile="NaN"',
      'quantile="1.1"',
      'quantile="-1"',
      'quantile="+Inf"',
    ])
      check(
        `a summary with {${quantile}}`,
        [`# TYPE a summary;a{${quantile}} 1`],
        `# TYPE a unknown;a{${quantile}} 1`,
      );
    check(
      "a stateset without its label",
      ['# TYPE a stateset;a{a="x"} 1;a{b="x"} 1'],
      '# TYPE a unknown;a{a="x"} 1;a{b="x"} 1',
    );
    test("a stateset whose label is one of ours", () => {
      const body = '# TYPE podname stateset\npodname{podname="x"} 1\n# EOF\n';
      const source = { body, format: "openmetrics" as const, labels: [{ name: "podname", value: "p" }] };
      const options = { ...shorthandOptions, format: "openmetrics" as const };
      expect(mergeBoth([source], options)).toBe(
        '# TYPE podname unknown\npodname{podname="p",exported_podname="x"} 1\n# EOF\n',
      );
    });
    check(
      "and drops exemplars then",
      ['# TYPE a counter;a 1;a_total{b="\\z"} 1 5 # {} 1'],
      '# TYPE a unknown;a 1;# TYPE a_total unknown;a_total{b="\\\\z"} 1 5',
    );
    check(
      "but not those of a part with a type of its own",
      ["# TYPE a counter;# TYPE a_total gauge;a_total 1 # {} 1"],
      "# TYPE a_total gauge;a_total 1 # {} 1",
    );
  });

  describe("writes a line", () => {
    const podname = { name: "podname", value: "p" };
    const checkLine = (what: string, line: string, answer: string, more: Partial<ReferenceOptions> = {}) => {
      test(what, () => {
        const sources = [{ body: `${line}\n# EOF`, format: "openmetrics" as const, labels: [podname] }];
        const text = mergeBoth(sources, { ...shorthandOptions, ...more, format: "openmetrics" });
        expect(text.replaceAll(/^# .*\n/gm, "")).toBe(`${answer}\n`);
      });
    };
    checkLine("with an exemplar as it is", 'a 1 # {b="\\z"} 1 2', 'a{podname="p"} 1 # {b="\\z"} 1 2');
    checkLine(
      "with a trailing comma of an exemplar anew",
      'a 1 # {b=",}",} 1',
      'a{podname="p"} 1 # {b=",}"} 1',
    );
    checkLine(
      "without the exemplar that Prometheus 2 refuses, and the next one with its own",
      'a_total 1 # {"b"="c"} 1\na_total 2 # {b="c"} 1',
      'a_total{podname="p"} 1\na_total{podname="p"} 2 # {b="c"} 1',
      { utf8Names: false },
    );
    checkLine("with a timestamp as it is", "a{} 0042 1.50", 'a{podname="p"} 0042 1.50');
    checkLine("with undefined escapes as it is", 'a{b="\\z"} 1', 'a{podname="p",b="\\z"} 1');
    checkLine("with a quoted name as it is", '{"a.b",b="c"} 1', '{"a.b",podname="p",b="c"} 1');
    checkLine(
      "with a trailing comma of an exemplar behind any character anew",
      'a 1 # {b="\\\r",c="\\\u2028\\"",} 1',
      'a{podname="p"} 1 # {b="\\\r",c="\\\u2028\\""} 1',
    );
    checkLine("with a trailing comma anew", 'a{b="\\z",} 1 2 # {} 3', 'a{podname="p",b="\\\\z"} 1 2 # {} 3');
    checkLine("with a late name anew", '{b="c","a.b"} 1', '{"a.b",podname="p",b="c"} 1');
    checkLine("with a line feed in a name anew", '{"a\n"} 1', '{"a\\n",podname="p"} 1');
    checkLine(
      "with an undefined escape in a label's name anew",
      '{"a","\\z"="1"} 1',
      'a{podname="p","\\\\z"="1"} 1',
    );
    checkLine("with a label of ours anew", 'a{podname="q"} 1', 'a{podname="p",exported_podname="q"} 1');
    checkLine("with needless quotes as it is", '{"a","b"="c"} 1', '{"a",podname="p","b"="c"} 1');
    checkLine("without these where quotes are not wanted", '{"a","b"="c"} 1', 'a{podname="p",b="c"} 1', {
      utf8Names: false,
    });
  });

  describe("leaves out families that are not wanted", () => {
    const only = (pattern: RegExp) => (names: readonly string[]) => names.some((name) => pattern.test(name));
    const without = (pattern: RegExp) => (names: readonly string[]) => !only(pattern)(names);
    const filter = (
      format: ReferenceFormat,
      keepFamily: (names: readonly string[]) => boolean,
      body: string,
    ) =>
      mergeShort(format, [body], { keepFamily })
        .replaceAll(/^# .*\n/gm, "")
        .replaceAll("\n", ";");
    const body = "# TYPE a counter;a_total 1;# TYPE b info;b_info 1;c 1;# TYPE d counter";

    test.each(["openmetrics", "text"] as const)("by any of their names, in %s", (format) => {
      expect(filter(format, only(/^a_total$|^b_info$/), body)).toBe("a_total 1;b_info 1;");
      expect(filter(format, only(/^[abc]$/), body)).toBe("a_total 1;b_info 1;c 1;");
      expect(filter(format, without(/^a_total$|^b_info$/), body)).toBe("c 1;");
      expect(filter(format, without(/^[ab]$/), body)).toBe("c 1;");
    });

    test.each(["openmetrics", "text"] as const)("with what is left of dissolved ones, in %s", (format) => {
      const dissolved = '# TYPE h histogram;# TYPE h gauge;h_bucket{le="+Inf"} 1;h_sum 1;h_other 2';
      expect(filter(format, only(/^h$/), dissolved)).toBe('h_bucket{le="+Inf"} 1;h_sum 1;');
      expect(filter(format, without(/^h$/), dissolved)).toBe("h_other 2;");
      expect(filter(format, only(/^h_sum$/), dissolved)).toBe("h_sum 1;");
    });
  });

  test("takes no text", () => {
    expect(() => mergeShort("openmetrics", ["text:a 1"])).toThrow("Cannot merge text into OpenMetrics");
  });
});
