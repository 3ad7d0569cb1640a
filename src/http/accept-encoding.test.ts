import { describe, expect, test } from "vitest";

import { chooseCoding, forwardedCodings, readAcceptEncoding } from "./accept-encoding.ts";

describe("readAcceptEncoding() and chooseCoding()", () => {
  const check = (header: string | undefined, expected: string) =>
    test(`answer ${JSON.stringify(header)} in ${expected}`, () => {
      expect(chooseCoding(readAcceptEncoding(header))).toBe(expected);
    });

  check(undefined, "identity");
  check("", "identity");
  check("gzip", "gzip");
  check("GZIP", "gzip");
  check("x-gzip", "gzip");
  check("gzip, deflate, br", "gzip");
  check("deflate, br", "identity");
  check("identity", "identity");
  check("gzip;q=0", "identity");
  check("gzip; q=0.000", "identity");
  check("gzip ; q=0.001", "gzip");
  check("gzip;q=1.0", "gzip");
  check("gzip;q=2", "identity");
  check("gzip;q=", "identity");
  check("gzip;q=-1", "identity");
  check("gzip;q=0x1", "identity");
  check("gzip;q=0.5;x=y", "gzip");
  check("*", "gzip");
  check("*;q=0", "identity");
  check("br, gzip;q=0, *;q=1", "identity");
  check("*;q=0, gzip", "gzip");
  check("gz\u0000ip, gzip", "gzip");
  check("gzipped", "identity");
  check(",,gzip,", "gzip");
  check("gzip;q=0, gzip", "identity");
  check("x-gzip, gzip;q=0", "gzip");

  check("zstd", "zstd");
  check("ZSTD;Q=0.1", "zstd");
  check("gzip, deflate, br, zstd", "zstd");
  check("zstd;q=0.5, gzip;q=0.5", "zstd");
  check("zstd;q=0.4, gzip;q=0.5", "gzip");
  check("gzip;q=0.4, zstd;q=0.5", "zstd");
  check("zstd;q=0, gzip", "gzip");
  check("zstd;q=0, *", "gzip");
  check("zstd;q=0.5, *", "gzip");
  check("gzip;q=0.5, *", "gzip");
  check("gzip;q=0.5, zstd;q=0.6, *", "zstd");
  check("zstd;q=0, gzip;q=0, *", "identity");
  check("identity, gzip", "gzip");
  check("identity, gzip;q=0.9", "identity");
  check("identity;q=0.5, gzip;q=0.9, zstd;q=0.1", "gzip");
  check("identity;q=0", "identity");
});

describe("forwardedCodings()", () => {
  const check = (header: string | undefined, expected: string) =>
    test(`makes ${expected} of ${JSON.stringify(header)}`, () => {
      expect(forwardedCodings(readAcceptEncoding(header))).toBe(expected);
    });

  check(undefined, "identity");
  check("br", "identity");
  check("gzip", "gzip");
  check("gzip;q=0.0, br", "identity");
  check("gzip;q=0.001", "gzip;q=0.001");
  check("gzip, deflate, br, zstd", "zstd, gzip");
  check("zstd;q=0.50, gzip;q=0.9", "gzip;q=0.9, zstd;q=0.5");
  check("zstd, gzip;q=0", "zstd");
  check("*;q=0.5", "gzip;q=0.5");
});
