import { describe, expect, test } from "vitest";
import { classifyContentType } from "./content-type.ts";

describe("classifyContentType()", () => {
  const check = (header: string | undefined, expected: "text" | "other") => {
    test(`takes ${JSON.stringify(header)} as ${expected}`, () => {
      expect(classifyContentType(header)).toBe(expected);
    });
  };

  check(undefined, "text");
  check("", "text");
  check("text/plain", "text");
  check("text/plain; version=0.0.4; charset=utf-8", "text");
  check("text/plain; charset=UTF-8", "text");
  check("text/plain; version=1.0.0; escaping=allow-utf-8", "text");
  check("text/html", "text");
  check("application/json", "text");
  check("nonsense", "text");
  check("text/plain; x=application/openmetrics-text", "text");
  check("application/openmetrics-text", "other");
  check("application/openmetrics-text; version=1.0.0; charset=utf-8", "other");
  check("Application/OpenMetrics-Text;version=0.0.1", "other");
  check("  application/openmetrics-text  ; x", "other");
  check(
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    "other",
  );
  check("application/x-protobuf", "other");
});
