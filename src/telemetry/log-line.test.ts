import { expect, test } from "vitest";
import { boundLine, maxLineLength } from "./log-line.ts";

const lineOf = (event: object) => `${JSON.stringify(event)}\n`;

test("boundLine() leaves a line of plain text as it is", () => {
  const line = lineOf({ level: "info", path: "/größe/日本", msg: 'a "b" \\ c' });
  expect(boundLine(line)).toBe(line);
});

test.for([
  ["\u007f", "delete"],
  ["\u0085", "next line"],
  ["\u009b31m", "a control sequence of eight bits"],
  ["\u2028", "line separator"],
  ["\u2029", "paragraph separator"],
  ["\u202e", "right to left"],
  ["\u2066", "an isolate"],
  ["\u200b", "a blank without width"],
  ["\ufeff", "a byte order mark"],
  ["\ue000", "a private character"],
  ["\u{e0041}", "a tag"],
  ["\u001b[31m", "an escape"],
])("boundLine() writes %j as an escape: %s", ([text]) => {
  const line = boundLine(lineOf({ msg: `a${text}b` }));
  expect(line).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(line)).toEqual({ msg: `a${text}b` });
});

test("boundLine() cuts the texts of a line that is too long, and says so", () => {
  const line = boundLine(lineOf({ level: "warn", n: 1, list: ["x".repeat(20_000), null], msg: "m" }));
  expect(JSON.parse(line)).toEqual({
    level: "warn",
    n: 1,
    list: [`${"x".repeat(1000)}...`, null],
    msg: "m",
    shortened: true,
  });
});

test.for<[string, object]>([
  ["many items", { level: "warn", time: "t", list: Array.from({ length: 9000 }, () => "x"), msg: "m" }],
  [
    "many escapes",
    { level: "warn", time: "t", a: Array.from({ length: 9 }, () => "\u202e".repeat(999)), msg: "m" },
  ],
])("boundLine() keeps time, level and message of a line of %s", ([, event]) => {
  expect(JSON.parse(boundLine(lineOf(event)))).toEqual({
    level: "warn",
    time: "t",
    msg: "m",
    shortened: true,
  });
});

test("boundLine() gives no line that is longer than the limit", () => {
  const line = boundLine(
    lineOf({ level: "error", time: "t", a: "\u202e".repeat(99_999), msg: "\u202e".repeat(99_999) }),
  );
  expect(line.length).toBeLessThanOrEqual(maxLineLength);
  expect(line.indexOf("\n")).toBe(line.length - 1);
});
