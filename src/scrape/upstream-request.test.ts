import type { Socket } from "node:net";

import { describe, expect, onTestFinished, test } from "vitest";

import { ok, type RawRequest, startRawPod, targetOf } from "../../test/support/scrape/raw-pod.ts";
import { until } from "../../test/support/scrape/until.ts";
import type { Target } from "../targets/target.ts";
import { PodConnections } from "./pod-connections.ts";
import { type ResponseReceiver, UpstreamRequest } from "./upstream-request.ts";

function createConnections(): PodConnections {
  const connections = new PodConnections({ connectTimeoutMs: 1000 });
  onTestFinished(() => connections.close());
  return connections;
}

/** What the receiver was told, one word a call; the data in one piece. */
function ask(
  connections: PodConnections,
  target: Target,
  { isCurrent = () => true, ...o }: Partial<ResponseReceiver> & { isCurrent?: () => boolean } = {},
): Promise<string> {
  return new Promise((resolve) => {
    const calls: string[] = [];
    let data = "";
    const finish = (last: string) => resolve([...calls, ...(data === "" ? [] : [data]), last].join(" "));
    const request = new UpstreamRequest({
      connections,
      target,
      headers: {
        accept: "text/plain",
        acceptEncoding: "gzip",
        userAgent: "proxy/1",
        timeoutSeconds: "9.500",
      },
      maxBodyBytes: 1e6,
      isCurrent,
      receiver: {
        head: (status) => calls.push(String(status)),
        data: (chunk) => (data += chunk.toString("latin1")),
        end: () => finish("end"),
        failed: ({ reason, detail }) => finish(`${reason}: ${detail}`),
        ...o,
      },
    });
    request.start();
  });
}

describe("UpstreamRequest", () => {
  test("sends these bytes and no others", async () => {
    await using pod = await startRawPod(({ socket }) => socket.write(ok("x")));
    await ask(createConnections(), pod.target("uid", "/m/a:b@c!$&'()*+,=?x=%2e%2E&y=[1]"));
    const lines = pod.heads[0]!.split("\r\n");
    expect(lines[0]).toBe("GET /m/a:b@c!$&'()*+,=?x=%2e%2E&y=[1] HTTP/1.1");
    expect(lines.slice(1).sort()).toEqual([
      "",
      "",
      "accept-encoding: gzip",
      "accept: text/plain",
      "connection: keep-alive",
      `host: 127.0.0.1:${pod.port}`,
      "user-agent: proxy/1",
      "x-prometheus-scrape-timeout-seconds: 9.500",
    ]);
  });

  test("writes an IPv6 address in brackets", async (context) => {
    const pod = await startRawPod(({ socket }) => socket.write(ok("x")), { ip: "::1" }).catch(
      () => undefined,
    );
    if (pod === undefined) return context.skip("no IPv6 here");
    onTestFinished(() => pod[Symbol.asyncDispose]());
    await ask(createConnections(), pod.target());
    expect(pod.heads[0]).toContain(`host: [::1]:${pod.port}\r\n`);
  });

  for (const path of ["http://10.0.0.1/metrics", "metrics", "", "*", "/a b", "/a\r\nx: y", "/\u0100"]) {
    test(`does not send the path ${JSON.stringify(path)}`, async () => {
      await using pod = await startRawPod(({ socket }) => socket.write(ok("x")));
      expect(await ask(createConnections(), pod.target("uid", path))).toMatch(/^connect: /);
      expect(pod.heads).toEqual([]);
    });
  }
});

describe("UpstreamRequest and the pod's answer", () => {
  const check = (name: string, answer: string, expected: string | RegExp) => {
    test(name, async () => {
      await using pod = await startRawPod(({ socket }) => socket.end(Buffer.from(answer, "latin1")));
      const calls = await ask(createConnections(), pod.target());
      if (typeof expected === "string") expect(calls).toBe(expected);
      else expect(calls).toMatch(expected);
      expect(pod.connections).toBe(1);
    });
  };
  const head = "HTTP/1.1 200 OK\r\n";

  check("is passed on with a length", `${head}Content-Length: 4\r\n\r\nm 1\n`, "200 m 1\n end");
  check(
    "is passed on in chunks",
    `${head}Transfer-Encoding: chunked\r\n\r\n4\r\nm 1\n\r\n0\r\n\r\n`,
    "200 m 1\n end",
  );
  check("is passed on until the end of the connection", `${head}\r\nm 1\n`, "200 m 1\n end");
  check(
    "is passed on after a 100 Continue",
    `HTTP/1.1 100 Continue\r\n\r\n${head}\r\nm 1\n`,
    "200 m 1\n end",
  );
  check("is passed on after a 103", `HTTP/1.1 103 Hint\r\nLink: x\r\n\r\n${head}\r\nm 1\n`, "200 m 1\n end");
  check("may have no body", `${head}Content-Length: 0\r\n\r\n`, "200 end");

  check("shorter than its length", `${head}Content-Length: 9\r\n\r\nm 1\n`, /^200 m 1\n truncated: /);
  check(
    "without its last chunk",
    `${head}Transfer-Encoding: chunked\r\n\r\n4\r\nm 1\n\r\n`,
    /^200 m 1\n truncated: /,
  );
  check(
    "with a broken chunk",
    `${head}Transfer-Encoding: chunked\r\n\r\n4\r\nm 1\n\r\nzz\r\n`,
    /^200 m 1\n truncated: /,
  );
  check("cut inside its head", `${head}Content-Le`, /^connect: /);
  check("empty", "", "connect: the connection ended before the answer began (UND_ERR_SOCKET)");
  check("that is not HTTP", "m 1\n", /^connect: the answer is not valid HTTP /);
  check("with a bad status", "HTTP/1.1 99999 X\r\n\r\n", /^connect: the answer is not valid HTTP /);
  check(
    "with length and chunks",
    `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n`,
    /^connect: /,
  );
  check("with a negative length", `${head}Content-Length: -4\r\n\r\nm 1\n`, /^connect: /);
  check("with NUL in a header", `${head}X: a\0b\r\nContent-Length: 0\r\n\r\n`, /^connect: /);
  check(
    "with a head over 16 KiB",
    `${head}X: ${"a".repeat(17_000)}\r\n\r\n`,
    "too_large: the answer's headers are too large",
  );
  check(
    "with too many interim responses",
    "HTTP/1.1 103 X\r\n\r\n".repeat(1000),
    /^connect: .*more than 5 interim/,
  );
  check(
    "that switches protocols",
    "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    /^connect: /,
  );
  check("that switches protocols half", `HTTP/1.1 101 X\r\n\r\n${head}\r\nm 1\n`, /^connect: /);

  test("never shows the pod's bytes in a failure", async () => {
    await using pod = await startRawPod(({ socket }) => socket.end("SECRET SECRET\r\n\r\n"));
    expect(await ask(createConnections(), pod.target())).not.toContain("SECRET");
  });

  test("is not whole when a reset ends a body without length", async () => {
    // undici reports such a body as complete.
    await using pod = await startRawPod(({ socket }) => {
      socket.write(`${head}\r\nm 1\n`, () => setImmediate(() => socket.resetAndDestroy()));
    });
    expect(await ask(createConnections(), pod.target())).toBe(
      "200 m 1\n truncated: the connection ended inside the body (ECONNRESET)",
    );
  });
});

describe("UpstreamRequest and an answer without end", () => {
  const check = (name: string, head: string, filler: string, expected: string) => {
    test(`ends ${name}`, async () => {
      const block = filler.repeat(10_000);
      await using pod = await startRawPod(({ socket }) => {
        socket.write(head);
        const flood = () => {
          while (!socket.destroyed && socket.write(block));
        };
        socket.on("drain", flood);
        flood();
      });
      expect(await ask(createConnections(), pod.target())).toBe(expected);
      await until(() => pod.open === 0);
    });
  };
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

  check("headers", "HTTP/1.1 200 OK\r\n", "X: a\r\n", "too_large: the answer's headers are too large");
  check("a reason phrase", "HTTP/1.1 200 ", "a", "too_large: the answer takes too many bytes on the wire");
  check(
    "a chunk extension",
    `${chunked}1;`,
    "a",
    "200 too_large: the answer takes too many bytes on the wire",
  );
  check(
    "trailers",
    `${chunked}0\r\n`,
    "X: a\r\n",
    "200 truncated: the connection ended inside the body (UND_ERR_HEADERS_OVERFLOW)",
  );
});

describe("UpstreamRequest and an address that may be another pod's by now", () => {
  const gone = /^gone: the pod was deleted/;

  test("is not dialled for it", async () => {
    await using pod = await startRawPod(({ socket }) => socket.write(ok("x")));
    expect(await ask(createConnections(), pod.target(), { isCurrent: () => false })).toMatch(gone);
    expect(pod.connections).toBe(0);
  });

  test("does not take its head, nor its end, and does not keep the connection", async () => {
    await using pod = await startRawPod(({ socket }) => socket.write(ok("x")));
    const connections = createConnections();
    for (const [answers, words] of [
      [[true, false], ""],
      [[true, true, false], "200 x "],
    ] as const) {
      const left = [...answers];
      const said = await ask(connections, pod.target(), { isCurrent: () => left.shift()! });
      expect(said.startsWith(words)).toBe(true);
      expect(said.slice(words.length)).toMatch(gone);
      await until(() => connections.stats.open === 0);
    }
  });

  test("is not asked again after a dead connection", async () => {
    let current = true;
    await using pod = await startRawPod(({ socket, request }) => {
      if (request === 1) return socket.write(ok("x"));
      current = false;
      return socket.end();
    });
    const connections = createConnections();
    const isCurrent = () => current;
    expect(await ask(connections, pod.target(), { isCurrent })).toBe("200 x end");
    await until(() => connections.stats.idle === 1);
    expect(await ask(connections, pod.target(), { isCurrent })).toMatch(gone);
    expect(pod.connections).toBe(1);
  });
});

describe("UpstreamRequest on a kept-alive connection", () => {
  const answerOnce = (last: (request: RawRequest) => void) => (request: RawRequest) => {
    if (request.connection === 1 && request.request === 2) last(request);
    else request.socket.write(ok(`${request.connection}/${request.request}`));
  };

  const check = (
    name: string,
    last: (request: RawRequest) => void,
    expected: string | RegExp,
    heads: number,
  ) => {
    test(name, async () => {
      await using pod = await startRawPod(answerOnce(last));
      const connections = createConnections();
      expect(await ask(connections, pod.target())).toBe("200 1/1 end");
      await until(() => connections.stats.idle === 1);
      expect(await ask(connections, pod.target())).toMatch(expected);
      expect(pod.heads.length).toBe(heads);
    });
  };

  check("asks again when the pod closed it", ({ socket }) => socket.end(), /^200 2\/1 end$/, 3);
  check("asks again when the pod reset it", ({ socket }) => socket.resetAndDestroy(), /^200 2\/1 end$/, 3);
  check("does not ask again once bytes have come", ({ socket }) => socket.end("HTTP/1.1 2"), /^connect: /, 2);
  check(
    "does not ask again once the head has come",
    ({ socket }) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1"),
    /^200 1 truncated: /,
    2,
  );

  check(
    "does not ask again after an answer that breaks the rules",
    ({ socket }) => socket.end("HTTP/1.1 102 P\r\n\r\n".repeat(6)),
    /^connect: .*interim/,
    2,
  );

  test("does not take a connection for kept alive that had to be dialled anew", async () => {
    const sockets: Socket[] = [];
    await using pod = await startRawPod(({ socket, connection }) => {
      sockets.push(socket);
      if (connection === 1) socket.write(ok("first"));
      else socket.destroy();
    });
    const connections = createConnections();
    await ask(connections, pod.target());
    await until(() => connections.stats.idle === 1);
    // Dead already, which undici finds out when it is about to send, and dials anew by itself.
    sockets[0]!.destroy();
    expect(await ask(connections, pod.target())).toMatch(/^connect: /);
    expect(pod.connections).toBe(2);
  });

  test("asks again only once", async () => {
    await using pod = await startRawPod(({ socket, connection, request }) => {
      if (connection === 1 && request === 1) socket.write(ok("first"));
      else socket.destroy();
    });
    const connections = createConnections();
    await ask(connections, pod.target());
    await until(() => connections.stats.idle === 1);
    expect(await ask(connections, pod.target())).toMatch(/^connect: /);
    expect(pod.heads.length).toBe(3);
  });

  test("does not ask again with another idle connection", async () => {
    // Both idle connections are dead; only a fresh one can tell whether the pod lives.
    const first: Socket[] = [];
    await using pod = await startRawPod(({ socket, connection, request }) => {
      if (connection === 3) socket.write(ok("fresh"));
      else if (request === 2) socket.destroy();
      else if (first.push(socket) === 2) for (const each of first) each.write(ok("x"));
    });
    const connections = createConnections();
    await Promise.all([ask(connections, pod.target()), ask(connections, pod.target())]);
    await until(() => connections.stats.idle === 2);
    const third = ask(connections, pod.target());
    expect(await third).toBe("200 fresh end");
    expect(pod.connections).toBe(3);
  });

  for (const [name, end] of [
    ["closed", (request: RawRequest) => request.socket.end()],
    ["reset", (request: RawRequest) => request.socket.resetAndDestroy()],
  ] as const) {
    test(`does not ask again when a fresh connection is ${name}`, async () => {
      await using pod = await startRawPod(end);
      expect(await ask(createConnections(), pod.target())).toMatch(/^connect: the connection ended before/);
      expect(pod.connections).toBe(1);
    });
  }

  test("does not ask again when nothing listens", async () => {
    const pod = await startRawPod(() => {});
    await pod[Symbol.asyncDispose]();
    expect(await ask(createConnections(), targetOf(pod))).toBe("connect: connecting failed (ECONNREFUSED)");
  });
});

describe("UpstreamRequest.abort()", () => {
  for (const [name, answer] of [
    ["before the answer", ""],
    ["inside the head", "HTTP/1.1 200 OK\r\nX:"],
    ["inside the body", "HTTP/1.1 200 OK\r\n\r\nm 1\n"],
  ] as const) {
    test(`closes the connection ${name}, without another call`, async () => {
      await using pod = await startRawPod(({ socket }) => socket.write(answer));
      const connections = createConnections();
      const calls: string[] = [];
      const request = new UpstreamRequest({
        connections,
        target: pod.target(),
        headers: { accept: "*/*", acceptEncoding: "gzip", userAgent: "test", timeoutSeconds: "1" },
        maxBodyBytes: 1e6,
        isCurrent: () => true,
        receiver: {
          head: () => calls.push("head"),
          data: () => calls.push("data"),
          end: () => calls.push("end"),
          failed: () => calls.push("failed"),
        },
      });
      request.start();
      await until(() => pod.heads.length === 1 && calls.length === (name === "inside the body" ? 2 : 0));
      const before = [...calls];
      request.abort();
      await until(() => pod.open === 0 && connections.stats.open === 0);
      expect(calls).toEqual(before);
    });
  }

  test("closes a connection that is not there yet", async () => {
    await using pod = await startRawPod(() => {});
    const connections = createConnections();
    const request = new UpstreamRequest({
      connections,
      target: pod.target(),
      headers: { accept: "*/*", acceptEncoding: "gzip", userAgent: "test", timeoutSeconds: "1" },
      maxBodyBytes: 1e6,
      isCurrent: () => true,
      receiver: { head: () => {}, data: () => {}, end: () => {}, failed: () => {} },
    });
    request.start();
    request.abort();
    // A second pod's answer comes after anything that the first could have sent.
    await using other = await startRawPod(({ socket }) => socket.write(ok("x")));
    await ask(connections, other.target());
    expect(pod.heads).toEqual([]);
    await until(() => pod.open === 0);
  });
});
