// Content codings on both sides of `/mproxy`, with real sockets: what pods are asked for and may send, what scrapers get.
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

let pods: FakePods;
let app: RunningApp;

const body = Array.from({ length: 1000 }, (_, index) => `a_sample{index="${index}"} 1\n`).join("");
const zstd = { "content-encoding": "zstd" };
const gzip = { "content-encoding": "gzip" };
const frame = zstdCompressSync(body);

beforeAll(async () => {
  pods = await FakePods.start([
    { name: "zstd-a", http: answers(frame, zstd) },
    { name: "frames-b", http: answers(Buffer.concat([zstdCompressSync("first 1\n"), frame]), zstd) },
    { name: "short-c", http: answers(frame.subarray(0, -1), zstd) },
    { name: "more-d", http: answers(Buffer.concat([frame, Buffer.from("more 1\n")]), zstd) },
    { name: "bomb-e", http: answers(zstdCompressSync(Buffer.alloc(50_000_000, body)), zstd) },
    { name: "nested-f", http: answers(zstdCompressSync(frame), zstd) },
    { name: "chain-g", http: answers(gzipSync(gzipSync(body)), { "content-encoding": "gzip, gzip" }) },
    { name: "gzip-h", http: answers(gzipSync(body), gzip) },
    {
      name: "large-i",
      http: answers(Array.from({ length: 50_000 }, (_, i) => `s${i} ${i * 7919}\n`).join("")),
    },
  ]);
  app = await startApp({ PODS_FILE: pods.file, POD_STATUS_METRICS: "false", MAX_BODY_SIZE: "1MiB" });
});
afterAll(async () => {
  await app.stop();
  await pods.stop();
});

const scrape = (prefix: string, acceptEncoding: string, method = "GET") =>
  request(app.origin, `/mproxy/team-a/${prefix}/metrics?upstreamPort=${pods.port}`, {
    headers: { "accept-encoding": acceptEncoding },
    method,
  });

describe("pods of /mproxy", () => {
  test("are asked for zstd if and only if the scraper takes it", async () => {
    const { requests } = pods.get("gzip-h");
    for (const codings of ["gzip", "gzip, zstd", "gzip, zstd;q=0", "zstd;q=0.1", "*"])
      await scrape("gzip-h", codings);
    expect(requests.map(({ headers }) => headers[headers.indexOf("accept-encoding") + 1])).toEqual([
      "gzip",
      "zstd, gzip",
      "gzip",
      "zstd, gzip",
      "gzip",
    ]);
  });

  const check = (name: string, expected: string | number, codings = "gzip, zstd") => {
    test(`${name} for a scraper that takes ${codings}: ${expected}`, async () => {
      const { status, text, headers, body: bytes } = await scrape(name, codings);
      if (typeof expected === "string") {
        expect([status, text]).toEqual([502, `Cannot scrape the pod: ${expected} 1\n`]);
        return;
      }
      const exposition =
        headers["content-encoding"] === "zstd" ? zstdDecompressSync(bytes) : gunzipSync(bytes);
      expect(status).toBe(200);
      expect(exposition.toString().match(/^\w+\{/gm)).toHaveLength(expected);
    });
  };
  check("zstd-a", 1000);
  check("zstd-a", "content_type", "gzip");
  check("frames-b", 1001);
  check("short-c", "truncated");
  check("more-d", "parse");
  check("bomb-e", "too_large");
  check("nested-f", "parse");
  check("chain-g", "content_type");
  check("gzip-h", 1000);
});

describe("scrapers of /mproxy", () => {
  test("get what they prefer, of equal codings zstd, and in each the same exposition", async () => {
    const plain = await scrape("large-i", "identity");
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(plain.body.length).toBeGreaterThan(2_000_000);
    const codingOf = async (codings: string) => {
      const { headers, body: bytes } = await scrape("large-i", codings);
      const coding = headers["content-encoding"];
      expect(headers["vary"]).toBe("Accept, Accept-Encoding");
      const exposition = coding === "zstd" ? zstdDecompressSync(bytes) : gunzipSync(bytes);
      expect(Buffer.compare(exposition, plain.body)).toBe(0);
      return coding;
    };
    expect(await codingOf("gzip")).toBe("gzip");
    expect(await codingOf("zstd")).toBe("zstd");
    expect(await codingOf("gzip, deflate, br, zstd")).toBe("zstd");
    expect(await codingOf("gzip, zstd;q=0.9")).toBe("gzip");
  });

  test("learn the coding from HEAD as well", async () => {
    const codingOf = async (codings: string) => {
      const { headers, body: bytes } = await scrape("gzip-h", codings, "HEAD");
      expect(bytes.length).toBe(0);
      return headers["content-encoding"];
    };
    expect(await codingOf("zstd, gzip")).toBe("zstd");
    expect(await codingOf("gzip")).toBe("gzip");
    expect(await codingOf("br")).toBeUndefined();
  });
});
