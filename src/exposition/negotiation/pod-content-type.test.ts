import { describe, expect, test } from "vitest";
import { type ClaimedFormat, fallbackFormat, readContentType } from "./pod-content-type.ts";

const text: ClaimedFormat = { format: "text" };
const openMetrics = (openMetricsVersion: "0.0.1" | "1.0.0"): ClaimedFormat => ({
  format: "openmetrics",
  openMetricsVersion,
});

describe("readContentType()", () => {
  const check = (header: string | undefined, expected: ClaimedFormat | "fallback" | "protobuf") => {
    test(`takes ${JSON.stringify(header)} as ${typeof expected === "string" ? expected : expected.format}`, () => {
      for (const fallback of [text, openMetrics("1.0.0"), undefined]) {
        const ifFallback = fallback ?? "foreign";
        expect(readContentType(header, fallback)).toEqual(expected === "fallback" ? ifFallback : expected);
      }
    });
  };

  check("text/plain", text);
  check("text/plain; version=0.0.4; charset=utf-8", text);
  check("text/plain; charset=UTF-8", text);
  check("text/plain; version=1.0.0; escaping=allow-utf-8", text);
  check("text/plain; version=7", text);
  check('text/plain; x="application/openmetrics-text"', text);
  check("application/openmetrics-text", openMetrics("0.0.1"));
  check("application/openmetrics-text; version=0.0.1; charset=utf-8", openMetrics("0.0.1"));
  check("application/openmetrics-text; version=1.0.0; charset=utf-8", openMetrics("1.0.0"));
  check('Application/OpenMetrics-Text;version="1.0.0"', openMetrics("1.0.0"));
  check("  application/openmetrics-text  ; x=y", openMetrics("0.0.1"));
  check("application/openmetrics-text; version=2.0.0", openMetrics("0.0.1"));
  check(
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    "protobuf",
  );
  check("application/x-protobuf", "protobuf");
  // Missing, foreign, malformed.
  check(undefined, "fallback");
  check("", "fallback");
  check("text/html", "fallback");
  check("application/json", "fallback");
  check("nonsense", "fallback");
  check("text/plain; charset=UTF-8; charset=utf-8", "fallback");
  check("application/openmetrics-text; version=1.0.0; version=1.0.0", "fallback");
});

test("fallbackFormat() knows the protocols of Prometheus", () => {
  expect(fallbackFormat("PrometheusText0.0.4")).toEqual(text);
  expect(fallbackFormat("PrometheusText1.0.0")).toEqual(text);
  expect(fallbackFormat("OpenMetricsText0.0.1")).toEqual(openMetrics("0.0.1"));
  expect(fallbackFormat("OpenMetricsText1.0.0")).toEqual(openMetrics("1.0.0"));
  expect(fallbackFormat("")).toBeUndefined();
});
