import { expect, test } from "vitest";

import { CallerFailures } from "./caller-failures.ts";

test("CallerFailures counts every refusal, and logs each reason once in ten seconds", () => {
  const counted: string[] = [];
  const log: unknown[] = [];
  const clock = { ms: 0 };
  const failures = new CallerFailures({
    metrics: { authenticationFailed: (reason) => void counted.push(reason) },
    logger: { warn: (fields: unknown) => void log.push(fields) } as never,
    now: () => clock.ms,
  });
  const record = (reason: "no_credentials" | "not_permitted", caller?: string) =>
    failures.record(reason, { caller, client: "10.0.0.1", refusal: "no" });
  for (let index = 0; index < 5; index++) record("no_credentials");
  record("not_permitted", "x".repeat(500));
  clock.ms = 10_000;
  record("no_credentials");
  expect(counted).toHaveLength(7);
  const common = { client: "10.0.0.1", refusal: "no" };
  expect(log).toEqual([
    { ...common, reason: "no_credentials", caller: undefined, unlogged: 0 },
    { ...common, reason: "not_permitted", caller: "x".repeat(200), unlogged: 0 },
    { ...common, reason: "no_credentials", caller: undefined, unlogged: 4 },
  ]);
});
