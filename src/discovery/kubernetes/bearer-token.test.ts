import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileToken, FixedToken, parseTokenFile } from "./bearer-token.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "token-"));
  path = join(folder, "token");
});
afterEach(() => rm(folder, { recursive: true }));

function create() {
  const clock = { ms: 0 };
  const lines: string[] = [];
  const log = (_fields: unknown, text: string) => void lines.push(text);
  const token = new FileToken({ path, now: () => clock.ms, logger: { info: log, warn: log } as never });
  return { token, clock, lines };
}

test.for([
  ["abc", "abc"],
  ["  abc.d-e_f \r\n", "abc.d-e_f"],
  ["K8S_GLOBAL_TOKEN=abc\n", "abc"],
  ["K8S_GLOBAL_TOKEN= abc", "abc"],
  ["K8S_GLOBAL_TOKEN=a=b==", "a=b=="],
])("a file with %j holds the token %j", ([text, token]) => {
  expect(parseTokenFile(text!)).toBe(token);
});

test.for(["", " \n", "K8S_GLOBAL_TOKEN=", "s3cret s3cret", "s3cret\ns3cret", "s3cr\u00e9t", "s3cret\0"])(
  "a file with %j is refused, without a word of it",
  (text) => {
    expect(() => parseTokenFile(text)).toThrow(/^it (is empty|holds something else than one token)$/);
  },
);

test("FixedToken has no other token to give", async () => {
  const token = new FixedToken("abc");
  expect([await token.read(), token.refused()]).toEqual(["abc", false]);
});

test("the file is read again after a minute, not before", async () => {
  await writeFile(path, "old");
  const { token, clock } = create();
  expect(await token.read()).toBe("old");
  await writeFile(path, "new");
  clock.ms = 59_999;
  expect(await token.read()).toBe("old");
  clock.ms = 60_000;
  expect(await token.read()).toBe("new");
});

test("a refused token is read again at once, one that was replaced meanwhile is not", async () => {
  await writeFile(path, "old");
  const { token } = create();
  await token.read();
  await writeFile(path, "new");
  token.refused("another");
  expect(await token.read()).toBe("old");
  token.refused("old");
  expect(await token.read()).toBe("new");
});

test("a file that cannot be used leaves the last token in place, and is logged once without its content", async () => {
  await writeFile(path, "old");
  const { token, clock, lines } = create();
  await token.read();
  for (const text of ["", "s3cret s3cret", "s3cret s3cret"]) {
    await writeFile(path, text);
    clock.ms += 60_000;
    expect(await token.read()).toBe("old");
  }
  await rm(path);
  clock.ms += 60_000;
  expect(await token.read()).toBe("old");
  await writeFile(path, "new");
  clock.ms += 60_000;
  expect(await token.read()).toBe("new");
  expect(lines).toEqual([
    expect.stringMatching(
      /^Cannot read a token from TOKEN_FILE ".*": it is empty; the last one stays in use$/,
    ),
    expect.stringContaining("it holds something else than one token"),
    expect.stringContaining("ENOENT"),
    "TOKEN_FILE can be read again",
  ]);
  expect(lines.join()).not.toContain("s3cret");
});

test("without any token so far, reading rejects until there is one", async () => {
  const { token } = create();
  await expect(token.read()).rejects.toMatchObject({
    problem: "credentials",
    message: expect.stringContaining("TOKEN_FILE"),
  });
  await writeFile(path, "first");
  expect(await token.read()).toBe("first");
});
