import { expect, test } from "vitest";
import { externalUrl } from "./address-kinds.ts";

const { schema, conceals } = externalUrl();

test.for([
  ["https://proxy.example:5053", { scheme: "https", host: "proxy.example:5053", pathPrefix: "" }],
  ["http://10.0.0.1/", { scheme: "http", host: "10.0.0.1", pathPrefix: "" }],
  ["HTTPS://Proxy.Example/v1", { scheme: "https", host: "proxy.example", pathPrefix: "/v1" }],
  ["https://[fd00::1]:443/a/b/", { scheme: "https", host: "[fd00::1]", pathPrefix: "/a/b" }],
  ["http://[fd00::1]:443", { scheme: "http", host: "[fd00::1]:443", pathPrefix: "" }],
] as const)("externalUrl() reads %s", ([text, url]) => {
  expect(schema.parse(text)).toEqual(url);
});

test.for([
  "",
  "proxy.example",
  "proxy.example:5053",
  "//proxy.example",
  "ftp://proxy.example",
  "https:proxy.example",
  "https://",
  "https:///a",
  "https://:5053",
  "https://proxy.example:",
  "https://proxy.example:0",
  "https://proxy.example:65536",
  "https://u@proxy.example",
  "https://u:p@proxy.example",
  "https://proxy.example?",
  "https://proxy.example/?x",
  "https://proxy.example/#x",
  "https://proxy.example/a//b",
  "https://proxy.example/a/../b",
  "https://proxy.example/%41",
  "https://proxy.example/a b",
  "https://proxy.example\\a",
  "https://pro\txy.example",
  "https://proxy.example/a\n",
  "https://0x7f.1",
  "https://10.0.1",
  "https://fd00::1",
  "https://[fd00::1%25eth0]",
])("externalUrl() refuses %j", (text) => {
  expect(schema.safeParse(text).success).toBe(false);
});

test("externalUrl() conceals what may hold a secret", () => {
  expect(conceals?.("https://u:p@proxy.example")).toBe(true);
  expect(conceals?.("https://proxy.example?token=x")).toBe(true);
  expect(conceals?.("https://proxy.example/%41")).toBe(false);
});
