/** Both mergers against answers written by hand, one for each rule of a merge from OpenMetrics down to text. */
import { describe, expect, test } from "vitest";
import { mergeShort, toLines } from "./support/merge-shorthand.ts";

const check = (what: string, bodies: string[], answer: string) => {
  test(what, () => {
    expect(mergeShort("text", bodies)).toBe(toLines(answer));
  });
};

describe("merging OpenMetrics down to text", () => {
  check(
    "gives counters their _total",
    ["b 1;# HELP a h;# TYPE a counter;a_total 1", "text:# TYPE a_total counter;a_total 2"],
    "# TYPE b untyped;b 1;# HELP a_total h;# TYPE a_total counter;a_total 1;a_total 2",
  );
  check(
    "lets counters keep their _total",
    ["# TYPE a_total counter;a_total 1"],
    "# TYPE a_total counter;a_total 1",
  );
  check(
    "gives a second _total where the samples have it",
    ["# TYPE a_total counter;a_total_total 1"],
    "# TYPE a_total_total counter;a_total_total 1",
  );
  check(
    "leaves samples of a counter's name behind it",
    ["# TYPE a counter;a 1;b 1;a_total 1"],
    "# TYPE a_total counter;a_total 1;# TYPE a untyped;a 1;# TYPE b untyped;b 1",
  );
  check(
    "makes info a gauge",
    ["# HELP a h;# TYPE a info;a_info 1"],
    "# HELP a_info h;# TYPE a_info gauge;a_info 1",
  );
  check("makes stateset a gauge", ['# TYPE a stateset;a{a="x"} 1'], '# TYPE a gauge;a{a="x"} 1');
  check("makes unknown untyped", ["# TYPE a unknown;a 1"], "# TYPE a untyped;a 1");
  check(
    "makes gaugehistogram a histogram and two gauges",
    ['# HELP a h;# TYPE a gaugehistogram;a_bucket{le="+Inf"} 1;a_gcount 1;a_gsum 1'],
    '# HELP a h;# TYPE a histogram;a_bucket{le="+Inf"} 1;# HELP a_gcount h;# TYPE a_gcount gauge;a_gcount 1;# HELP a_gsum h;# TYPE a_gsum gauge;a_gsum 1',
  );
  for (const [type, part] of [
    ["counter", "_total"],
    ["histogram", "_count"],
    ["summary", "_count"],
  ] as const) {
    const family = `a${type === "counter" ? "_total" : ""}`;
    check(
      `makes _created of ${type} a gauge`,
      [`# HELP a h;# TYPE a ${type};a${part} 1;a_created 2`],
      `# HELP ${family} h;# TYPE ${family} ${type};a${part} 1;# HELP a_created h;# TYPE a_created gauge;a_created 2`,
    );
  }
  check(
    "also where a counter is named as its samples",
    ["# TYPE a_total counter;a_created 2"],
    "# TYPE a_total counter;# TYPE a_created gauge;a_created 2",
  );
  check(
    "leaves _created its own TYPE and HELP",
    [
      "# TYPE a counter;# HELP a h;a_created 1;# TYPE a_created info;b_created 1;# HELP b_created own;# TYPE b summary;# HELP b h",
    ],
    "# HELP a_total h;# TYPE a_total counter;# TYPE a_created_info gauge;# TYPE a_created untyped;a_created 1;# HELP b_created own;# TYPE b_created gauge;b_created 1;# HELP b h;# TYPE b summary",
  );
  check("drops UNIT, and a name that has nothing else", ["# UNIT a_s s;b 1"], "# TYPE b untyped;b 1");
  check(
    "translates each type of a name by itself",
    ["# TYPE a gauge;# TYPE a counter;# HELP a h;a 1"],
    "# HELP a_total h;# TYPE a_total counter;# HELP a h;# TYPE a gauge;a 1",
  );
  check(
    "dissolves as text does",
    ["# TYPE a counter;a_total 1", "text:# TYPE a_total gauge;a_total 2"],
    "# TYPE a_total untyped;a_total 1;a_total 2",
  );
  check("does not miss an le", ["text:# TYPE a histogram;a_bucket 1"], "# TYPE a histogram;a_bucket 1");
  check(
    "also in bodies of OpenMetrics",
    ["text:# TYPE a histogram;# TYPE b summary;b 1", "a_bucket 1;b 1"],
    "# TYPE a histogram;a_bucket 1;# TYPE b summary;b 1;b 1",
  );
  check(
    "takes a bound that is no number for odd in every part",
    ['# TYPE a summary;a_sum{quantile="x"} 1'],
    '# TYPE a_sum untyped;a_sum{quantile="x"} 1',
  );
  check(
    "turns the escapes of HELP",
    ['# HELP a \\"\\\\"\\n\\z\\\\\\";a 1'],
    '# HELP a "\\\\"\\n\\\\z\\\\";# TYPE a untyped;a 1',
  );
  check("drops exemplars", ["a 1 # {} 1"], "# TYPE a untyped;a{} 1");
  check("doubles undefined escapes", ['a{b="\\z"} 1'], '# TYPE a untyped;a{b="\\\\z"} 1');
  check("keeps the bytes of what text has too", ['a{b="c"} 0042'], '# TYPE a untyped;a{b="c"} 0042');
  check("writes a line with a trailing comma anew", ['a{b="c",} 0042'], '# TYPE a untyped;a{b="c"} 0042');
  for (const [seconds, milliseconds] of [
    ["1", "1000"],
    ["1.0009", "1000"],
    ["-0.0001", "0"],
    ["1e3", "1000000"],
    ["9223372036854774", "9223372036854773760"],
  ] as const)
    check(`writes the time ${seconds}`, [`a 1 ${seconds} # {} 1`], `# TYPE a untyped;a{} 1 ${milliseconds}`);
  for (const seconds of ["-1", "-0.001", "9223372036854776", "1e300"])
    check(`leaves out samples of the time ${seconds}`, [`a 1 ${seconds};a 2`], "# TYPE a untyped;a 2");
});
