import { expect, test } from "vitest";

import { stripUrlPrefix } from "./url-prefix.ts";

test.for([
  ["/mproxy/a?b", "", "/mproxy/a?b"],
  ["*", "", "*"],
  ["", "", ""],
  ["/v1", "/v1", "/"],
  ["/v1/", "/v1", "/"],
  ["/v1?a=b", "/v1", "/?a=b"],
  ["/v1/?a=b", "/v1", "/?a=b"],
  ["/v1/mproxy/x?y=/v1/", "/v1", "/mproxy/x?y=/v1/"],
  ["/v1/v1/x", "/v1", "/v1/x"],
  ["/v1//mproxy", "/v1", "//mproxy"],
  ["/v1/../mproxy", "/v1", "/../mproxy"],
  ["/a/b/c", "/a/b", "/c"],
  ["/a/b", "/a/b", "/"],
  ["/", "/v1", undefined],
  ["/mproxy/x", "/v1", undefined],
  ["/v1x/mproxy", "/v1", undefined],
  ["/v1%2fmproxy", "/v1", undefined],
  ["/%76%31/mproxy", "/v1", undefined],
  ["/V1/mproxy", "/v1", undefined],
  ["//v1/mproxy", "/v1", undefined],
  ["/v1;/mproxy", "/v1", undefined],
  ["/v1#/mproxy", "/v1", undefined],
  ["v1/mproxy", "/v1", undefined],
  ["http://proxy/v1/mproxy", "/v1", undefined],
  ["/x/v1/mproxy", "/v1", undefined],
  ["/a", "/a/b", undefined],
  ["/a/", "/a/b", undefined],
  ["/a/bc", "/a/b", undefined],
  ["/a/B/c", "/a/b", undefined],
] as const)("stripUrlPrefix() makes of %j below %j: %j", ([target, prefix, expected]) => {
  expect(stripUrlPrefix(target, prefix)).toBe(expected);
});
