import { hashSync } from "bcryptjs";
import { expect, test } from "vitest";
import { BcryptThread } from "./bcrypt-thread.ts";

const hash = hashSync("right", 4);

test("answers questions in their order, and begins again after a thread has ended", async () => {
  const thread = new BcryptThread();
  try {
    expect(
      await Promise.all(["right", "wrong", "right"].map((password) => thread.compare({ password, hash }))),
    ).toEqual([true, false, true]);
    const open = thread.compare({ password: "right", hash: hashSync("right", 12) });
    const ended = expect(open).rejects.toThrow("Cannot check a password: the thread for bcrypt has ended");
    await thread.close();
    await ended;
    expect(await thread.compare({ password: "right", hash })).toBe(true);
  } finally {
    await thread.close();
  }
});

test("a question that kills the thread is rejected, and costs the next one nothing", async () => {
  const thread = new BcryptThread();
  try {
    // No hash at all: bcryptjs throws.
    const broken = { password: "x", hash: undefined as unknown as string };
    await expect(thread.compare(broken)).rejects.toThrow();
    expect(await thread.compare({ password: "right", hash })).toBe(true);
  } finally {
    await thread.close();
  }
});

test("close() without a question does nothing", async () => {
  await expect(new BcryptThread().close()).resolves.toBeUndefined();
});
