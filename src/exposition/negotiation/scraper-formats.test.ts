import { describe, expect, test } from "vitest";
import { readAccept } from "./scraper-formats.ts";

const om1 = "application/openmetrics-text;version=1.0.0";
const om0 = "application/openmetrics-text;version=0.0.1";
const text0 = "text/plain;version=0.0.4";
const text1 = "text/plain;version=1.0.0";
const protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

/** As Prometheus 3.5 and 2.42 send them. */
const prometheus3 = `${om1};escaping=allow-utf-8;q=0.5,${om0};q=0.4,${text1};escaping=allow-utf-8;q=0.3,${text0};q=0.2,*/*;q=0.1`;
const prometheus2 = `${om1},${om0};q=0.75,${text0};q=0.5,*/*;q=0.1`;

describe("pods are asked for what the scraper takes", () => {
  const check = (accept: string | undefined, expected: string) => {
    test(JSON.stringify(accept), () => {
      expect(readAccept(accept).upstreamAccept).toBe(expected);
    });
  };
  const onlyText = `${text0};q=1,*/*;q=0.1`;

  check(prometheus3, prometheus3);
  check(prometheus2, `${om1};q=1,${om0};q=0.75,${text0};q=0.5,*/*;q=0.1`);
  check(`${protobuf};q=0.6,${prometheus3}`, prometheus3);
  check(`${text0};q=0.2,${om1};q=0.5`, `${om1};q=0.5,${text0};q=0.2,*/*;q=0.1`);
  check(`${om1};escaping=underscores`, `${om1};escaping=underscores;q=1,*/*;q=0.1`);
  check(`${om1};escaping=dots;q=0.125`, `${om1};escaping=dots;q=0.125,*/*;q=0.063`);
  check(`${om1};escaping=nonsense`, `${om1};q=1,*/*;q=0.1`);
  check("application/openmetrics-text", `${om0};q=1,*/*;q=0.1`);
  check("text/plain", onlyText);
  check("text/plain; charset=UTF-8", onlyText);
  check(`${text0};q=0.001`, `${text0};q=0.001,*/*;q=0.001`);
  check(`${om1};q=0,${text0}`, onlyText);
  check(`${om1};q=nonsense,${text0}`, onlyText);
  check(`${om1};q=1.5,${text0}`, onlyText);
  check(`${text0},${text0};q=0.5`, onlyText);
  check("application/openmetrics-text;version=2.0.0", onlyText);
  check("*/*", onlyText);
  check("text/*", onlyText);
  check("text/html", onlyText);
  check(protobuf, onlyText);
  check("nonsense\u00ff;;,,", onlyText);
  check("", onlyText);
  check(undefined, onlyText);
  // Nothing of the header goes to pods but what was understood.
  check(`${text0};evil="x, y";q=0.5, x/y;z=1`, `${text0};q=0.5,*/*;q=0.1`);
});

describe("the answer is called", () => {
  const openMetrics = (
    accept: string,
    versions: ("0.0.1" | "1.0.0")[],
    expected: string,
    utf8Names = false,
  ) => {
    test(`${accept.slice(0, 90)} with pods in ${versions.join(" and ")}`, () => {
      const formats = readAccept(accept);
      expect(formats.takesOpenMetrics({ utf8Names })).toBe(true);
      const answer = { versions, utf8Names };
      expect(formats.contentType("openmetrics", answer)).toBe(`application/openmetrics-text; ${expected}`);
    });
  };
  openMetrics(prometheus3, ["1.0.0"], "version=1.0.0; charset=utf-8; escaping=allow-utf-8");
  openMetrics(prometheus3, ["1.0.0", "0.0.1"], "version=0.0.1; charset=utf-8");
  openMetrics(prometheus2, ["1.0.0"], "version=1.0.0; charset=utf-8; escaping=underscores");
  openMetrics(prometheus2, ["0.0.1"], "version=0.0.1; charset=utf-8");
  openMetrics(om1, ["0.0.1"], "version=1.0.0; charset=utf-8; escaping=underscores");
  openMetrics(om0, ["1.0.0"], "version=0.0.1; charset=utf-8");
  openMetrics(`${om1};escaping=values`, ["1.0.0"], "version=1.0.0; charset=utf-8; escaping=values");
  // Names outside the legacy character set stand in the answer: it must be called what it is.
  const utf8 = "version=1.0.0; charset=utf-8; escaping=allow-utf-8";
  openMetrics(prometheus3, ["1.0.0", "0.0.1"], utf8, true);
  openMetrics(`${om1};escaping=underscores,${om1};escaping=allow-utf-8;q=0.1`, ["1.0.0"], utf8, true);

  test("text where the scraper takes such names in text alone", () => {
    const formats = readAccept(`${om1};escaping=underscores;q=0.9,${text1};escaping=allow-utf-8;q=0.3`);
    expect([false, true].map((utf8Names) => formats.takesOpenMetrics({ utf8Names }))).toEqual([true, false]);
  });

  const text = (accept: string | undefined, expected: string, takesOpenMetrics = false) => {
    test(`${String(accept).slice(0, 90)} in text`, () => {
      const formats = readAccept(accept);
      expect(formats.contentType("text", { versions: [], utf8Names: false })).toBe(`text/plain; ${expected}`);
      expect(formats.takesOpenMetrics({ utf8Names: false })).toBe(takesOpenMetrics);
    });
  };
  text(prometheus3, "version=1.0.0; charset=utf-8; escaping=allow-utf-8", true);
  text(prometheus2, "version=0.0.4; charset=utf-8", true);
  text(`${om1};escaping=allow-utf-8,${text0}`, "version=1.0.0; charset=utf-8; escaping=allow-utf-8", true);
  text(`${text1};q=0.5,${text0};q=0.4`, "version=1.0.0; charset=utf-8; escaping=underscores");
  text(`${text1};q=0.4,${text0};q=0.5`, "version=0.0.4; charset=utf-8");
  text(`${text1};escaping=dots`, "version=1.0.0; charset=utf-8; escaping=dots");
  text("*/*", "version=0.0.4; charset=utf-8");
  text(undefined, "version=0.0.4; charset=utf-8");
});

describe("names outside the legacy character set", () => {
  const check = (accept: string | undefined, expected: boolean) => {
    test(`${expected ? "go" : "do not go"} to ${String(accept).slice(0, 90)}`, () => {
      expect(readAccept(accept).utf8Names).toBe(expected);
    });
  };
  check(prometheus3, true);
  check(`${text1};escaping="allow-utf-8"`, true);
  check(`${text1} ; escaping = allow-utf-8 ; q=0.1`, true);
  check(`${protobuf};escaping=allow-utf-8,${text0}`, false);
  check(`${text1};escaping=allow-utf-8;q=0`, false);
  check(`${text1};escaping=allow-utf-8x`, false);
  check(`${text0};x="; escaping=allow-utf-8"`, false);
  check(prometheus2, false);
  check("*/*", false);
  check(undefined, false);
});
