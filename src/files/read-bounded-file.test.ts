import { execFileSync } from "node:child_process";
import { appendFile, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readBoundedFile } from "./read-bounded-file.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "bounded-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe("readBoundedFile()", () => {
  test("gives the bytes and a hash of them", async () => {
    const path = join(folder, "a");
    const [bytes, other] = [Buffer.alloc(200_000, "x"), Buffer.alloc(200_000, "y")];
    await writeFile(path, bytes);
    const first = await readBoundedFile(path, { maxBytes: 200_000 });
    expect(first.bytes.equals(bytes)).toBe(true);
    await symlink("a", join(folder, "link"));
    expect((await readBoundedFile(join(folder, "link"), { maxBytes: 200_000 })).hash).toBe(first.hash);
    await writeFile(path, other);
    expect((await readBoundedFile(path, { maxBytes: 200_000 })).hash).not.toBe(first.hash);
    await writeFile(path, "");
    expect((await readBoundedFile(path, { maxBytes: 0 })).bytes.length).toBe(0);
  });

  test("refuses a file that is too large", async () => {
    const path = join(folder, "a");
    await writeFile(path, "123456");
    await expect(readBoundedFile(path, { maxBytes: 5 })).rejects.toThrow("it has more than 5 bytes");
    await truncate(path, 2 ** 40);
    await expect(readBoundedFile(path, { maxBytes: 5 })).rejects.toThrow("it has more than 5 bytes");
  });

  test("refuses what is not a regular file", async () => {
    execFileSync("sh", ["-c", `mkfifo "$0"`, join(folder, "pipe")]);
    const check = async (path: string, message: string) =>
      await expect(readBoundedFile(path, { maxBytes: 100 }), path).rejects.toThrow(message);
    await check(folder, "it is not a regular file");
    await check(join(folder, "pipe"), "it is not a regular file");
    await check("/dev/zero", "it is not a regular file");
    await check(join(folder, "missing"), "ENOENT");
  });

  test("refuses a file that grows while it is read", async () => {
    const path = join(folder, "a");
    await writeFile(path, Buffer.alloc(4_000_000));
    const stop = new AbortController();
    const writer = (async () => {
      while (!stop.signal.aborted) await appendFile(path, "x");
    })();
    const attempts = await Promise.allSettled(
      Array.from({ length: 20 }, async () => await readBoundedFile(path, { maxBytes: 8_000_000 })),
    );
    stop.abort();
    await writer;
    expect(attempts.map((attempt) => attempt.status === "rejected" && String(attempt.reason))).toContain(
      "Error: it was written to while it was read",
    );
  });
});
