import { describe, expect, test } from "vitest";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { parseRequestPath } from "./path.ts";

describe("parseRequestPath()", () => {
  test("gives the bytes and the segments of a path", () => {
    const check = (raw: string, segments: string[]) =>
      expect(parseRequestPath(raw)).toEqual({ text: raw, segments });
    check("/", [""]);
    check("/metrics", ["metrics"]);
    check("/metrics/", ["metrics", ""]);
    check("/mproxy/team-a/app-/actuator/prometheus", ["mproxy", "team-a", "app-", "actuator", "prometheus"]);
    check("/a.b/.well-known/x..y", ["a.b", ".well-known", "x..y"]);
    check("/-._~:@!$&'()*+,=", ["-._~:@!$&'()*+,="]);
    check("/__proto__/constructor", ["__proto__", "constructor"]);
    check(`/${"a".repeat(2047)}`, ["a".repeat(2047)]);
  });

  test("refuses every path that two programs could read differently", () => {
    const check = (raw: string) => expect(() => parseRequestPath(raw), raw).toThrow(MalformedRequestError);
    // Traversal.
    check("/metrics/../admin");
    check("/../metrics");
    check("/..");
    check("/metrics/..");
    check("/metrics/.");
    check("/./metrics");
    check("/metrics/./x");
    check("/metrics/.../admin");
    check("/metrics/..../admin");
    check(`/metrics${"/..".repeat(500)}`);
    // Escapes: dots, slashes, backslashes, twice, overlong, halves, controls, unescaped letters.
    check("/metrics/%2e%2e/admin");
    check("/metrics/%2E%2E/admin");
    check("/metrics/.%2e/admin");
    check("/metrics/%2e./admin");
    check("/metrics%2f..%2fadmin");
    check("/metrics%2F..%2Fadmin");
    check("/metrics%5c..%5cadmin");
    check("/metrics%252f..%252fadmin");
    check("/metrics%25%32%66admin");
    check("/metrics%c0%ae%c0%ae/admin");
    check("/metrics%c0%af..");
    check("/metrics%e0%80%af..");
    check("/metrics%u002e");
    check("/metrics%");
    check("/metrics%2");
    check("/metrics%zz");
    check("/metrics%ff");
    check("/metrics%00");
    check("/metrics%00/../admin");
    check("/metrics%0a");
    check("/metrics%0d%0aX-Evil:%201");
    check("/metrics%09");
    check("/metrics%20");
    check("/metrics%3b/../admin");
    check("/admin%3f/metrics");
    check("/admin%23/metrics");
    check("/%6d%65%74%72%69%63%73");
    check("/%6dproxy/team-a/app-/metrics");
    check("/metrics%E2%88%95..%E2%88%95admin");
    // Parameters of path segments.
    check("/metrics;x=1");
    check("/metrics;/../admin");
    check("/metrics/..;/admin");
    check("/..;x/admin");
    check("/;/metrics");
    // Backslashes and doubled slashes.
    check("/metrics\\..\\admin");
    check("/metrics/..\\admin");
    check("\\metrics");
    check("/\\metrics");
    check("//metrics");
    check("//evil.test/metrics");
    check("/metrics//");
    check("/actuator//prometheus");
    check("///");
    // Other forms of a request target.
    check("");
    check("*");
    check("metrics");
    check("http://127.0.0.1/metrics");
    check("@127.0.0.1/metrics");
    check("://x/");
    check("?/metrics");
    // Raw bytes that no path has.
    check("/metrics?x");
    check("/metrics#x");
    check("/metrics x");
    check("/metrics\tx");
    check("/metrics\n");
    check("/metrics\r\nHost: x");
    check("/metrics\u0000");
    check("/metrics\u007f");
    check('/metrics"');
    check("/<metrics>");
    check("/metrics|x");
    check("/metrics^");
    check("/metrics`");
    check("/{metrics}");
    check("/[metrics]");
    check("/metrïcs");
    check("/metrics\u2215..\u2215admin");
    check("/\uff0e\uff0e/admin");
    check("/metrics\u2028");
    check("/metrics\u{1f600}");
    // Length.
    check(`/${"a".repeat(2048)}`);
    check(`/${"a".repeat(6000)}`);
  });

  test("names the state in one line of visible ASCII", () => {
    expect(() => parseRequestPath("/a\r\n\u001b[31m/é")).toThrow(
      'Cannot read request path: "/a\\u000d\\u000a\\u001b[31m/\\u00e9" has a character other than letters, digits, "/" and -._~:@!$&\'()*+,=',
    );
  });

  test("answers for long hostile paths at once", () => {
    const started = performance.now();
    for (const path of ["/a".repeat(1e6), `/${"a".repeat(1e6)}!`, `/${".".repeat(1e6)}`, "/".repeat(1e6)]) {
      expect(() => parseRequestPath(path)).toThrow(MalformedRequestError);
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
