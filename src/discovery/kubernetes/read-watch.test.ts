import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readWatch } from "./read-watch.ts";

const line = (resourceVersion: string) =>
  `${JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion } } })}\n`;

function read(
  body: Readable,
  onEvent: (resourceVersion: string) => void,
  signal = new AbortController().signal,
) {
  return readWatch(body, {
    onEvent: ({ resourceVersion }) => onEvent(resourceVersion),
    idleMs: 5000,
    signal,
  });
}

test("gives the events in their order, and nothing of half an event at the end", async () => {
  const seen: string[] = [];
  await read(
    Readable.from([Buffer.from(line("1") + line("2")), Buffer.from(line("3").slice(0, -2))]),
    (version) => seen.push(version),
  );
  expect(seen).toEqual(["1", "2"]);
});

test("gives nothing any more once it is stopped, though it was read already", async () => {
  const stop = new AbortController();
  const seen: string[] = [];
  const body = Readable.from([Buffer.from(line("1") + line("2"))]);
  const reading = read(
    body,
    (version) => {
      seen.push(version);
      stop.abort(new Error("stopped"));
    },
    stop.signal,
  );
  await expect(reading).rejects.toThrow("stopped");
  expect([seen, body.destroyed]).toEqual([["1"], true]);
});

test("lets a mistake of whoever takes the events through as it is", async () => {
  const mistake = new TypeError("a mistake");
  const reading = read(Readable.from([Buffer.from(line("1"))]), () => {
    throw mistake;
  });
  await expect(reading).rejects.toBe(mistake);
});
