import { expect, test } from "vitest";
import { publicAddressOf } from "./public-address.ts";

test("publicAddressOf() is EXTERNAL_URL, else what the request shows", () => {
  const none = { externalUrl: undefined, tls: false, urlPrefix: "" };
  expect(publicAddressOf("proxy:5050", none)).toEqual({ scheme: "http", host: "proxy:5050", pathPrefix: "" });
  expect(publicAddressOf("[::1]:5053", { ...none, tls: true, urlPrefix: "/v1" })).toEqual({
    scheme: "https",
    host: "[::1]:5053",
    pathPrefix: "/v1",
  });
  const externalUrl = { scheme: "https", host: "proxy.example", pathPrefix: "/a" } as const;
  expect(publicAddressOf("proxy:5050", { ...none, externalUrl, urlPrefix: "/v1" })).toEqual(externalUrl);
  expect(publicAddressOf(undefined, { ...none, externalUrl })).toEqual(externalUrl);
  for (const host of [undefined, ""]) {
    expect(() => publicAddressOf(host, none)).toThrow(
      "Cannot tell the proxy's address: the request has no Host, and EXTERNAL_URL is not set",
    );
  }
});
