import { expect, test } from "vitest";
import { ApiError } from "../../discovery/kubernetes/api-error.ts";
import { Outage } from "./outage.ts";

function start() {
  const lines: unknown[] = [];
  const time = { nowMs: 0 };
  const log = (fields: object, text?: string) => void lines.push([fields, text]);
  const outage = new Outage({ kind: "TokenReview", logger: { info: log, warn: log }, now: () => time.nowMs });
  return { outage, lines, time };
}

const away = new ApiError("unreachable", "the API server cannot be reached (ECONNREFUSED)");
const forbidden = new ApiError("forbidden", "the API server refuses", { status: 403 });

test("begins when the API server is away, and ends when it answers", () => {
  const { outage, lines } = start();
  expect(outage.isOn).toBe(false);
  outage.over();
  expect(lines).toEqual([]);
  outage.failed(away, { isAway: true });
  expect(outage.isOn).toBe(true);
  outage.over();
  expect(outage.isOn).toBe(false);
  outage.over();
  expect(lines).toEqual([
    [
      { kind: "TokenReview", problem: "unreachable", status: undefined },
      "Cannot review callers (KUBERNETES_AUTH): the API server cannot be reached (ECONNREFUSED)",
    ],
    [{ kind: "TokenReview" }, "Callers can be reviewed again"],
  ]);
});

test("is none where the server is there and refuses: that is said, with what is missing", () => {
  const { outage, lines } = start();
  outage.failed(forbidden, { isAway: false });
  expect(outage.isOn).toBe(false);
  expect(lines).toEqual([
    [
      { kind: "TokenReview", problem: "forbidden", status: 403 },
      "Cannot review callers (KUBERNETES_AUTH): the API server refuses: the proxy's account may not create it",
    ],
  ]);
});

test("lets one try through a second, counted from the last failure too", () => {
  const { outage, time } = start();
  expect([outage.mayTry(), outage.mayTry()]).toEqual([true, false]);
  time.nowMs = 999;
  expect(outage.mayTry()).toBe(false);
  time.nowMs = 1000;
  expect(outage.mayTry()).toBe(true);
  time.nowMs = 1500;
  outage.failed(away, { isAway: true });
  time.nowMs = 2499;
  expect(outage.mayTry()).toBe(false);
  time.nowMs = 2500;
  expect(outage.mayTry()).toBe(true);
});

test("is logged once in ten seconds", () => {
  const { outage, lines, time } = start();
  for (const nowMs of [0, 1, 9999, 10_000, 10_001]) {
    time.nowMs = nowMs;
    outage.failed(away, { isAway: true });
  }
  expect(lines).toHaveLength(2);
});
