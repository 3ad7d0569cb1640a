// Shows what a program does towards the network to its judge, at Node's own doors: sockets, names, processes, and the decoding of JSON.
// Changes nothing that a program can see but time. For a whole process, or for the part of one that `current` tells apart.
import { Buffer } from "node:buffer";
import childProcess from "node:child_process";
import dgram from "node:dgram";
import diagnostics from "node:diagnostics_channel";
import dns from "node:dns";
import type { IncomingMessage, ServerResponse } from "node:http";
import { syncBuiltinESMExports } from "node:module";
import { Socket } from "node:net";
import type { Writable } from "node:stream";
import zlib from "node:zlib";

import type { ProgramWatch, Tap } from "./program-watch.ts";

type Current = () => ProgramWatch | undefined;
type Method = (this: unknown, ...args: unknown[]) => unknown;

/** To be called once in a process. */
export function watchNode(current: Current): void {
  watchConnections(current);
  watchClients(current);
  watchCompression(current);
  watchNames(current);
  before(dgram.Socket.prototype, ["bind", "connect", "send"], () =>
    current()?.opened("a socket for datagrams"),
  );
  before(childProcess.ChildProcess.prototype, ["spawn"], () => current()?.opened("a process"));
  watchDocuments(current);
  syncBuiltinESMExports();
}

/** Has `see` called before each of the methods, with its arguments. */
function before(
  owner: object,
  names: readonly string[],
  see: (args: readonly unknown[], self: unknown) => void,
) {
  const methods = owner as Record<string, Method>;
  for (const name of names) {
    const method = methods[name];
    if (typeof method !== "function")
      throw new TypeError(`Cannot watch ${name}: this Node has no such function`);
    methods[name] = function (...args) {
      see(args, this);
      return Reflect.apply(method, this, args);
    };
  }
}

function watchConnections(current: Current): void {
  before(Socket.prototype, ["connect"], (args, self) => {
    const watch = current();
    if (watch === undefined) return;
    const { path, host = "localhost", port } = addressOf(args);
    // Agents of node:http set it to null.
    if (typeof path === "string") return watch.opened(`a local socket ${path}`);
    const tap = watch.dialled(host, Number(port));
    if (tap !== undefined) show(self as Socket, tap);
  });
}

interface Address {
  readonly path?: string | null;
  readonly host?: string;
  readonly port?: number | string;
}

/** connect() takes options, or a port and a host, or a path; inside of Node the same in one array. */
function addressOf(args: readonly unknown[]): Address {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as unknown[]) : args;
  if (typeof first === "object" && first !== null) return first;
  if (typeof first === "string" && !/^\d+$/u.test(first)) return { path: first };
  return { port: first as number, ...(typeof second === "string" && { host: second }) };
}

/** Of TLS, what is written before it is encrypted. */
function show(socket: Writable, tap: Tap): void {
  before(socket, ["_write"], ([chunk, encoding]) => tap(bytesOf(chunk, encoding)));
  before(socket, ["_writev"], ([chunks]) => {
    for (const { chunk, encoding } of chunks as { chunk: unknown; encoding: unknown }[])
      tap(bytesOf(chunk, encoding));
  });
}

function bytesOf(chunk: unknown, encoding: unknown): Buffer {
  if (typeof chunk === "string")
    return Buffer.from(chunk, typeof encoding === "string" ? (encoding as BufferEncoding) : "utf8");
  const { buffer, byteOffset, byteLength } = chunk as Uint8Array<ArrayBuffer>;
  return Buffer.from(buffer, byteOffset, byteLength);
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly socket: Socket;
}

function watchClients(current: Current): void {
  const shown = new WeakSet<Socket>();
  diagnostics.subscribe("http.server.request.start", (message) => {
    const watch = current();
    if (watch === undefined) return;
    const { request, response, socket } = message as Exchange;
    watch.asked(request.url ?? "", request.headersDistinct);
    // The body as such: on its way through the socket it has the framing of HTTP/1.1 in between.
    const body = watch.answers();
    before(response, ["write", "end"], ([chunk, encoding]) => {
      if (typeof chunk === "string" || chunk instanceof Uint8Array) body(bytesOf(chunk, encoding));
    });
    if (shown.has(socket)) return;
    shown.add(socket);
    show(socket, watch.answers());
  });
}

/** What goes into a compressed answer, which cannot be searched any more. */
function watchCompression(current: Current): void {
  const taps = new WeakMap<object, Tap>();
  // Compression and decompression share it.
  const base = Object.getPrototypeOf(zlib.Gzip.prototype) as object;
  const owner = Object.hasOwn(base, "_transform") ? base : (Object.getPrototypeOf(base) as object);
  before(owner, ["_transform"], ([chunk, encoding], stream) => {
    const watch = current();
    if (watch === undefined || !(stream instanceof zlib.Gzip || stream instanceof zlib.ZstdCompress)) return;
    const tap = taps.get(stream) ?? watch.answers();
    taps.set(stream, tap);
    tap(bytesOf(chunk, encoding));
  });
}

function watchNames(current: Current): void {
  for (const owner of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
    const names = Object.getOwnPropertyNames(owner).filter((name) => /^(lookup|resolve|reverse)/u.test(name));
    before(owner, names, ([name]) => current()?.lookedUp(String(name)));
  }
}

function watchDocuments(current: Current): void {
  const { parse } = JSON;
  JSON.parse = (text: string, reviver?: Parameters<typeof parse>[1]) => {
    const document: unknown = parse(text, reviver);
    current()?.told(document);
    return document;
  };
}
