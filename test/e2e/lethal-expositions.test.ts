/**
 * Bodies of one pod that end the whole process of Prometheus 3.5, which is why they are never scraped beside others and
 * never merged. This is the proof that they do.
 */
import { describe, expect, test } from "vitest";
import { CasePods } from "../support/case-pods.ts";
import { bodyOf } from "../support/exposition-case.ts";
import { expositionCases } from "../support/exposition-cases.ts";
import { openMetricsCases } from "../support/openmetrics-cases.ts";
import { startPrometheus } from "../support/prometheus-server.ts";

const openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

describe("bodies that end the process of Prometheus 3.5", () => {
  const words = [openMetricsCases, expositionCases].flatMap((table) => {
    const contentType = table === openMetricsCases ? openMetricsType : "text/plain; version=0.0.4";
    return table.flatMap((one) =>
      one.endsPrometheus ? { name: one.name, body: bodyOf(one, Date.now()), contentType, flags: [] } : [],
    );
  });
  /** In the answer the name stands first, and each family has its own TYPE. */
  const names = [
    ["quoted name behind a label", '# TYPE "c.d" counter\n{a="b","c.d_total"} 1\n# EOF\n'],
    ["name much shorter than that of the TYPE before", `# TYPE ${"a".repeat(9000)} counter\nx 1\n# EOF\n`],
  ].map(([name, body]) => ({
    name: `${name}, with created timestamps`,
    body: Buffer.from(body!),
    contentType: openMetricsType,
    flags: [`--enable-feature=created-timestamp-zero-ingestion`],
  }));

  test.each([...words, ...names])("$contentType: $name", { concurrent: true }, async (one) => {
    await using lethal = await CasePods.start([one], { body: Buffer.from("") });
    await using server = await startPrometheus({
      version: "3.5",
      flags: one.flags,
      config: {
        global: { scrape_interval: "1s", scrape_protocols: ["OpenMetricsText1.0.0"] },
        scrape_configs: [{ job_name: "lethal", static_configs: [{ targets: [lethal.pods[0]!.address] }] }],
      },
    });
    const isGone = () =>
      server.targets().then(
        () => false,
        () => true,
      );
    await server.waitFor("its end", isGone, 20_000);
    expect(server.logs).toContain("slice bounds out of range");
  });
});
