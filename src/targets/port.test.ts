import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { parsePortNumber, parsePortReference, requirePortNumber } from "./port.ts";

/** Texts that are neither a number nor a name. */
const malformed = [
  // URL parts and header lines.
  "1@192.0.2.1:80/x?",
  "9000@192.0.2.1",
  "9000/admin",
  "9000/../admin#",
  "9000?x",
  "9000#",
  "9000;",
  "9000:80",
  ":9000",
  "9000\\x",
  "9000\r\nHost: x",
  "9000\n",
  "9000\u0000",
  "\u00009000",
  "9000%00",
  "%39000",
  // Blanks, signs, zeros, ranges.
  "",
  " ",
  " 9000",
  "9000 ",
  "9000\t",
  "+9000",
  "-9000",
  "-1",
  "0",
  "00",
  "09000",
  "009",
  "65536",
  "74536",
  "99999",
  "100000",
  "4294976296",
  "18446744073709560616",
  "9".repeat(400),
  // Other notations.
  "9000.0",
  "9000.",
  ".9000",
  "9e3",
  "1e4",
  "0x2328",
  "0X2328",
  "0o21450",
  "0b1",
  "9_000",
  "9,000",
  "9000n",
  "2328h",
  // Other scripts.
  "９000",
  "٩٠٠٠",
  "९०००",
  "9000\u200b",
  "\ufeff9000",
  // Lists and things turned into text.
  "9000,9001",
  "9000 9001",
  "[9000]",
  "[object Object]",
  "NaN",
  "Infinity",
  "9000-9001",
];

test("parsePortNumber() takes exactly the decimals from 1 to 65535", () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer({ min: -10, max: 70_000 }), fc.integer()), (number) => {
      const isPort = number >= 1 && number <= 65535;
      expect(parsePortNumber(String(number))).toBe(isPort ? number : undefined);
    }),
  );
  for (const port of [1, 80, 9000, 65535]) expect(parsePortNumber(String(port))).toBe(port);
  for (const text of [...malformed, "http", "null", "undefined"])
    expect(parsePortNumber(text), text).toBeUndefined();
});

test("requirePortNumber() refuses all but numbers", () => {
  expect(requirePortNumber("9000")).toBe(9000);
  for (const text of [...malformed, "http", "metrics"]) {
    expect(() => requirePortNumber(text), text).toThrow(MalformedRequestError);
  }
  expect(() => requirePortNumber(undefined)).toThrow("Cannot read port: target_port is missing");
});

test("parsePortReference() takes numbers and names of container ports", () => {
  const check = (text: string, expected: number | string) => expect(parsePortReference(text)).toBe(expected);
  check("1", 1);
  check("65535", 65535);
  check("metrics", "metrics");
  check("http-metrics", "http-metrics");
  check("a", "a");
  check("p9000", "p9000");
  check("abcdefghijklmno", "abcdefghijklmno");
});

test("parsePortReference() refuses everything else", () => {
  const check = (text: string) =>
    expect(() => parsePortReference(text), JSON.stringify(text)).toThrow(MalformedRequestError);
  for (const text of malformed) check(text);
  check("Metrics");
  check("METRICS");
  check("metrics-");
  check("-metrics");
  check("http--metrics");
  check("http_metrics");
  check("http.metrics");
  check("http metrics");
  check("metrics\n");
  check("metrics,http");
  check("métrics");
  check("8metrics");
  check("abcdefghijklmnop");
  check("__proto__");
});
