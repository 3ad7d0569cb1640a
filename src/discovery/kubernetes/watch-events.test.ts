import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventLines, maxEventBytes, parseEvent } from "./watch-events.ts";

describe("EventLines", () => {
  test("gives the same lines however the bytes are cut, characters included", () => {
    const line = fc.string({ unit: "binary" }).map((text) => text.replaceAll("\n", "\u2028\r"));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(200)), (texts, cuts) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
        const lines = new EventLines();
        const found: string[] = [];
        let from = 0;
        for (const length of [...cuts, bytes.length]) {
          found.push(...lines.push(bytes.subarray(from, from + length)));
          from += length;
        }
        // Lone surrogates become U+FFFD when the text is encoded.
        const sent = texts.map((text) => Buffer.from(text).toString()).filter((text) => text !== "");
        expect(found).toEqual(sent);
      }),
    );
  });

  test("holds an unfinished line back", () => {
    const lines = new EventLines();
    expect([...lines.push(Buffer.from("a\nb"))]).toEqual(["a"]);
    expect([...lines.push(Buffer.from("c\n"))]).toEqual(["bc"]);
  });

  test("refuses a line without an end, and one that is too long in one piece", () => {
    const chunk = Buffer.alloc(1024 * 1024, "a");
    const lines = new EventLines();
    const push = () => {
      for (let bytes = 0; bytes <= maxEventBytes; bytes += chunk.length) Array.from(lines.push(chunk));
    };
    expect(push).toThrow(expect.objectContaining({ problem: "too_large" }));
    const whole = Buffer.concat([Buffer.alloc(maxEventBytes + 1, "a"), Buffer.from("\n")]);
    expect(() => Array.from(new EventLines().push(whole))).toThrow(
      expect.objectContaining({ problem: "too_large" }),
    );
    expect(Array.from(new EventLines().push(whole.subarray(1)))).toHaveLength(1);
  });
});

describe("parseEvent()", () => {
  const object = { metadata: { resourceVersion: "7" } };

  test.for(["ADDED", "MODIFIED", "DELETED"])("reads %s", (type) => {
    expect(parseEvent(JSON.stringify({ type, object }))).toEqual({ type, object, resourceVersion: "7" });
  });

  test("reads a bookmark without its object", () => {
    expect(parseEvent(JSON.stringify({ type: "BOOKMARK", object }))).toEqual({
      type: "BOOKMARK",
      resourceVersion: "7",
    });
  });

  test.for([
    [{ code: 410, reason: "Expired" }, "expired"],
    [{ code: 500, reason: "InternalError" }, "refused"],
    [{ code: 429, details: { retryAfterSeconds: 1 } }, "busy"],
    [{}, "refused"],
    [null, "refused"],
  ] as const)("throws an ERROR of %j as %s", ([status, problem]) => {
    expect(() => parseEvent(JSON.stringify({ type: "ERROR", object: status }))).toThrow(
      expect.objectContaining({ problem }),
    );
  });

  test.for([
    "s3cret",
    "null",
    "[]",
    "{}",
    '{"type":"ADDED"}',
    '{"type":"ADDED","object":null}',
    '{"type":"ADDED","object":{"metadata":{"resourceVersion":7}}}',
    '{"type":"ADDED","object":{"metadata":{"resourceVersion":""}}}',
    '{"type":"RENAMED","object":{"metadata":{"resourceVersion":"7"}}}',
    '{"type":"BOOKMARK","object":{}}',
  ])("refuses %s, without a word of it", (line) => {
    expect(() => parseEvent(line)).toThrow(
      expect.objectContaining({
        problem: "malformed",
        message: expect.not.stringContaining("s3cret"),
        cause: undefined,
      }),
    );
  });
});
