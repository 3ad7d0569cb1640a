// The judges of every merged answer must be able to find something.
import { describe, expect, test } from "vitest";
import { findAnswerProblems } from "../support/answer-problems.ts";

const text = (body: string) => ({ format: "text" as const, text: body });
const openMetrics = (body: string) => ({ format: "openmetrics" as const, text: body });

describe("the judges", () => {
  test.each([
    [
      text('# TYPE a gauge\na{x="1"} 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{x="2"} 1\n'),
      /second block of a/,
    ],
    [text("a 1\n"), /a within/],
    [text('# TYPE a gauge\na{x="1",y="2"} 1\na{y="2",x="1"} 2\n'), /series twice/],
    [text('# TYPE a gauge\na{x="1"y="2"} 1\n'), /only Prometheus takes/],
    [text("# TYPE a gauge\na 1 \n"), /only Prometheus takes/],
    [text('# TYPE h histogram\nh_bucket{le="x"} 1\n'), /^promtool: /],
    [text('# TYPE "a.b" histogram\n{"a.b_bucket",le="x"} 1\n'), /^promtool: /],
    [openMetrics("# TYPE a gauge\na 1\n"), /# EOF/],
    [openMetrics('# TYPE a gauge\na 1 # {b="c"} 1\n# EOF\n'), /^prometheus_client: .*exemplars/],
    [openMetrics('# TYPE "a.b" gauge\n{"a.b"} 1 # {b="c"} 1\n# EOF\n'), /^prometheus_client: .*exemplars/],
    [openMetrics("# TYPE a counter\na_total -1\n# EOF\n"), /^prometheus_client: .*negative/],
  ])("find what is wrong: %o", async (answer, problem) => {
    const problems = await findAnswerProblems([answer, text("# TYPE good gauge\ngood 1\n")]);
    expect(problems).toEqual([expect.stringMatching(problem)]);
  });

  test("find nothing wrong with what is right", async () => {
    const family = `# HELP h x\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`;
    const many = Array.from({ length: 2500 }, (_, index) => `g{i="${index}"} ${index}\n`).join("");
    const utf8 = '# TYPE "h.x" histogram\n{"h.x_bucket",le="+Inf"} 1\n{"h.x_sum"} 1\n{"h.x_count"} 1\n';
    const body = `${family}# TYPE g gauge\n${many}${utf8}`;
    expect(await findAnswerProblems([text(body), openMetrics(`${body}# EOF\n`), text("")])).toEqual([]);
  });
});
