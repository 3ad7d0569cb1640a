// What a pod of the catalogue does with a request, step by step, on the bare socket. Ends early when the proxy closes.
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { PodAnswer, PodStep } from "./attack.ts";
import { bodyOf, bytesOfParts, piecesOfPart } from "./generated-bytes.ts";

/** `raw` is the TCP connection below `stream`, which may speak TLS. */
export interface PodConnection {
  readonly stream: Duplex;
  readonly raw: Socket;
}

export async function runSteps(steps: readonly PodStep[], connection: PodConnection): Promise<void> {
  const closed = new AbortController();
  connection.raw.once("close", () => closed.abort());
  try {
    for (const step of steps) {
      if (connection.stream.destroyed) return;
      await runStep(step, connection, closed.signal);
    }
  } catch (error) {
    if (!connection.stream.destroyed) throw error;
  }
}

async function runStep(step: PodStep, { stream, raw }: PodConnection, closed: AbortSignal): Promise<void> {
  if ("send" in step) await write(stream, Buffer.from(step.send, "latin1"));
  else if ("sleepMs" in step) await pause(step.sleepMs, closed);
  else if ("close" in step) stream.end();
  else if ("repeat" in step) await writeAll(stream, piecesOfPart(step));
  else if ("http" in step) await answer(stream, step.http);
  else if ("resetAfterHeaders" in step) {
    await write(stream, Buffer.from(`${statusLine(200)}Content-Type: text/plain\r\n\r\n`));
    // What is not sent yet would be lost with the reset.
    await pause(50, closed);
    raw.resetAndDestroy();
  } else if ("drip" in step) {
    for (const byte of Buffer.from(step.drip.s, "latin1")) {
      await write(stream, Buffer.from([byte]));
      await pause(step.drip.everyMs, closed);
    }
  }
  // The others are about the time before the request, or about nothing at all: pod-network.ts.
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${status === 200 ? "OK" : "Status"}\r\n`;
}

async function answer(stream: Duplex, { status, headers, ...o }: PodAnswer): Promise<void> {
  const body = o.bodyGen
    ? bodyOf(o.bodyGen)
    : o.bodyParts
      ? bytesOfParts(o.bodyParts)
      : Buffer.from(o.body ?? "", "latin1");
  const all = {
    Connection: "close",
    ...(Buffer.isBuffer(body) && { "Content-Length": body.length }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  await write(stream, Buffer.from(`${statusLine(status)}${lines.join("")}\r\n`, "latin1"));
  if (Buffer.isBuffer(body)) await write(stream, body);
  else await writeAll(stream, body);
}

async function writeAll(stream: Duplex, pieces: Iterable<Buffer> | AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of pieces) {
    if (stream.destroyed) return;
    await write(stream, piece);
  }
}

/** Resolves when there is room for more, or never will be. */
function write(stream: Duplex, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.write(bytes)) return resolve();
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
