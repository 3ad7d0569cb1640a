import { expect, test } from "vitest";

import { acceptsGzip } from "./accept-encoding.ts";

const check = (header: string | undefined, expected: boolean) =>
  test(`acceptsGzip() answers ${expected} to ${JSON.stringify(header)}`, () => {
    expect(acceptsGzip(header)).toBe(expected);
  });

check(undefined, false);
check("", false);
check("gzip", true);
check("GZIP", true);
check("x-gzip", true);
check("gzip, deflate, br", true);
check("deflate, br", false);
check("identity", false);
check("gzip;q=0", false);
check("gzip; q=0.000", false);
check("gzip ; q=0.001", true);
check("gzip;q=1.0", true);
check("gzip;q=2", false);
check("gzip;q=", false);
check("gzip;q=-1", false);
check("gzip;q=0x1", false);
check("*", true);
check("*;q=0", false);
check("br, gzip;q=0, *;q=1", false);
check("*;q=0, gzip", true);
check("gz\u0000ip, gzip", true);
check("gzipped", false);
check(",,gzip,", true);
