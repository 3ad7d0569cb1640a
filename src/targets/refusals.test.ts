// The words in which requests are refused: what was refused and what is wanted, which limit counts it, and nothing else. Callers see them.
import { expect, test } from "vitest";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { parseNamespace, parseNamespaces } from "./namespace.ts";
import { parseRequestPath } from "./path.ts";
import { parsePodPrefix } from "./pod-prefix.ts";
import { parsePodUid } from "./pod-uid.ts";
import { parsePortReference, parsePortReferences, requirePortNumber } from "./port.ts";
import { parseQuery, takeReserved } from "./query.ts";
import { parseShard } from "./shard.ts";

const reserved = (raw: string) => takeReserved(parseQuery(raw), { pod: "once" });
const many = (count: number) => [Array.from({ length: count }, (_, i) => `a${i}`).join(",")];

const refusals: readonly (readonly [refuse: () => unknown, part: string, message: string, limit?: string])[] =
  [
    [
      () => parseRequestPath(`/${"a".repeat(2048)}`),
      "path",
      "Cannot read request path: longer than 2048 bytes",
      "path_length",
    ],
    [() => parseRequestPath("a"), "path", 'Cannot read request path: does not begin with "/"'],
    [() => parseRequestPath("/a//b"), "path", 'Cannot read request path: "/a//b" has an empty segment'],
    [() => parseRequestPath("/a/.."), "path", 'Cannot read request path: "/a/.." has a segment of dots'],
    [
      () => parseQuery("a".repeat(8193)),
      "query",
      "Cannot read request query: longer than 8192 bytes",
      "query_length",
    ],
    [
      () => parseQuery("a b"),
      "query",
      'Cannot read request query: has a raw blank, control, non-ASCII or one of "<>\\^`{|}#',
    ],
    [
      () => parseQuery("%0a=1"),
      "query",
      'Cannot read request query: parameter name "\\u000a" has a control character',
    ],
    [() => parseQuery("a=%00"), "query", 'Cannot read request query: parameter "a" has a NUL'],
    [() => parseQuery("a=%ff"), "query", 'Cannot read request query: "%ff" has an escape that is not UTF-8'],
    [
      () => reserved("pod[]=1"),
      "query",
      'Cannot read request query: parameter "pod[]" is not a list, write it without "["',
    ],
    [() => reserved("pod"), "query", 'Cannot read request query: parameter "pod" has no value'],
    [() => reserved("pod=1&pod=2"), "query", 'Cannot read request query: parameter "pod" stands twice'],
    [() => reserved("param.=1"), "query", 'Cannot read request query: parameter "param." names nothing'],
    [() => parseNamespace("A"), "namespace", 'Cannot read namespace "A": not an RFC 1123 label'],
    [
      () => parseNamespaces(many(101)),
      "namespace",
      "Cannot read namespaces: there are 101, at most 100 are taken",
      "request_namespaces",
    ],
    [() => requirePortNumber(undefined), "port", "Cannot read port: target_port is missing"],
    [() => requirePortNumber(""), "port", 'Cannot read port "": not a number from 1 to 65535'],
    [() => requirePortNumber("http"), "port", 'Cannot read port "http": not a number from 1 to 65535'],
    [
      () => parsePortReference("A"),
      "port",
      'Cannot read port "A": neither a number from 1 to 65535 nor the name of a container port',
    ],
    [
      () => parsePortReferences(many(9)),
      "port",
      "Cannot read ports: there are 9, at most 8 are taken",
      "upstream_ports",
    ],
    [
      () => parsePodPrefix("A", { mayBeAny: true }),
      "prefix",
      'Cannot read pod name prefix "A": no pod name begins so',
    ],
    [
      () => parsePodUid("a b"),
      "uid",
      'Cannot read pod uid "a b": it has to be 1 to 128 letters, digits, "." or "-"',
    ],
    [
      () => parseShard("2/1"),
      "shard",
      'Cannot read shard "2/1": it has to be <i>/<n>, i from 0 to n - 1, n at most 10000',
    ],
  ];

test.for(refusals)("%s", ([refuse, part, message, limit]) => {
  try {
    refuse();
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedRequestError);
    const refused = error as MalformedRequestError;
    expect([refused.name, refused.part, refused.message, refused.limit]).toEqual([
      "MalformedRequestError",
      part,
      message,
      limit,
    ]);
    return;
  }
  expect.unreachable("it was taken");
});

test("what stands at a limit is taken", () => {
  expect(parseNamespaces(many(100))).toHaveLength(100);
  expect(parsePortReferences(many(8))).toHaveLength(8);
  expect(parseShard("9999/10000")).toEqual({ index: 9999, count: 10_000 });
  expect(parseRequestPath(`/${"a".repeat(2047)}`).text).toHaveLength(2048);
});

test("all namespaces are one value, of two spellings", () => {
  expect([parseNamespaces(["*"]), parseNamespaces(["-"])]).toEqual(["*", "*"]);
  expect(parseNamespaces(["a"])).toEqual(["a"]);
  expect(() => parseNamespaces(["*,a"])).toThrow(MalformedRequestError);
});
