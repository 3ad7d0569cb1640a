import { expect, test } from "vitest";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { parseFlag, parseScheme } from "./scheme.ts";

test("parseScheme() takes exactly http and https", () => {
  expect(parseScheme(undefined)).toBe(false);
  expect(parseScheme("http")).toBe(false);
  expect(parseScheme("https")).toBe(true);
});

test("parseScheme() refuses every other text", () => {
  const check = (text: string) =>
    expect(() => parseScheme(text), JSON.stringify(text)).toThrow(MalformedRequestError);
  check("");
  check("HTTP");
  check("Https");
  check("http ");
  check(" https");
  check("https\u0000");
  check("https\n");
  check("http:");
  check("https://");
  check("http://192.0.2.1/x?");
  check("http://192.0.2.1:80/x#");
  check("http:\\\\192.0.2.1");
  check("//192.0.2.1");
  check("http,https");
  check("https,http");
  check("httpsx");
  check("xhttp");
  check("h");
  check("h2c");
  check("h2");
  check("ws");
  check("wss");
  check("ftp");
  check("file");
  check("unix");
  check("data");
  check("javascript");
  check("gopher");
  check("true");
  check("1");
  check("ｈttp");
  check("http\u200b");
  check("toString");
  check("__proto__");
});

test("parseFlag() takes exactly true and false", () => {
  expect(parseFlag("ssl", undefined)).toBe(false);
  expect(parseFlag("ssl", "false")).toBe(false);
  expect(parseFlag("ssl", "true")).toBe(true);
});

test("parseFlag() refuses every other text", () => {
  const check = (text: string) =>
    expect(() => parseFlag("ssl", text), JSON.stringify(text)).toThrow(MalformedRequestError);
  check("");
  check("TRUE");
  check("True");
  check("FALSE");
  check("yes");
  check("no");
  check("on");
  check("1");
  check("0");
  check("t");
  check("true ");
  check(" true");
  check("true\n");
  check("true\u0000");
  check("true,false");
  check("truefalse");
  check("null");
  check("undefined");
  check("https");
  expect(() => parseFlag("ssl", "yes")).toThrow(
    'Cannot read parameter "ssl": "yes" is neither "true" nor "false"',
  );
});
