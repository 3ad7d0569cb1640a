import { describe, expect, test } from "vitest";
import { isFloat, isInt64, skipFloat } from "./float.ts";

describe("isFloat()", () => {
  const check = (text: string, expected: boolean) => {
    const shown = text.length > 40 ? `${text.slice(0, 20)}… (${text.length})` : text;
    test(`answers ${expected} to ${JSON.stringify(shown)}`, () => {
      const bytes = Buffer.from(`"${text}"`, "latin1");
      expect(isFloat(bytes, 1, bytes.length - 1)).toBe(expected);
    });
  };

  check("0", true);
  check("1", true);
  check("-1", true);
  check("+1", true);
  check("0042", true);
  check("1.", true);
  check(".5", true);
  check("-.5", true);
  check("1.5", true);
  check("1e5", true);
  check("1E+05", true);
  check("1e-5", true);
  check(".5e1", true);
  check("1.e1", true);
  check("18446744073709551615", true);
  check("7.424100000000001e-05", true);
  check("", false);
  check(".", false);
  check("+", false);
  check("-.", false);
  check("e5", false);
  check(".e5", false);
  check("1e", false);
  check("1e+", false);
  check("1.5.2", false);
  check("--1", false);
  check("+-1", false);
  check("1-", false);
  check(" 1", false);
  check("1 ", false);
  check("1,5", false);
  check("1f", false);
  check("1\0", false);

  // Go takes these since 1.13; Prometheus refuses them.
  check("0x1p-3", false);
  check("0X1P-3", false);
  check("0x10", false);
  check("1_000", false);

  check("NaN", true);
  check("nan", true);
  check("nAn", true);
  check("+NaN", false);
  check("-nan", false);
  check("NaNs", false);
  check("na", false);
  check("Inf", true);
  check("+Inf", true);
  check("-inf", true);
  check("INFINITY", true);
  check("-Infinity", true);
  check("infinit", false);
  check("infinityy", false);
  check("in", false);

  check("1.7976931348623157e308", true);
  check("1.7976931348623158e308", true);
  check("1.797693134862315808e308", false);
  check("1e308", true);
  check("1e309", false);
  check("-1e309", false);
  check("1e99999999999999999999", false);
  check("1e-99999999999999999999", true);
  check("0e99999999999999999999", true);
  check("0".repeat(5000), true);
  check(`${"0".repeat(5000)}1`, true);
  check("9".repeat(308), true);
  check("9".repeat(309), false);
  check(`-${"9".repeat(309)}`, false);
  check(`0.${"0".repeat(400)}1`, true);
  check(`${"9".repeat(309)}e-5`, true);
  check(`0.${"0".repeat(400)}1e+700`, true);
  check(`0.${"0".repeat(400)}1e+720`, false);
});

describe("skipFloat()", () => {
  const check = (text: string, start: number, expected: number) => {
    test(`gives ${expected} from byte ${start} of ${JSON.stringify(text)}`, () => {
      const bytes = Buffer.from(text, "latin1");
      expect(skipFloat(bytes, start, bytes.length)).toBe(expected);
    });
  };

  check("1 2", 0, 1);
  check("1 23\n", 2, 4);
  check("a 1e5}", 2, 5);
  check("1", 0, 1);
  check("x", 0, -1);
  check("", 0, -1);
  check("+Inf 1", 0, 4);
  check("infinity1", 0, 8);
  check("nanana", 0, 3);
  check("1e400 ", 0, -1);

  test("does not look past the limit for a word", () => {
    expect(skipFloat(Buffer.from("Infinity"), 0, 3)).toBe(3);
    expect(skipFloat(Buffer.from("NaN"), 0, 2)).toBe(-1);
  });
});

describe("isInt64()", () => {
  const check = (digits: string, expected: boolean) => {
    test(`answers ${expected} to ${digits.length > 40 ? `${digits.length} digits` : digits}`, () => {
      const bytes = Buffer.from(`x${digits}9`);
      expect(isInt64(bytes, 1, 1 + digits.length)).toBe(expected);
    });
  };

  check("0", true);
  check("1395066363000", true);
  check("999999999999999999", true);
  check("9223372036854775807", true);
  check("9223372036854775808", false);
  check("9999999999999999999", false);
  check("10000000000000000000", false);
  check("0009223372036854775807", true);
  check("0009223372036854775808", false);
  check("0".repeat(100), true);
});
