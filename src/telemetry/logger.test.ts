import { expect, test } from "vitest";
import { createLogger, type LoggerOptions } from "./logger.ts";

function createLog(level: LoggerOptions["level"] = "debug") {
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  return { logger: createLogger({ level, format: "json", destination }), lines };
}

function only(lines: readonly string[]): Record<string, unknown> {
  expect(lines).toHaveLength(1);
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

test("createLogger() writes one JSON object a line, with the level as a word", () => {
  const { logger, lines } = createLog();
  logger.info({ namespace: "shop" }, "scraped\nerror: forged");
  expect(lines[0]!.indexOf("\n")).toBe(lines[0]!.length - 1);
  expect(only(lines)).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    namespace: "shop",
    msg: "scraped\nerror: forged",
  });
});

test.for([
  ["debug", ["debug", "info", "warn", "error"]],
  ["info", ["info", "warn", "error"]],
  ["warn", ["warn", "error"]],
  ["error", ["error"]],
] as const)("createLogger() at %s writes %j", ([level, expected]) => {
  const { logger, lines } = createLog(level);
  for (const method of ["debug", "info", "warn", "error"] as const) logger[method]("x");
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(expected);
});

test.for([
  { authorization: "Bearer s3cret" },
  { headers: { authorization: "Bearer s3cret" } },
  { headers: { Authorization: "Bearer s3cret" } },
  { req: { headers: { authorization: "Bearer s3cret" } } },
  { req: { headers: { "proxy-authorization": "Basic s3cret" } } },
  { headers: { cookie: "id=s3cret" } },
  { res: { headers: { "set-cookie": ["id=s3cret"] } } },
  { credentials: { token: "s3cret" } },
])("createLogger() redacts %j", (fields) => {
  const { logger, lines } = createLog();
  logger.info({ ...fields }, "request");
  expect(lines[0]).toContain("[redacted]");
  expect(lines[0]).not.toContain("s3cret");
});

test("createLogger() redacts in child loggers, too", () => {
  const { logger, lines } = createLog();
  logger.child({ pod: "web" }).info({ headers: { authorization: "s3cret" } }, "request");
  expect(only(lines)).toMatchObject({ pod: "web", headers: { authorization: "[redacted]" } });
});

test("createLogger() writes an error's message, code, stack and causes, and nothing else of it", () => {
  const { logger, lines } = createLog();
  const cause = Object.assign(new Error("connection refused"), {
    code: "ECONNREFUSED",
    syscall: "connect",
  });
  const error = Object.assign(new TypeError("Cannot scrape pod", { cause }), {
    request: { headers: "s3cret" },
  });
  logger.warn({ err: error }, "scrape failed");
  expect(only(lines)["err"]).toEqual({
    type: "TypeError",
    message: "Cannot scrape pod",
    stack: expect.stringContaining("TypeError: Cannot scrape pod\n"),
    cause: {
      type: "Error",
      message: "connection refused",
      code: "ECONNREFUSED",
      stack: expect.stringContaining("connection refused"),
    },
  });
});

test("createLogger() ends a circle of causes", () => {
  const { logger, lines } = createLog();
  const error = new Error("Cannot go round");
  error.cause = error;
  logger.error(error);
  expect(lines[0]!.match(/"message":"Cannot go round"/g)).toHaveLength(6);
});

test("createLogger() takes what is thrown but no error", () => {
  const { logger, lines } = createLog();
  logger.warn({ err: "just text" }, "failed");
  expect(only(lines)["err"]).toEqual({ message: "just text" });
});

test.for([
  ["a parser", () => JSON.parse("s3cret of a peer")],
  [
    "a library",
    () => {
      throw Object.assign(new Error("s3cret of a peer\n    at s3cret"), { code: "UND_ERR" });
    },
  ],
] as const)(
  "createLogger() writes of a cause that is %s's type, code and place, but not what it says",
  ([, fail]) => {
    const { logger, lines } = createLog();
    try {
      fail();
    } catch (cause) {
      logger.warn({ err: new Error("Cannot read", { cause }) }, "failed");
    }
    expect(lines[0]).not.toContain("s3cret");
    expect(only(lines)["err"]).toMatchObject({
      message: "Cannot read",
      cause: {
        type: expect.stringMatching(/^(Syntax)?Error$/),
        stack: expect.stringContaining("logger.test.ts"),
      },
    });
  },
);

test.for([
  new SyntaxError("s3cret is not JSON"),
  Object.assign(new Error("s3cret.example is not in the certificate"), {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  }),
])("createLogger() does not write what $name quotes", (error) => {
  const { logger, lines } = createLog();
  logger.error({ err: error }, "failed");
  expect(lines[0]).not.toContain("s3cret");
  expect(lines[0]).toContain(error.name);
});

test("createLogger() writes lines that are bounded, and safe to show", () => {
  const { logger, lines } = createLog();
  logger.info({ text: "\u202e".repeat(100_000) }, "m");
  expect(lines[0]!.length).toBeLessThanOrEqual(16 * 1024);
  expect(lines[0]).toMatch(/^[\x20-\x7e]+\n$/);
});
