import { expect, test } from "vitest";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { parseNamespace } from "./namespace.ts";

test("parseNamespace() takes RFC 1123 labels", () => {
  const check = (text: string) => expect(parseNamespace(text)).toBe(text);
  check("a");
  check("0");
  check("team-a");
  check("kube-system");
  check("a--b");
  check("constructor");
  check("a".repeat(63));
});

test("parseNamespace() refuses every other text", () => {
  const check = (text: string) =>
    expect(() => parseNamespace(text), JSON.stringify(text)).toThrow(MalformedRequestError);
  check("");
  check(".");
  check("..");
  check("-");
  check("*");
  check("team-*");
  check("-team");
  check("team-");
  check("team.a");
  check("team_a");
  check("Team-a");
  check("TEAM-A");
  check("team a");
  check("team-a\n");
  check("team-a\u0000");
  check("team-a/pods/app-1/proxy");
  check("team-a%2Fpods");
  check("team-a#");
  check("team-a?x");
  check("team-a,team-b");
  check("%ff");
  check("__proto__");
  check("tèam");
  check("ａ");
  check("a".repeat(64));
  check("a".repeat(100_000));
});
