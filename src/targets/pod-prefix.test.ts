import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { parsePodPrefix } from "./pod-prefix.ts";

test("parsePodPrefix() takes what the name of a pod can begin with", () => {
  const check = (text: string) => expect(parsePodPrefix(text, { mayBeAny: false })).toBe(text);
  check("a");
  check("0");
  check("app");
  check("app-");
  check("app-1");
  check("app--");
  check("app.");
  check("app.v1-");
  check("constructor");
  check("a".repeat(253));
  check(`${"a".repeat(251)}-`);
});

test("parsePodPrefix() reads a lone dash as any name, if a parameter narrows it", () => {
  expect(parsePodPrefix("-", { mayBeAny: true })).toBe("");
  expect(() => parsePodPrefix("-", { mayBeAny: false })).toThrow(
    'Cannot read pod name prefix "-": it needs one of the parameters "selector", "workload" and "annotated=true"',
  );
});

test("parsePodPrefix() refuses every other text", () => {
  const check = (text: string) => {
    for (const mayBeAny of [false, true]) {
      expect(() => parsePodPrefix(text, { mayBeAny }), JSON.stringify(text)).toThrow(MalformedRequestError);
    }
  };
  check("");
  check(".");
  check("..");
  check("--");
  check("-app");
  check(".app");
  check("app..");
  check("app..v1");
  check("app.-");
  check("app-.");
  check("*");
  check("app*");
  check("[a-z]*");
  check("a|b");
  check("^app");
  check("App-");
  check("APP-");
  check("app_");
  check("__proto__");
  check("app-\u0000");
  check("app-\n");
  check("app /");
  check("app/x");
  check("app%2d");
  check("%");
  check("%ff");
  check("àpp");
  check("ａpp");
  check("a".repeat(254));
  check(`${"a".repeat(252)}-`);
  check("a".repeat(100_000));
});

test("parsePodPrefix() takes every beginning of every pod name", () => {
  const name = fc.stringMatching(
    /^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?){0,3}$/,
  );
  fc.assert(
    fc.property(name, fc.nat(), (name, length) => {
      const prefix = name.slice(0, (length % name.length) + 1);
      expect(parsePodPrefix(prefix, { mayBeAny: false })).toBe(prefix);
    }),
  );
});
