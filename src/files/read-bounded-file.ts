// Reads one regular file, at most so many bytes, and only if nobody wrote to it meanwhile.
// Never waits for a pipe or a device, and never reads to an end that does not come.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** A file as it was at one moment. The caller owns the bytes. */
export interface FileContent {
  readonly bytes: Buffer;
  /** Equal for equal bytes (SHA-256). */
  readonly hash: string;
}

/** The file has more bytes than may be read. */
export class FileTooLargeError extends Error {
  override readonly name = "FileTooLargeError";
}

/**
 * Follows symbolic links anew at every call. Rejects when the path names no regular file, when the file has more than
 * `maxBytes` bytes, when its size or time changed while it was read, and with the errors of node:fs.
 */
export async function readBoundedFile(
  path: string,
  { maxBytes }: { maxBytes: number },
): Promise<FileContent> {
  // Without O_NONBLOCK, opening a pipe would hold a thread until somebody writes to it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const before = await file.stat({ bigint: true });
    if (!before.isFile()) throw new Error("it is not a regular file");
    if (before.size > maxBytes) throw new FileTooLargeError(`it has more than ${maxBytes} bytes`);
    const content = await readAll(file, { maxBytes });
    const after = await file.stat({ bigint: true });
    if (after.mtimeNs !== before.mtimeNs || after.size !== BigInt(content.bytes.length)) {
      throw new Error("it was written to while it was read");
    }
    return content;
  } finally {
    await file.close();
  }
}

async function readAll(file: FileHandle, { maxBytes }: { maxBytes: number }): Promise<FileContent> {
  const hash = createHash("sha256");
  const chunks: Buffer[] = [];
  // The end is inclusive: a file that grew shows one byte more than it may have.
  for await (const chunk of file.createReadStream({
    end: maxBytes,
    autoClose: false,
  }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    chunks.push(chunk);
  }
  return { bytes: Buffer.concat(chunks), hash: hash.digest("base64") };
}
