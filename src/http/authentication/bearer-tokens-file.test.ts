// The file over real files: what is in it, what replaces it, and what is told.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

import { BearerTokensFile, maxTokens, maxTokensFileBytes, parseTokens } from "./bearer-tokens-file.ts";
import { TokenDigests } from "./token-digests.ts";

let folder: string;
let path: string;
const files: BearerTokensFile[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tokens-"));
  path = join(folder, "tokens");
});
afterEach(async () => {
  await Promise.all(files.splice(0).map((file) => file.stop()));
  await rm(folder, { recursive: true });
});

function create() {
  const log: string[] = [];
  const limits: string[] = [];
  let nextLook = Promise.withResolvers<void>();
  let slept = Promise.withResolvers<void>();
  const write = (fields: { err?: Error }, text: string) =>
    void log.push(`${text} ${fields.err?.message ?? ""}`.trim());
  const file = new BearerTokensFile({
    path,
    logger: { info: write, warn: write } as never,
    metrics: { limitHit: (limit) => void limits.push(limit) },
    sleep: (_ms, signal) => {
      slept.resolve();
      signal.addEventListener("abort", () => nextLook.reject(signal.reason as Error));
      return nextLook.promise;
    },
  });
  files.push(file);
  /** Resolves after another look at the file. */
  const look = async () => {
    slept = Promise.withResolvers();
    const now = nextLook;
    nextLook = Promise.withResolvers();
    now.resolve();
    await slept.promise;
  };
  return { file, log, limits, look };
}

test("parseTokens() takes one token a line, without blanks around it, empty lines and comments", () => {
  expect(parseTokens("# of team a\na.b-c\r\n\n  d==  \n  # e\nf#g")).toEqual(["a.b-c", "d==", "f#g"]);
  expect(parseTokens("")).toEqual([]);
});

test.for(["good\nab cd\n", "good\na\tb", "good\né"])(
  "parseTokens(%j) names the line and shows nothing of it",
  (text) => {
    expect(() => parseTokens(text)).toThrow(/^line 2 holds something else than one token$/);
  },
);

test("parseTokens() takes 5,000 tokens and no more", () => {
  const lines = (count: number) => Array.from({ length: count }, (_, index) => `token-${index}`).join("\n");
  expect(parseTokens(lines(maxTokens))).toHaveLength(5000);
  expect(() => parseTokens(lines(maxTokens + 1))).toThrow("it holds more than 5000 tokens");
});

test("TokenDigests.has() knows the whole of each token and nothing else", () => {
  const tokens = Array.from({ length: 300 }, (_, index) => `token-${index}`);
  const digests = new TokenDigests(tokens);
  expect(tokens.every((token) => digests.has(token))).toBe(true);
  for (const token of ["", "token-", "token-300", "token-1 ", "Token-1", "token-11111"]) {
    expect(digests.has(token), token).toBe(false);
  }
  expect(new TokenDigests([]).has("")).toBe(false);
});

test("start() rejects with the variable's name where there is no usable file", async () => {
  await expect(create().file.start()).rejects.toThrow(
    /^Cannot read tokens from BEARER_TOKENS_FILE ".*": ENOENT/,
  );
  await writeFile(path, "secret one\n");
  const problem: unknown = await create()
    .file.start()
    .catch((error: unknown) => error);
  expect(String(problem)).toMatch(/line 1 holds/);
  expect(String(problem)).not.toContain("secret");
});

test("a changed file counts at the next look, an emptied one lets nobody in", async () => {
  await writeFile(path, "one\ntwo\n");
  const { file, look, log } = create();
  await file.start();
  expect([file.has("one"), file.has("two"), file.has("three")]).toEqual([true, true, false]);
  await writeFile(path, "two\nthree\n");
  await look();
  expect([file.has("one"), file.has("two"), file.has("three")]).toEqual([false, true, true]);
  await look();
  await writeFile(path, "# none\n");
  await look();
  expect(file.has("two")).toBe(false);
  expect(log).toEqual([
    "Tokens read from BEARER_TOKENS_FILE",
    "Tokens read from BEARER_TOKENS_FILE",
    "BEARER_TOKENS_FILE holds no token: nobody is let in by it",
  ]);
});

test("a file that cannot be used any more leaves the last good tokens in use, and that is logged once", async () => {
  await writeFile(path, "one\n");
  const { file, look, log, limits } = create();
  await file.start();
  for (const spoil of [
    () => rm(path),
    () => writeFile(path, "a b"),
    () => writeFile(path, "x".repeat(maxTokensFileBytes + 1)),
  ]) {
    await spoil();
    await look();
    await look();
    expect(file.has("one")).toBe(true);
  }
  await writeFile(path, "one\n");
  await look();
  expect(log.map((line) => line.replace(/^(BEARER_TOKENS_FILE cannot be used).*: (.*)/, "$1: $2"))).toEqual([
    "Tokens read from BEARER_TOKENS_FILE",
    expect.stringMatching(/^BEARER_TOKENS_FILE cannot be used: no such file/),
    "BEARER_TOKENS_FILE cannot be used: line 1 holds something else than one token",
    "BEARER_TOKENS_FILE cannot be used: it has more than 1048576 bytes",
    "BEARER_TOKENS_FILE can be used again",
  ]);
  expect(limits).toEqual(["bearer_tokens_file_size"]);
});
