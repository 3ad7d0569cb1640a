import { pbkdf2 } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { gunzip, gzipSync, zstdCompressSync, zstdDecompress } from "node:zlib";

import { describe, expect, onTestFinished, test } from "vitest";

import { ok, type RawRequest, startRawPod } from "../../test/support/scrape/raw-pod.ts";
import { type TextBody, TextParser } from "../../test/support/scrape/text-parser.ts";
import { until } from "../../test/support/scrape/until.ts";
import type { ClaimedFormat } from "../exposition/negotiation/pod-content-type.ts";
import type { Target } from "../targets/target.ts";
import { Deadline } from "./deadline.ts";
import { PodConnections } from "./pod-connections.ts";
import { PodScrape, type PodScrapeOptions } from "./scrape-pod.ts";

interface Run {
  readonly pod: PodScrape<TextBody>;
  readonly connections: PodConnections;
  readonly settled: Promise<string>;
  /** How often the pod has settled. */
  readonly times: () => number;
  readonly hits: readonly string[];
}

function run(target: Target, o: Partial<PodScrapeOptions<TextBody>> = {}): Run {
  const connections = new PodConnections({ connectTimeoutMs: 1000 });
  onTestFinished(() => connections.close());
  const hits: string[] = [];
  let times = 0;
  let resolve: (result: string) => void;
  const settled = new Promise<string>((given) => (resolve = given));
  const pod = new PodScrape<TextBody>(target, {
    connections,
    protocol: { accept: "text/plain", zstd: false, fallback: { format: "text" } },
    createBodyParser: () => new TextParser(),
    maxBodyBytes: 1000,
    userAgent: "test",
    isCurrent: () => true,
    metrics: { limitHit: (limit) => hits.push(limit) },
    heldBytesChanged: () => {},
    settled: () => {
      times++;
      const result = pod.result!;
      resolve(result.up ? result.body.text : `${result.reason}: ${result.detail}`);
    },
    ...o,
  });
  pod.start(new Deadline(5000));
  return { pod, connections, settled, times: () => times, hits };
}

function answer(status: string, headers: readonly string[], body: string | Buffer = ""): Buffer {
  return Buffer.concat([
    Buffer.from([`HTTP/1.1 ${status}`, ...headers, "", ""].join("\r\n")),
    Buffer.from(body),
  ]);
}

const gzipped = ["Content-Encoding: gzip"];
const zstandard = ["Content-Encoding: zstd"];
const zstd: Partial<PodScrapeOptions<TextBody>> = {
  protocol: { accept: "text/plain", zstd: true, fallback: { format: "text" } },
};

describe("PodScrape", () => {
  const check = (
    name: string,
    sent: Buffer,
    expected: string | RegExp,
    o: Partial<PodScrapeOptions<TextBody>> = {},
  ) => {
    test(name, async () => {
      await using server = await startRawPod(({ socket }) => socket.end(sent));
      const { settled, pod, times } = run(server.target(), o);
      const result = await settled;
      if (typeof expected === "string") expect(result).toBe(expected);
      else expect(result).toMatch(expected);
      if (pod.result!.up) return;
      // All or nothing, and nothing left open.
      expect(pod.heldBytes).toBe(0);
      await until(() => server.open === 0);
      expect(times()).toBe(1);
    });
  };

  check("takes text", ok("a 1\n"), "a 1\n");
  check("takes nothing as an empty body", ok(""), "");
  check("takes a body without content type", answer("200 OK", [], "a 1\n"), "a 1\n");
  check("takes a foreign content type", answer("200 OK", ["Content-Type: text/html"], "a 1\n"), "a 1\n");
  test("asks the first of two content types", async () => {
    const types = ["application/openmetrics-text", "text/plain"];
    for (const [first, second] of [types, types.toReversed()]) {
      const sent = answer("200 OK", [`Content-Type: ${first}`, `Content-Type: ${second}`], "a 1\n");
      await using server = await startRawPod(({ socket }) => socket.end(sent));
      const claims: string[] = [];
      const createBodyParser = ({ format }: ClaimedFormat) => {
        claims.push(format);
        return new TextParser();
      };
      await run(server.target(), { createBodyParser }).settled;
      expect(claims).toEqual([first === "text/plain" ? "text" : "openmetrics"]);
    }
  });
  check("takes identity", ok("a 1\n", ["Content-Encoding: Identity"]), "a 1\n");
  check("takes gzip", ok(gzipSync("a 1\n"), gzipped), "a 1\n");
  check("takes gzip by its old name", ok(gzipSync("a 1\n"), ["Content-Encoding: X-GZip"]), "a 1\n");
  check(
    "takes several gzip members",
    ok(Buffer.concat([gzipSync("a 1\n"), gzipSync("b 2\n")]), gzipped),
    "a 1\nb 2\n",
  );

  for (const status of [
    "201 C",
    "204 N",
    "206 P",
    "301 M",
    "302 F",
    "304 N",
    "307 T",
    "404 N",
    "407 P",
    "500 E",
    "503 S",
    "999 X",
  ]) {
    const headers = ["Location: http://127.0.0.1:1/", "Content-Type: text/plain"];
    check(
      `refuses status ${status}`,
      answer(status, headers, "a 1\n"),
      `bad_status: the pod answered ${status.slice(0, 3)}`,
    );
  }

  for (const status of ["401 U", "403 F"]) {
    check(
      `refuses status ${status}, and says what a pod may have missed`,
      answer(status, ["Content-Type: text/plain"], "a 1\n"),
      `bad_status: the pod answered ${status.slice(0, 3)}; ` +
        "the caller's Authorization is passed on with FORWARD_AUTHORIZATION=true only",
    );
  }

  check(
    "refuses protobuf, whatever the fallback is",
    answer("200 OK", ["Content-Type: application/vnd.google.protobuf"], "a 1\n"),
    "content_type: the body is protobuf, which is not merged",
  );
  for (const coding of [
    "br",
    "deflate",
    "compress",
    "gzip, gzip",
    "gzip;q=1",
    "identity, gzip",
    "gzip, ",
    "zstd, zstd",
    "zstd, gzip",
    "x-zstd",
  ]) {
    check(`refuses the coding "${coding}"`, ok("a 1\n", [`Content-Encoding: ${coding}`]), /^content_type: /, {
      ...zstd,
    });
  }
  check(
    "refuses a repeated coding",
    ok(gzipSync(gzipSync("a 1\n")), [...gzipped, ...gzipped]),
    /^content_type: /,
  );

  check("refuses what the parser refuses", ok("garbage"), "parse: Cannot read exposition: garbage (line 1)");
  check("refuses too many samples", ok("a 1\nb 2\n"), /^too_many_samples: /, {
    createBodyParser: () => new TextParser({ maxSamples: 1 }),
  });
  check("survives a parser that breaks", ok("a 1\n"), "parse: the parser gave up (RangeError)", {
    createBodyParser: () => ({
      heldBytes: 0,
      push: () => {
        throw new RangeError("Array buffer allocation failed");
      },
      finish: () => ({ text: "", samples: 0, heldBytes: 0, release: () => {} }),
      release: () => {},
    }),
  });

  check(
    "refuses gzip cut short",
    ok(gzipSync("a 1\n").subarray(0, -3), gzipped),
    "truncated: the gzip stream ends early",
  );
  check(
    "refuses gzip with bytes after it",
    ok(Buffer.concat([gzipSync("a 1\n"), Buffer.alloc(2)]), gzipped),
    /^parse: /,
  );
  check("refuses gzip within gzip", ok(gzipSync(gzipSync("garbage", { level: 0 })), gzipped), /^parse: /);
  check("refuses plain text called gzip", ok("a 1\n", gzipped), /^parse: /);
  check("refuses a body cut short", answer("200 OK", ["Content-Length: 100"], "a 1\n"), /^truncated: /);
  check(
    "refuses gzip cut short with its connection",
    answer("200 OK", ["Content-Length: 100", ...gzipped], gzipSync("a 1\n")),
    /^truncated: /,
  );

  check("refuses zstd that was not asked for", ok(zstdCompressSync("a 1\n"), zstandard), /^content_type: /);
  const frame = zstdCompressSync("a 1\n");
  check("takes zstd that was asked for", ok(frame, ["Content-Encoding: ZSTD"]), "a 1\n", zstd);
  check("takes gzip where zstd was asked for", ok(gzipSync("a 1\n"), gzipped), "a 1\n", zstd);
  check("takes several frames", ok(Buffer.concat([frame, frame]), zstandard), "a 1\na 1\n", zstd);
  check(
    "refuses zstd cut short",
    ok(frame.subarray(0, -1), zstandard),
    /^truncated: the zstd stream ends/,
    zstd,
  );
  check(
    "refuses zstd cut short with its connection",
    answer("200 OK", ["Content-Length: 100", ...zstandard], frame),
    /^truncated: /,
    zstd,
  );
  check(
    "refuses zstd with bytes after it",
    ok(Buffer.concat([frame, Buffer.alloc(2)]), zstandard),
    "parse: the zstd stream has other bytes after it",
    zstd,
  );
  check("refuses plain text called zstd", ok("a 1\n", zstandard), "parse: the zstd stream is damaged", zstd);
  check(
    "refuses zstd within zstd",
    ok(zstdCompressSync(zstdCompressSync("garbage")), zstandard),
    /^parse: /,
    zstd,
  );
  check(
    "takes a body of just the limit from zstd",
    ok(zstdCompressSync("x".repeat(1000)), zstandard),
    "x".repeat(1000),
    zstd,
  );
  check(
    "refuses one byte more from zstd",
    ok(zstdCompressSync("x".repeat(1001)), zstandard),
    /^too_large: /,
    zstd,
  );
  check(
    "refuses endless empty frames",
    answer("200 OK", zstandard, Buffer.concat(Array.from({ length: 200 }, () => zstdCompressSync("")))),
    /^too_large: /,
    zstd,
  );

  test("asks for zstd beside gzip where it may, else for gzip alone", async () => {
    const asked: (string | undefined)[] = [];
    await using server = await startRawPod(({ socket, head }) => {
      asked.push(/^accept-encoding: (.*)$/im.exec(head)?.[1]);
      socket.end(ok("a 1\n"));
    });
    await run(server.target()).settled;
    await run(server.target(), zstd).settled;
    expect(asked).toEqual(["gzip", "zstd, gzip"]);
  });

  check("takes a body of just the limit", ok("x".repeat(1000)), "x".repeat(1000));
  check(
    "refuses one byte more",
    answer("200 OK", [], "x".repeat(1001)),
    /^too_large: the body has more than 1000 bytes/,
  );
  check(
    "refuses an announced length over the limit",
    answer("200 OK", ["Content-Length: 1001"]),
    /^too_large: the body announces/,
  );
  check(
    "takes a decompressed body of just the limit",
    ok(gzipSync("x".repeat(1000)), gzipped),
    "x".repeat(1000),
  );
  check("refuses one byte more after decompression", ok(gzipSync("x".repeat(1001)), gzipped), /^too_large: /);
  check(
    "refuses endless empty gzip members",
    answer("200 OK", gzipped, Buffer.concat(Array.from({ length: 51 }, () => gzipSync("")))),
    /^too_large: /,
  );
});

describe("PodScrape's limits", () => {
  test("cut an announced huge body without reading it", async () => {
    await using server = await startRawPod(({ socket }) =>
      socket.write(answer("200 OK", ["Content-Length: 10737418240"])),
    );
    const { settled, hits } = run(server.target());
    expect(await settled).toMatch(/^too_large: /);
    expect(hits).toEqual(["max_body_size"]);
    await until(() => server.open === 0);
  });

  test("cut an endless body", async () => {
    const line = "a 1\n".repeat(1000);
    await using server = await startRawPod(({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const flood = () => {
        while (!socket.destroyed && socket.write(line));
      };
      socket.on("drain", flood);
      flood();
    });
    const { settled, pod } = run(server.target(), { maxBodyBytes: 1_000_000 });
    expect(await settled).toMatch(/^too_large: /);
    expect(pod.bodyBytes).toBeLessThan(1_200_000);
    await until(() => server.open === 0);
  });

  test.for([
    ["gzip", gzipSync, promisify(gunzip)],
    ["zstd", zstdCompressSync, promisify(zstdDecompress)],
  ] as const)("cut a %s bomb after the limit, not after the bomb", async ([coding, compress, decompress]) => {
    const bomb = compress(Buffer.alloc(64 * 1024 * 1024, "a 1\n"));
    await using server = await startRawPod(({ socket }) =>
      socket.write(ok(bomb, [`Content-Encoding: ${coding}`])),
    );
    let peakBytes = 0;
    const { settled, pod, hits } = run(server.target(), {
      ...zstd,
      maxBodyBytes: 1_000_000,
      heldBytesChanged: () => (peakBytes = Math.max(peakBytes, pod?.heldBytes ?? 0)),
    });
    expect(await settled).toMatch(/^too_large: /);
    expect(peakBytes).toBeGreaterThan(500_000);
    expect(peakBytes).toBeLessThanOrEqual(1_000_000);
    // The rest of the bomb is not even decompressed: something later is through, and it went no further.
    const bodyBytes = pod.bodyBytes;
    await decompress(bomb);
    expect(pod.bodyBytes).toBe(bodyBytes);
    expect(hits).toEqual(["max_body_size"]);
  });

  test("hold a fast pod back while its gzip is decompressed, and lose nothing", async () => {
    const text = Array.from({ length: 60_000 }, (_, i) => `metric_${(i * 7919) % 60_000} ${i}\n`).join("");
    const member = gzipSync(text, { level: 0 });
    const members = 40;
    let sent = 0;
    await using server = await startRawPod(({ socket }) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
      const flood = () => {
        while (sent < members) {
          sent++;
          if (!socket.write(member)) return;
        }
        socket.off("drain", flood).end();
      };
      socket.on("drain", flood);
      flood();
    });
    // Nothing is decompressed while every thread of the pool is busy.
    let free = false;
    const busy = Array.from({ length: 4 }, () =>
      promisify(pbkdf2)("password", "salt", 1_500_000, 32, "sha256"),
    );
    void Promise.any(busy).then(() => (free = true));
    const { settled } = run(server.target(), { maxBodyBytes: 1e9 });
    await until(() => sent > 0);
    let before = -1;
    while (before !== sent) {
      before = sent;
      await setTimeout(50);
    }
    expect(free).toBe(false);
    expect(sent).toBeLessThan(members / 2);
    expect(await settled).toBe(text.repeat(members));
  });
});

describe("PodScrape.fail()", () => {
  const given = { reason: "timeout", detail: "too late" } as const;

  for (const [name, sent] of [
    ["before the answer", ""],
    ["inside the head", "HTTP/1.1 200 OK\r\nX:"],
    ["inside the body", "HTTP/1.1 200 OK\r\n\r\nm 1\n"],
    ["inside a gzip body", Buffer.concat([answer("200 OK", gzipped), gzipSync("a 1\n").subarray(0, 15)])],
  ] as const) {
    test(`settles once and closes the connection ${name}`, async () => {
      await using server = await startRawPod(({ socket }) => socket.write(sent));
      const { pod, settled, times, connections } = run(server.target());
      await until(() => server.heads.length === 1 && (!name.includes("body") || pod.bodyBytes > 0));
      pod.fail(given);
      pod.fail({ reason: "parse", detail: "later" });
      expect(await settled).toBe("timeout: too late");
      await until(() => server.open === 0 && connections.stats.open === 0);
      expect(times()).toBe(1);
      expect(pod.result).toEqual({ up: false, ...given });
      expect(pod.heldBytes).toBe(0);
      expect(pod.durationMs).toBeGreaterThan(0);
    });
  }

  test("takes a whole body back, without settling again", async () => {
    await using server = await startRawPod(({ socket }) => socket.write(ok("a 1\n")));
    const { pod, settled, times } = run(server.target());
    await settled;
    expect(pod.heldBytes).toBe(4);
    pod.fail({ reason: "too_large", detail: "had to make room" });
    expect(pod.result).toEqual({ up: false, reason: "too_large", detail: "had to make room" });
    expect(pod.heldBytes).toBe(0);
    expect(times()).toBe(1);
  });

  test("from within its own growth stops everything", async () => {
    await using server = await startRawPod(({ socket }) => socket.write(ok("a 1\n")));
    const { settled, times, pod } = run(server.target(), {
      heldBytesChanged: () => {
        if (pod.heldBytes > 0) pod.fail({ reason: "too_large", detail: "no room" });
      },
    });
    expect(await settled).toBe("too_large: no room");
    await until(() => server.open === 0);
    expect(times()).toBe(1);
  });
});

describe("PodScrape on a kept-alive connection", () => {
  test("loses a bad pod's connection, and keeps a good one's", async () => {
    const replies: ((request: RawRequest) => void)[] = [
      ({ socket }) => socket.write(ok("first")),
      ({ socket }) => socket.write(answer("500 E", ["Content-Length: 0"])),
      ({ socket }) => socket.write(ok("third")),
    ];
    await using server = await startRawPod((request) => replies.shift()!(request));
    const connections = new PodConnections({ connectTimeoutMs: 1000 });
    onTestFinished(() => connections.close());
    expect(await run(server.target(), { connections }).settled).toBe("first");
    await until(() => connections.stats.idle === 1);
    expect(await run(server.target(), { connections }).settled).toMatch(/^bad_status/);
    await until(() => connections.stats.open === 0);
    expect(await run(server.target(), { connections }).settled).toBe("third");
    expect(server.connections).toBe(2);
  });
});
