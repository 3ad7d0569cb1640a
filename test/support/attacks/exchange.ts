// One request of the catalogue: exactly the given bytes on a socket, and what came back. Bytes are latin-1, one character each.
import { connect } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";

import type { Attack } from "./attack.ts";
import { bytesOfParts } from "./generated-bytes.ts";

export interface Exchange {
  /** 0: the connection ended without an answer. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Without the framing. */
  readonly body: string;
  /** Everything that came. */
  readonly text: string;
  /** Whether the server closed the connection within the time. */
  readonly closed: boolean;
  readonly ms: number;
}

export interface ExchangeOptions {
  readonly port: number;
  /** Waits for the end of the connection, not only of the answer. */
  readonly untilClosed?: boolean;
  readonly timeoutMs?: number;
  readonly tls?: ConnectionOptions;
}

/** More than the longest deadline, and than the time that the head of a request may take. */
const defaultTimeoutMs = 16_000;

export function requestBytes({ method, path, headers = {}, raw, rawParts }: Attack["request"]): Buffer {
  if (rawParts !== undefined) return bytesOfParts(rawParts);
  if (raw !== undefined) return Buffer.from(raw, "latin1");
  const given = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
  const lines = [
    ...(given.has("host") ? [] : ["Host: p"]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(given.has("connection") ? [] : ["Connection: close"]),
  ];
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** Never rejects: a server that answers nothing is what some of the catalogue is about. */
export function exchange(bytes: Buffer | string, o: ExchangeOptions): Promise<Exchange> {
  return new Promise((resolve) => {
    const startMs = performance.now();
    const address = { port: o.port, host: "127.0.0.1" };
    const socket = o.tls === undefined ? connect(address) : connectTls({ ...o.tls, ...address });
    const chunks: Buffer[] = [];
    let closed = true;
    const leave = () => {
      closed = false;
      socket.destroy();
    };
    const timer = setTimeout(leave, o.timeoutMs ?? defaultTimeoutMs);
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (o.untilClosed !== true && isWhole(Buffer.concat(chunks).toString("latin1"))) leave();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      const text = Buffer.concat(chunks).toString("latin1");
      resolve({ ...parseAnswer(text), text, closed, ms: performance.now() - startMs });
    });
    socket.on(o.tls === undefined ? "connect" : "secureConnect", () => {
      socket.write(bytes);
    });
  });
}

function parseAnswer(text: string): Pick<Exchange, "status" | "headers" | "body"> {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return { status: 0, headers: new Map(), body: text };
  const [statusLine = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map(
    lines.map((line): [string, string] => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const rest = text.slice(end + 4);
  const chunked = headers.get("transfer-encoding")?.toLowerCase() === "chunked";
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})\b/u.exec(statusLine)?.[1] ?? 0),
    headers,
    body: chunked ? dechunk(rest) : rest,
  };
}

function dechunk(text: string): string {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const lineEnd = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (lineEnd === -1 || !(size > 0)) break;
    pieces.push(text.slice(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return pieces.join("");
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return false;
  const head = text.slice(0, end).toLowerCase();
  const length = /\r\ncontent-length: *(\d+)/u.exec(head)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return head.includes("transfer-encoding: chunked") && text.endsWith("\r\n0\r\n\r\n");
}
