import { expect, test } from "vitest";
import { errorOfStatus } from "./api-error.ts";

test.for([
  [401, "unauthorized"],
  [403, "forbidden"],
  [410, "expired"],
  [429, "busy"],
  [503, "busy"],
  [301, "refused"],
  [404, "refused"],
  [500, "refused"],
  [504, "refused"],
] as const)("status %i is %s", ([status, problem]) => {
  expect(errorOfStatus(status, undefined)).toMatchObject({ problem, status });
});

test.for([
  { reason: "Expired" },
  { reason: "Gone" },
  { message: "Timeout: Too large resource version: 9, current: 5" },
  { details: { causes: [null, { reason: "ResourceVersionTooLarge" }] } },
])("a Status of %j is expired, whatever its code", (body) => {
  expect(errorOfStatus(504, body).problem).toBe("expired");
});

test("the header Retry-After beats retryAfterSeconds, and neither makes anybody wait for more than a minute", () => {
  const check = (retryAfterMs: number | undefined, body: unknown) =>
    errorOfStatus(429, body, { retryAfterMs }).retryAfterMs;
  expect(check(undefined, {})).toBeUndefined();
  expect(check(undefined, { details: { retryAfterSeconds: 7 } })).toBe(7000);
  expect(check(3000, { details: { retryAfterSeconds: 7 } })).toBe(3000);
  expect(check(undefined, { details: { retryAfterSeconds: 1e9 } })).toBe(60_000);
  expect(check(undefined, { details: { retryAfterSeconds: -1 } })).toBe(0);
  expect(check(undefined, { details: { retryAfterSeconds: "7" } })).toBeUndefined();
});

test("the server's words are kept apart from the message, and bounded", () => {
  const error = errorOfStatus(403, { message: "x".repeat(100_000) });
  expect(error.message).toBe("the API server answered 403");
  expect(error.serverMessage).toBe("x".repeat(65_536));
});

test.for([null, "text", 1, [], { message: 1, details: "x" }, { details: { causes: "x" } }])(
  "a body of %j does no harm",
  (body) => {
    expect(errorOfStatus(500, body)).toMatchObject({ problem: "refused", serverMessage: undefined });
  },
);
