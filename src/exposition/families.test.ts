import { describe, expect, test } from "vitest";
import { parseExposition } from "../../test/support/parse-exposition.ts";
import { resolveFamilies } from "./families.ts";

/** Each family as `name type "help"`, then the sample names that belong to it; then what was dissolved. */
function resolve(bodies: readonly string[]): { families: string[]; conflicts: readonly string[] } {
  const tables = bodies.map((body) => parseExposition(body).table);
  const { families, familyOfName, conflicts } = resolveFamilies(tables, {
    format: "text",
    addedLabels: new Set(),
  });
  const members = families.map(() => new Set<string>());
  for (const [index, table] of tables.entries()) {
    for (const [id, name] of table.names.entries()) {
      if (name.sampled) members[familyOfName[index]![id]!]!.add(name.text);
    }
  }
  return {
    families: families.map(({ name, type, help }, index) =>
      [name, type, ...(help === undefined ? [] : [`"${help.toString()}"`]), ":", ...members[index]!].join(
        " ",
      ),
    ),
    conflicts,
  };
}

const check = (what: string, bodies: string[], families: string[], conflicts: string[] = []) => {
  test(what, () => {
    expect(resolve(bodies)).toEqual({ families, conflicts });
  });
};

const histogram = '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n';
const summary = '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 1\ns_count 1\n';

describe("resolveFamilies()", () => {
  check("has nothing of nothing", [], []);
  check("has nothing of empty bodies", ["", "# x\n"], []);
  check("takes samples without metadata as untyped", ["a 1\nb 2\n"], ["a untyped : a", "b untyped : b"]);
  check("keeps TYPE and HELP", ["# HELP a x y\n# TYPE a counter\na 1\n"], ['a counter "x y" : a']);
  check("keeps a HELP without text", ["# HELP a\na 1\n"], ['a untyped "" : a']);
  check(
    "keeps families without samples",
    ["# TYPE a counter\n# HELP b x\n"],
    ["a counter :", 'b untyped "x" :'],
  );
  check("joins the parts of a histogram", [histogram], ["h histogram : h_bucket h_sum h_count"]);
  check("joins the parts of a summary", [summary], ["s summary : s s_sum s_count"]);
  check("joins what stood apart", ["a 1\nb 1\na 2\n# TYPE b gauge\n"], ["a untyped : a", "b gauge : b"]);
  check("takes names with and without quotes as one", ['# TYPE "a" gauge\n{"a"} 1\na 2\n'], ["a gauge : a"]);

  describe("in the order in which names stand first", () => {
    check("in one body", ["b 1\na 1\n# TYPE c gauge\n"], ["b untyped : b", "a untyped : a", "c gauge :"]);
    check("in all bodies", ["b 1\na 1\n", "c 1\na 1\n"], ["b untyped : b", "a untyped : a", "c untyped : c"]);
    check(
      "also where a part stands before its family",
      ["h_count 1\nz 1\n", histogram],
      ["h histogram : h_count h_bucket h_sum", "z untyped : z"],
    );
  });

  describe("over several bodies", () => {
    check("one family for all", ["# TYPE a gauge\na 1\n", "# TYPE a gauge\na 2\n"], ["a gauge : a"]);
    check("the TYPE of one holds for those without", ["a 1\n", "# TYPE a gauge\n", "a 2\n"], ["a gauge : a"]);
    check("the first HELP wins", ["a 1\n", "# HELP a x\na 1\n", "# HELP a y\na 1\n"], ['a untyped "x" : a']);
    check(
      "histograms in parts",
      ["h_sum 1\n", "# TYPE h histogram\nh_count 1\n", 'h_bucket{le="1"} 1\n'],
      ["h histogram : h_sum h_count h_bucket"],
    );
    check(
      "names in another order",
      ["# TYPE a gauge\na 1\nb 1\nc 1\n", "c 1\nb 1\n# TYPE a gauge\na 1\n", "b 1\n"],
      ["a gauge : a", "b untyped : b", "c untyped : c"],
    );
  });

  describe("dissolves", () => {
    check("two TYPEs in one body", ["# TYPE a gauge\n# TYPE a counter\na 1\n"], ["a untyped : a"], ["a"]);
    check(
      "two TYPEs in two bodies",
      ["# TYPE a gauge\na 1\n", "# TYPE a counter\na 1\n"],
      ["a untyped : a"],
      ["a"],
    );
    check(
      "untyped against another TYPE",
      ["# TYPE a untyped\na 1\n", "# TYPE a gauge\n"],
      ["a untyped : a"],
      ["a"],
    );
    check(
      "a histogram that is a gauge elsewhere",
      [histogram, "# TYPE h gauge\nh 1\n"],
      ["h untyped : h", "h_bucket untyped : h_bucket", "h_sum untyped : h_sum", "h_count untyped : h_count"],
      ["h"],
    );
    check(
      "a histogram that is a summary elsewhere, with its HELP for every part",
      [`# HELP h text\n${histogram}`, "# TYPE h summary\nh_sum 1\n"],
      [
        'h_bucket untyped "text" : h_bucket',
        'h_sum untyped "text" : h_sum',
        'h_count untyped "text" : h_count',
      ],
      ["h"],
    );
    check(
      "a histogram with a sample of its bare name",
      [`${histogram}h 1\n`],
      ["h untyped : h", "h_bucket untyped : h_bucket", "h_sum untyped : h_sum", "h_count untyped : h_count"],
      ["h"],
    );
    check(
      "a histogram with a bound that is no number, in any pod",
      [histogram, 'h_bucket{le="x"} 1\n'],
      ["h_bucket untyped : h_bucket", "h_sum untyped : h_sum", "h_count untyped : h_count"],
      ["h"],
    );
    check(
      "a histogram with such a bound on its count",
      ['# TYPE h histogram\nh_count{le="x"} 1\n'],
      ["h_count untyped : h_count"],
      ["h"],
    );
    check(
      "a summary with a quantile that is no number",
      ['# TYPE s summary\ns{quantile="x"} 1\ns_sum 1\n'],
      ["s untyped : s", "s_sum untyped : s_sum"],
      ["s"],
    );
    check(
      "a summary with such a quantile on its sum",
      ['# TYPE s summary\ns{quantile="1"} 1\ns_sum{quantile=""} 1\n'],
      ["s untyped : s", "s_sum untyped : s_sum"],
      ["s"],
    );
    check(
      "a histogram of which a part has a TYPE of its own",
      [histogram, "# TYPE h_count counter\nh_count 1\n"],
      ["h_bucket untyped : h_bucket", "h_sum untyped : h_sum", "h_count counter : h_count"],
      ["h"],
    );
    check(
      "a summary of which a part is a summary",
      ["# TYPE s summary\ns_sum 1\n# TYPE s_sum summary\ns_sum_count 1\n"],
      ["s_sum summary : s_sum s_sum_count"],
      ["s"],
    );
    check(
      "with its HELP for a part that is a family of its own, wherever that stands first",
      ["# HELP x text\n# TYPE x summary\nx_sum_count 1\n# TYPE x_sum summary\nx_sum 1\n"],
      ['x_sum summary "text" : x_sum_count x_sum'],
      ["x"],
    );
    check("a family without samples into nothing", ["# TYPE a gauge\n", "# TYPE a counter\n"], [], ["a"]);
  });

  describe("does not dissolve", () => {
    check("a family with the same TYPE twice", ["# TYPE a gauge\n# TYPE a gauge\na 1\n"], ["a gauge : a"]);
    check(
      "a summary because of le, or a histogram because of quantile",
      ['# TYPE s summary\ns{le="x"} 1\n# TYPE h histogram\nh_sum{quantile="x"} 1\n'],
      ["s summary : s", "h histogram : h_sum"],
    );
    check(
      "an untyped family or a gauge because of le and quantile",
      ['a{le="x",quantile="y"} 1\n# TYPE b gauge\nb{le="x",quantile="y"} 1\n'],
      ["a untyped : a", "b gauge : b"],
    );
  });

  describe("leaves suffixes alone", () => {
    check(
      "that do not belong to a histogram or summary",
      ["# TYPE a gauge\na 1\na_count 1\na_sum 1\na_bucket 1\n"],
      ["a gauge : a", "a_count untyped : a_count", "a_sum untyped : a_sum", "a_bucket untyped : a_bucket"],
    );
    check(
      "that are not the summary's",
      ["# TYPE s summary\ns_bucket 1\ns_sum 1\n"],
      ["s summary : s_sum", "s_bucket untyped : s_bucket"],
    );
    check("of nothing", ["_count 1\n_sum 1\n"], ["_count untyped : _count", "_sum untyped : _sum"]);
    check(
      "of a total",
      ["# TYPE r counter\nr_total 1\n# TYPE r_total counter\n"],
      ["r counter :", "r_total counter : r_total"],
    );
  });

  test("drops the HELP of a part of a family", () => {
    expect(resolve([`# HELP h_count own\n# HELP h all\n${histogram}`])).toEqual({
      families: ['h histogram "all" : h_count h_bucket h_sum'],
      conflicts: [],
    });
    expect(resolve(["# HELP h_sum own\n# TYPE h histogram\nh_count 1\n"]).families).toEqual([
      "h histogram : h_count",
    ]);
  });
});
