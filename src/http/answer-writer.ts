// Writes a long answer to a client at the client's own speed. Never ends an answer that could not be finished: a short text
// exposition looks like a complete one, so the connection is destroyed instead.
import type { ServerResponse } from "node:http";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { constants, createGzip, createZstdCompress } from "node:zlib";

import type { ContentCoding } from "./accept-encoding.ts";
import { breakOff } from "./break-off.ts";
import { ClientGoneError } from "./client-presence.ts";

/** How long a client may take no byte of an answer that waits for it, before its connection is destroyed. */
export const clientStallMs = 30_000;

// Level 1: on real bodies 27 : 1 at 1 GB/s, where level 6 gives 33 : 1 at a third of the speed.
const gzipLevel = 1;

// Level 1: on merged bodies 23 : 1 to 57 : 1 at 0.9 to 2 GB/s, where gzip gives 18 : 1 to 40 : 1 at 0.4 to 1.1 GB/s. Levels up
// to 9 give no more than 2 % better ratios, at down to a seventh of the speed. Its window of 512 KiB suits every client.
const zstdLevel = 1;

// A fast client takes every block at once, and then the loop below never returns to the event loop by itself.
const longestSliceMs = 10;

/**
 * Destroys the connection of a client that stops reading. `onStall` is told once. A response that waits for its pods, not for
 * its client, is left alone. The watch ends with the response.
 */
export function destroyStalledClient(
  response: ServerResponse,
  o: { stallMs: number; onStall: () => void },
): void {
  // The socket's own timer counts bytes that the kernel takes as activity, so a slow but steady reader is not touched.
  response.setTimeout(o.stallMs, () => {
    if (response.writableLength === 0) return;
    o.onStall();
    breakOff(response);
  });
}

/**
 * Writes all blocks and ends the response; resolves when the last byte went to the operating system. Blocks are taken from the
 * generator one at a time as the client reads, and given back by `next(block)` once they are sent. Rejects, with the connection destroyed, when the
 * client is gone or the generator throws.
 */
export async function writeAnswer(
  response: ServerResponse,
  blocks: Iterable<Buffer>,
  o: { coding: ContentCoding },
): Promise<void> {
  try {
    await (o.coding === "identity"
      ? writeBlocks(response, blocks)
      : writeCompressed(response, blocks, o.coding));
  } catch (error) {
    breakOff(response);
    throw error;
  }
}

async function writeCompressed(
  response: ServerResponse,
  blocks: Iterable<Buffer>,
  coding: "gzip" | "zstd",
): Promise<void> {
  const compressor =
    coding === "gzip"
      ? createGzip({ level: gzipLevel })
      : createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: zstdLevel } });
  const sent = pipeline(compressor, response).catch((error: unknown) => {
    if ((error as { code?: unknown }).code === "ERR_STREAM_PREMATURE_CLOSE") throw new ClientGoneError();
    throw error;
  });
  // Its failure is the consequence of one in writeBlocks(), or is reported by the last line.
  sent.catch(() => undefined);
  try {
    await writeBlocks(compressor, blocks);
  } catch (error) {
    compressor.destroy();
    throw error;
  }
  await sent;
}

async function writeBlocks(sink: Writable, blocks: Iterable<Buffer>): Promise<void> {
  const source: Iterator<Buffer, unknown, Buffer | undefined> = blocks[Symbol.iterator]();
  // Blocks that the sink is done with go back to the generator, which writes over them.
  const free: Buffer[] = [];
  let sliceStart = performance.now();
  try {
    for (let step = source.next(); step.done !== true; step = source.next(free.pop())) {
      const block = step.value;
      // A write to a destroyed response is an error event that nobody could catch.
      if (sink.destroyed) throw new ClientGoneError();
      if (!sink.write(block, () => free.push(block))) await next(sink, "drain");
      if (performance.now() - sliceStart > longestSliceMs) {
        await setImmediate();
        sliceStart = performance.now();
      }
    }
  } finally {
    source.return?.();
  }
  if (sink.destroyed) throw new ClientGoneError();
  const finished = next(sink, "finish");
  sink.end();
  await finished;
}

/** Resolves at the next `event`; rejects if the stream is destroyed before. */
function next(sink: Writable, event: "drain" | "finish"): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      sink.off(event, onEvent).off("close", onClose).off("error", onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onEvent = () => settle();
    const onClose = () => settle(new ClientGoneError());
    sink.on(event, onEvent).on("close", onClose).on("error", onClose);
  });
}
