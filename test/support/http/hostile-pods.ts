// Pods that do everything wrong that a pod can do over TCP, each under the name of what it does, and the reason that the proxy has
// to give for it.
import { gzipSync } from "node:zlib";

import { type FakePodOptions, textType } from "./fake-pods.ts";

export interface HostilePod extends FakePodOptions {
  readonly reason: string;
}

const head = (extra = "") => `HTTP/1.1 200 OK\r\nContent-Type: ${textType}\r\n${extra}\r\n`;
const sample = "hostile_sample 1\n";

/** 64 MiB of samples in about 64 kB. */
function gzipBomb(): Buffer {
  return gzipSync(Buffer.alloc(64 * 1024 * 1024, "hostile_sample 1\n"));
}

/** At least 8 MiB of body where one is endless: set MAX_BODY_SIZE below that. */
export function hostilePods(): readonly HostilePod[] {
  const bomb = gzipBomb();
  return [
    { name: "hang", reason: "timeout", tcp: (socket) => socket.resume() },
    {
      name: "drip",
      reason: "timeout",
      tcp: (socket) => {
        socket.once("data", () => {
          socket.write(head());
          const timer = setInterval(() => socket.write("#"), 20);
          socket.on("close", () => clearInterval(timer));
        });
      },
    },
    {
      name: "slow-headers",
      reason: "timeout",
      tcp: (socket) => {
        socket.once("data", () => {
          socket.write("HTTP/1.1 200 OK\r\n");
          const timer = setInterval(() => socket.write("X: y\r\n"), 20);
          socket.on("close", () => clearInterval(timer));
        });
      },
    },
    {
      name: "truncated",
      reason: "truncated",
      tcp: (socket) => socket.once("data", () => socket.end(`${head("Content-Length: 1000\r\n")}${sample}`)),
    },
    {
      name: "half-chunked",
      reason: "truncated",
      tcp: (socket) =>
        socket.once("data", () => socket.end(`${head("Transfer-Encoding: chunked\r\n")}11\r\n${sample}\r\n`)),
    },
    {
      name: "reset",
      reason: "truncated",
      tcp: (socket) =>
        socket.once("data", () =>
          socket.write(`${head("")}${sample}`, () => setTimeout(() => socket.resetAndDestroy(), 50)),
        ),
    },
    {
      name: "endless",
      reason: "too_large",
      tcp: (socket) => {
        socket.once("data", () => {
          const block = sample.repeat(4096);
          const fill = () => {
            while (socket.write(block));
          };
          socket.on("drain", fill);
          socket.write(head());
          fill();
        });
      },
    },
    {
      name: "endless-line",
      reason: "parse",
      tcp: (socket) => {
        socket.once("data", () => {
          const block = "a".repeat(65536);
          const fill = () => {
            while (socket.write(block));
          };
          socket.on("drain", fill);
          socket.write(head());
          fill();
        });
      },
    },
    {
      name: "gzip-bomb",
      reason: "too_large",
      http: (_request, response) =>
        response.writeHead(200, { "content-type": textType, "content-encoding": "gzip" }).end(bomb),
    },
    {
      name: "bad-gzip",
      reason: "parse",
      http: (_request, response) =>
        response
          .writeHead(200, { "content-type": textType, "content-encoding": "gzip" })
          .end("this is not gzip"),
    },
    {
      name: "short-gzip",
      reason: "truncated",
      http: (_request, response) =>
        response
          .writeHead(200, { "content-type": textType, "content-encoding": "gzip" })
          .end(gzipSync(sample.repeat(100)).subarray(0, -12)),
    },
    {
      name: "other-coding",
      reason: "content_type",
      http: (_request, response) =>
        response.writeHead(200, { "content-type": textType, "content-encoding": "br" }).end("xx"),
    },
    {
      name: "redirect",
      reason: "bad_status",
      http: (_request, response) =>
        response.writeHead(302, { location: "http://169.254.169.254/latest/" }).end(),
    },
    {
      name: "error",
      reason: "bad_status",
      http: (_request, response) => response.writeHead(500).end("oops"),
    },
    {
      name: "html",
      reason: "parse",
      http: (_request, response) =>
        response
          .writeHead(200, { "content-type": "text/html" })
          .end("<html><script>alert(1)</script></html>"),
    },
    {
      name: "protobuf",
      reason: "content_type",
      http: (_request, response) =>
        response.writeHead(200, { "content-type": "application/vnd.google.protobuf" }).end("\u0000\u0001"),
    },
    {
      name: "garbage",
      reason: "connect",
      tcp: (socket) => socket.resume().end("\u0000\u0001\u0002 what is this\r\n\r\n"),
    },
    {
      name: "huge-head",
      reason: "too_large",
      tcp: (socket) =>
        socket.once("data", () => socket.end(`HTTP/1.1 200 OK\r\nX: ${"a".repeat(40_000)}\r\n\r\n`)),
    },
    { name: "silent-close", reason: "connect", tcp: (socket) => socket.once("data", () => socket.end()) },
    {
      name: "switching",
      reason: "connect",
      tcp: (socket) =>
        socket.once("data", () =>
          socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        ),
    },
    {
      name: "bad-line",
      reason: "parse",
      http: (_request, response) =>
        response.writeHead(200, { "content-type": textType }).end(`${sample}}{ injected 1\n`),
    },
    {
      name: "two-answers",
      reason: "",
      tcp: (socket) =>
        socket.once("data", () =>
          socket.write(
            `${head("Content-Length: 17\r\n")}${sample}${head("Content-Length: 17\r\n")}${sample}`,
          ),
        ),
    },
  ];
}
