import { expect, test } from "vitest";

import type { Refusal } from "../targets/access-policy.ts";
import { MalformedRequestError } from "../targets/malformed-request-error.ts";
import { errorHeaders, rawErrorResponse, refusalError, toHttpError } from "./error-response.ts";
import { HttpError } from "./http-error.ts";

const check = (refused: Refusal["refused"], status: number) =>
  test(`refusalError() answers ${status} for ${refused}`, () => {
    const error = refusalError({ refused, text: "Cannot do it: a reason" });
    expect([error.status, error.message]).toEqual([status, "Cannot do it: a reason"]);
  });

check("path", 500);
check("cidr", 500);
check("namespace", 403);
check("port", 403);
check("pod", 403);

test("toHttpError() keeps an HttpError", () => {
  const error = new HttpError(503, "Cannot scrape: too many scrapes", { retryAfterSeconds: 2 });
  expect(toHttpError(error)).toEqual({ httpError: error, unexpected: false });
});

test("toHttpError() answers 400 with the text of a malformed request", () => {
  const { httpError, unexpected } = toHttpError(
    new MalformedRequestError("port", "Cannot read the port: it is empty"),
  );
  expect([httpError.status, httpError.message, unexpected]).toEqual([
    400,
    "Cannot read the port: it is empty",
    false,
  ]);
});

test("toHttpError() shows nothing of an unexpected error", () => {
  for (const thrown of [new Error("token SECRET"), "SECRET", undefined, null]) {
    const { httpError, unexpected } = toHttpError(thrown);
    expect([httpError.status, unexpected]).toEqual([500, true]);
    expect(httpError.message).not.toContain("SECRET");
    expect(httpError.cause).toBe(thrown);
  }
});

test("errorHeaders() are those of a text that nobody stores or sniffs", () => {
  expect(errorHeaders(new HttpError(404, "x"))).toEqual({
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  });
});

test("errorHeaders() carry what the status needs", () => {
  const error = new HttpError(405, "x", { allow: "GET", retryAfterSeconds: 3, closeConnection: true });
  expect(errorHeaders(error)).toMatchObject({ allow: "GET", "retry-after": "3", connection: "close" });
});

test("rawErrorResponse() is one whole answer that closes", () => {
  const [head, body] = rawErrorResponse(new HttpError(431, "Cannot read it")).split("\r\n\r\n");
  expect(head?.split("\r\n")).toEqual(
    expect.arrayContaining([
      "HTTP/1.1 431 Request Header Fields Too Large",
      "content-length: 15",
      "connection: close",
    ]),
  );
  expect(body).toBe("Cannot read it\n");
});
