// Headers that stand on every answer of a listener, whoever writes it, and requests that are not admitted.
import { afterAll, beforeAll, expect, test } from "vitest";

import { rawRequest } from "../../test/support/http/raw-request.ts";
import { createLogger } from "../telemetry/logger.ts";
import { HttpError } from "./http-error.ts";
import { Listener } from "./listener.ts";

let listener: Listener;
let port = 0;
let headers: Record<string, string> = {};
let admitted = true;
beforeAll(async () => {
  listener = new Listener({
    logger: createLogger({ level: "error", format: "json", destination: { write: () => undefined } }),
    urlPrefix: "/v1",
    answerHeaders: () => headers,
    admitRequest: () => {
      if (!admitted) throw new HttpError(429, "Cannot answer: too many requests");
    },
  });
  listener.app.get("/route", () => "route");
  listener.app.get("/raw", async (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/plain", "x-frame-options": "of the route" });
    reply.raw.end("raw");
  });
  listener.app.get("/broken", () => {
    throw new Error("unexpected");
  });
  ({ port } = await listener.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" }));
});
afterAll(() => listener.close({ graceMs: 0 }));

const closing = "Host: a\r\nConnection: close\r\n\r\n";

test.for([
  [200, `GET /v1/route HTTP/1.1\r\n${closing}`],
  [200, `GET /v1/raw HTTP/1.1\r\n${closing}`],
  [404, `GET /v1/nothing HTTP/1.1\r\n${closing}`],
  [404, `GET /outside HTTP/1.1\r\n${closing}`],
  [405, `POST /v1/route HTTP/1.1\r\n${closing}`],
  [400, `GET /v1/%zz HTTP/1.1\r\n${closing}`],
  [400, `GET http://a/v1/route HTTP/1.1\r\n${closing}`],
  [400, `GET /v1/route HTTP/1.1\r\nConnection: close\r\n\r\n`],
  [400, "nonsense\r\n\r\n"],
  [431, `GET /v1/route HTTP/1.1\r\nX: ${"x".repeat(17_000)}\r\n${closing}`],
  [405, `CONNECT a:1 HTTP/1.1\r\n${closing}`],
  [500, `GET /v1/broken HTTP/1.1\r\n${closing}`],
] as const)("further headers are on the answer %d to %j", async ([status, bytes]) => {
  headers = { "strict-transport-security": "max-age=1", "x-content-type-options": "nosniff" };
  const answer = await rawRequest(bytes, { port });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("strict-transport-security")).toBe("max-age=1");
  expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  headers = {};
  expect((await rawRequest(bytes, { port })).headers.has("strict-transport-security")).toBe(false);
});

test("a request that is not admitted gets no further", async () => {
  admitted = false;
  headers = { "x-frame-options": "deny" };
  for (const target of ["/v1/route", "/v1/nothing", "/outside"]) {
    const answer = await rawRequest(`GET ${target} HTTP/1.1\r\n${closing}`, { port });
    expect([answer.status, answer.rest, answer.headers.get("x-frame-options")]).toEqual([
      429,
      "Cannot answer: too many requests\n",
      "deny",
    ]);
  }
  admitted = true;
  expect((await rawRequest(`GET /v1/route HTTP/1.1\r\n${closing}`, { port })).status).toBe(200);
});
