import { expect, test } from "vitest";
import { Alarm } from "../../test/support/files/alarm.ts";
import { poll } from "./poll.ts";

test("poll() looks after each pause until it is aborted", async () => {
  const alarm = new Alarm();
  const abort = new AbortController();
  let looks = 0;
  const polling = poll(async () => void looks++, {
    intervalMs: 7,
    signal: abort.signal,
    sleep: alarm.sleep,
  });
  expect(looks).toBe(0);
  await alarm.ring();
  await alarm.ring();
  abort.abort();
  await polling;
  expect(looks).toBe(2);
  expect(alarm.slept).toEqual([7, 7, 7]);
});

test("poll() finishes the look that runs when it is aborted", async () => {
  const abort = new AbortController();
  const look = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let ended = false;
  const polling = poll(
    () => {
      begun.resolve();
      return look.promise;
    },
    { intervalMs: 1, signal: abort.signal },
  ).then(() => (ended = true));
  await begun.promise;
  abort.abort();
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toBe(false);
  look.resolve();
  await polling;
});

test("poll() fails with its look", async () => {
  const failing = poll(() => Promise.reject(new Error("broken")), {
    intervalMs: 1,
    signal: new AbortController().signal,
  });
  await expect(failing).rejects.toThrow("broken");
});
