import { IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { FastifyReply } from "fastify";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Deadline } from "../scrape/deadline.ts";
import { holdPods, watchClient } from "./scrape-admission.ts";
import { unavailable } from "./unavailable.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

function watch() {
  const hits: string[] = [];
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  watchClient({ raw: response } as FastifyReply, {
    deadline: new Deadline(60_000, { now: () => 0 }),
    metrics: { limitHit: (limit) => void hits.push(limit) },
  });
  return { response, hits };
}

test("watchClient() destroys an answer that is not over 30 s after its deadline", () => {
  const { response, hits } = watch();
  vi.advanceTimersByTime(89_999);
  expect([response.destroyed, hits]).toEqual([false, []]);
  vi.advanceTimersByTime(1);
  expect([response.destroyed, hits]).toEqual([true, ["client_stall"]]);
});

test("watchClient() leaves no timer behind an answer that is over", () => {
  const { response, hits } = watch();
  response.emit("close");
  vi.advanceTimersByTime(100_000);
  expect(hits).toEqual([]);
});

test("unavailable() asks to come again after 1 to 5 s", () => {
  const seconds = Array.from({ length: 200 }, () => unavailable("x").options.retryAfterSeconds);
  expect(new Set(seconds)).toEqual(new Set([1, 2, 3, 4, 5]));
});

test("holdPods() gives back a namespace that comes after the answer is over", async () => {
  let released = 0;
  const late = Promise.withResolvers<{ release: () => void }>();
  const pods = {
    hold: (namespace: string | undefined) =>
      namespace === "a" ? late.promise : Promise.reject(new Error("a mistake")),
  };
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const holding = holdPods({ raw: response } as FastifyReply, {
    pods,
    namespaces: ["a", "b"],
    deadline: new Deadline(60_000, { now: () => 0 }),
    signal: new AbortController().signal,
  });
  await expect(holding).rejects.toThrow("a mistake");
  response.emit("close");
  late.resolve({ release: () => void released++ });
  await late.promise;
  expect(released).toBe(1);
});

test("holdPods() gives every namespace back when the answer is over, also when one could not be had", async () => {
  const held: (string | undefined)[] = [];
  const pods = {
    hold: (namespace: string | undefined) => {
      if (namespace === "c") return Promise.reject(new Error("a mistake"));
      held.push(namespace);
      return Promise.resolve({ release: () => void held.splice(held.indexOf(namespace), 1) });
    },
  };
  const response = new ServerResponse(new IncomingMessage(new Socket()));
  const holding = holdPods({ raw: response } as FastifyReply, {
    pods,
    namespaces: ["a", "b", "c"],
    deadline: new Deadline(60_000, { now: () => 0 }),
    signal: new AbortController().signal,
  });
  await expect(holding).rejects.toThrow("a mistake");
  expect(held).toEqual(["a", "b"]);
  response.emit("close");
  expect(held).toEqual([]);
});
