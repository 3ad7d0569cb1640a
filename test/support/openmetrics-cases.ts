/**
 * Bodies in OpenMetrics that break naive parsers and mergers, and what a real Prometheus 3.5 does with each when it scrapes
 * it alone. test/e2e/openmetrics.test.ts holds the table against Prometheus: a verdict that is wrong here fails there.
 */
import { createdCases } from "./openmetrics/created-cases.ts";
import { exemplarCases } from "./openmetrics/exemplar-cases.ts";
import { familyCases } from "./openmetrics/family-cases.ts";
import { labelCases } from "./openmetrics/label-cases.ts";
import { lineCases } from "./openmetrics/line-cases.ts";
import type { OpenMetricsCase } from "./openmetrics/openmetrics-case.ts";
import { valueCases } from "./openmetrics/value-cases.ts";

export const openMetricsCases: readonly OpenMetricsCase[] = [
  ...lineCases,
  ...labelCases,
  ...valueCases,
  ...exemplarCases,
  ...familyCases,
  ...createdCases,
];
