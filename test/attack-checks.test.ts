// Every expectation of the attack catalogue can fail: each is held against an observation that meets it, and one that does not.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { type Attack, type Expectations, parseAttacks } from "./support/attacks/attack.ts";
import { cataloguePath } from "./support/attacks/run-attacks.ts";
import type { Exchange } from "./support/attacks/exchange.ts";
import { findFailures } from "./support/attacks/find-failures.ts";
import { findLeaks } from "./support/attacks/find-leaks.ts";
import type { Observation } from "./support/attacks/observation.ts";
import type { PodTraffic } from "./support/attacks/pod-network.ts";
import { PodRequestReader } from "./support/attacks/pod-requests.ts";

const catalogue = JSON.parse(readFileSync(cataloguePath, "utf8")) as Record<string, unknown>[];
const mergePath = "/mproxy/team-a/app-/metrics?upstreamPort=9000";

interface Seen extends Partial<Omit<Observation, "exchanges" | "traffic" | "attack">> {
  readonly answer?: Partial<Exchange>;
  readonly answers?: readonly Partial<Exchange>[];
  readonly traffic?: Partial<PodTraffic>;
  readonly path?: string;
  readonly env?: Record<string, string>;
}

const attackOf = (expect: Expectations, { path = mergePath, env }: Seen): Attack => ({
  id: "test-01",
  group: "test",
  tier: "must",
  why: "test",
  request: { method: "GET", path },
  expect,
  ...(env && { env }),
});

function failedFields(
  expect: Expectations,
  { answer = {}, answers = [answer], traffic, ...o }: Seen,
): unknown {
  const plain: Exchange = { status: 200, headers: new Map(), body: "", text: "", closed: true, ms: 1 };
  const seen: Observation = {
    refusedDials: 0,
    logLines: [],
    ...o,
    attack: attackOf(expect, o),
    exchanges: answers.map((given) => ({ ...plain, ...given })),
    traffic: { requests: [], dials: [], bodyBytes: 0, busiest: 0, busiestPod: 0, ...traffic },
  };
  return findFailures(seen).map((failure) => failure.split(":")[0]);
}

const to = "10.244.0.11:9000";
const asked = (target: string, ...headerLines: string[]): Partial<PodTraffic> => ({
  dials: [to],
  requests: [{ to, method: "GET", target, headerLines }],
});
const pod = (name: string, up = 1) =>
  `up_demo{podname="${name}",podip="10.244.0.9"} 1\nk8s_prometheus_proxy_pod_up{podname="${name}",podip="x"} ${up}\n`;
const others = ["app-2", "app-term", "app-host"].map((name) => pod(name)).join("");
const failure = 'k8s_prometheus_proxy_pod_scrape_failure{podname="app-1",podip="x",reason="parse"} 1\n';
const refusedStart = { code: 2, stderr: "Cannot read CIDR_WHITELIST" };
const env = { CIDR_WHITELIST: "10.244.0.7/16" };

test.for([
  ["status", [400], { answer: { status: 400 } }, { answer: { status: 500, body: "x" } }],
  ["status", [403], { answer: { status: 500, body: "not in CIDR_WHITELIST" } }, { answer: { status: 0 } }],
  ["forwarded", 0, {}, { traffic: { dials: [to] } }],
  ["forwarded", 0, {}, { refusedDials: 1 }],
  ["forwarded", [`${to} GET /metrics`], { traffic: asked("/metrics") }, { traffic: asked("/admin") }],
  ["forwarded", [`${to} GET /metrics`], { answer: { status: 400 } }, { answer: { status: 200 } }],
  [
    "forwardedMax",
    1,
    { traffic: asked("/") },
    { traffic: { requests: [1, 2].flatMap(() => asked("/").requests!) } },
  ],
  ["forwardedNot", ["/admin"], { traffic: asked("/metrics") }, { traffic: asked("/admin") }],
  ["forwardedNot", ["10.96.0.1"], {}, { traffic: { dials: ["10.96.0.1:80"] } }],
  ["upstreamHeaderNot", ["cookie"], { traffic: asked("/", "host: x") }, { traffic: asked("/", "Cookie: a") }],
  [
    "upstreamHeaderNot",
    ["keep-alive"],
    { traffic: asked("/", "connection: keep-alive") },
    { traffic: asked("/", "keep-alive: 1") },
  ],
  [
    "upstreamHeaderNot",
    ["br"],
    { traffic: asked("/", "accept-encoding: gzip") },
    { traffic: asked("/", "accept-encoding: gzip, br") },
  ],
  ["upstreamBodyBytes", 0, {}, { traffic: { bodyBytes: 1 } }],
  [
    "headerHas",
    { "content-type": "text/plain" },
    { answer: { headers: new Map([["content-type", "text/plain; x"]]) } },
    {},
  ],
  [
    "headerHas",
    { "www-authenticate": "" },
    { answer: { headers: new Map([["www-authenticate", "Bearer"]]) } },
    {},
  ],
  ["headerNot", ["location"], {}, { answer: { headers: new Map([["location", "/"]]) } }],
  ["bodyHas", ["a"], { answer: { body: "ab" } }, { answer: { body: "b" } }],
  ["bodyNot", ["a"], { answer: { body: "b" } }, { answers: [{ body: "b" }, { body: "a" }] }],
  ["onceOnly", ["# TYPE"], { answer: { body: "# TYPE a" } }, { answer: { body: "# TYPE a\n# TYPE a" } }],
  [
    "secondRunSame",
    true,
    { answers: [{ body: "a" }, { body: "a" }] },
    { answers: [{ body: "a" }, { body: "b" }] },
  ],
  ["secondRunSame", true, { answers: [{}, {}] }, { answers: [{}] }],
  ["connectionClosed", true, {}, { answer: { closed: false } }],
  ["maxMs", 10, {}, { answer: { ms: 11 } }],
  ["alive", true, {}, { notAlive: "it ended" }],
  ["logNot", ["TOKEN"], { logLines: ["{}"] }, { logLines: ['{"a":"TOKEN"}'] }],
  ["logLineNot", ["FORGED"], { logLines: ['{"a":"FORGED"}'] }, { logLines: ["{}", "FORGED"] }],
  ["logLineNot", ["FORGED"], {}, { logLines: ["not json"] }],
  ["logLineNot", ["FORGED"], {}, { logLines: ['{"a":"\u202e"}'] }],
  ["maxLogBytesPerRequest", 10, { logLines: ["a"] }, { logLines: ["a".repeat(11)] }],
  ["maxRssMiB", 10, { peakMemoryMiB: 9 }, { peakMemoryMiB: 11 }],
  ["maxRssMiB", 10, { peakMemoryMiB: 9 }, {}],
  ["maxRssGrowthMiB", 10, { memoryGrowthMiB: 9 }, { memoryGrowthMiB: 11 }],
  ["maxLoopDelayMs", 10, { loopDelayMs: 9 }, { loopDelayMs: Number.NaN }],
  ["goodClientP99Ms", 10, { scenario: { goodClientMs: [9] } }, { scenario: { goodClientMs: [9, 11] } }],
  [
    "goodClientP99Ms",
    10,
    { scenario: { goodClientMs: [9] } },
    { scenario: { goodClientMs: [9], goodClientFailures: ["x"] } },
  ],
  ["goodClientP99Ms", 10, { scenario: { goodClientMs: [9] } }, { scenario: {} }],
  ["closedWithinMs", 10, { scenario: { longestConnectionMs: 9 } }, { scenario: { longestConnectionMs: 11 } }],
  ["statuses", [200], { scenario: { statuses: { 200: 1 } } }, { scenario: { statuses: { 0: 1, 200: 1 } } }],
  ["statuses", [200], { scenario: { statuses: { 200: 1 } } }, {}],
  [
    "headerHasOn503",
    "retry-after",
    { scenario: { statuses: { 503: 1 }, headersOn503: ["retry-after"] } },
    { scenario: { statuses: { 503: 1 }, headersOn503: [] } },
  ],
  [
    "headerHasOn503",
    "retry-after",
    { scenario: { statuses: { 503: 1 }, headersOn503: ["retry-after"] } },
    { scenario: { statuses: { 200: 1 } } },
  ],
  ["maxUpstream", 2, { traffic: { busiest: 2 } }, { traffic: { busiest: 3 } }],
  ["maxUpstreamPerPod", 2, { traffic: { busiestPod: 2 } }, { traffic: { busiestPod: 3 } }],
  ["ownSeriesMax", 2, { ownSeries: 2 }, { ownSeries: 3 }],
  ["startup", "refuse", { refusedStart, env }, {}],
  ["startup", "refuse", { refusedStart, env }, { refusedStart: { code: 0, stderr: "CIDR_WHITELIST" }, env }],
  ["startup", "refuse", { refusedStart, env }, { refusedStart: { code: 2, stderr: "no" }, env }],
  ["orRequest", { status: [403] }, { refusedStart }, { answer: { status: 200 } }],
  [
    "orRequest",
    { status: [403] },
    { env, logLines: ['{"level":"warn","msg":"\\"10.244.0.7/16\\" has host bits"}'] },
    { env },
  ],
] as [keyof Expectations, unknown, Seen, Seen][])(
  "%s %j holds, and does not",
  ([field, value, good, bad]) => {
    const expectation = { [field]: value } as Expectations;
    expect([failedFields(expectation, good), failedFields(expectation, bad)]).toEqual([[], [field]]);
  },
);

describe("of a bad pod,", () => {
  const check = (failureSignal: boolean | "either", body: string, fields: string[]) =>
    expect(failedFields({ badPod: "app-1", failureSignal }, { answer: { body } })).toEqual(fields);

  test("the signal and the absence of its samples are wanted", () => {
    check(true, others + failure, []);
    check(true, others + pod("app-1"), ["failureSignal"]);
    check(false, others + pod("app-1"), []);
    check(false, others + failure, ["failureSignal"]);
    check("either", others + failure, []);
    check("either", others + pod("app-1"), []);
    check("either", others + failure + pod("app-1"), ["failureSignal"]);
  });

  test("the others are whole", () => {
    check("either", failure, ["badPod"]);
    check("either", others.replace("app-2", "app-3") + failure, ["badPod"]);
    check("either", `${pod("app-2", 0)}${pod("app-term")}${pod("app-host")}${failure}`, ["badPod"]);
  });
});

test("what a scenario finds by itself is a failure", () => {
  expect(failedFields({}, { scenario: { problems: ["h2 is offered"] } })).toEqual(["scenario"]);
});

test("a catalogue with a field that the runner does not know is not run", () => {
  const [first] = catalogue;
  const wrong = (change: object) => () => parseAttacks([{ ...first, ...change }]);
  expect(parseAttacks(catalogue)).toHaveLength(398);
  expect(wrong({ unheard: 1 })).toThrow("unheard");
  expect(wrong({ expect: { unheard: 1 } })).toThrow("unheard");
  expect(wrong({ requires: "unheard" })).toThrow("requires");
  expect(wrong({ podBehaviour: { pod: "app-1", port: 9000, steps: [{ unheard: 1 }] } })).toThrow(
    "podBehaviour",
  );
  expect(() => parseAttacks([first, first])).toThrow("twice");
});

test("bodies that pods were sent are counted, and what follows them is a request", () => {
  const reader = new PodRequestReader(to);
  const bytes = "GET /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\nX: y\r\n\r\n";
  const targets = Array.from(Buffer.from(bytes))
    .flatMap((byte) => reader.push(Buffer.of(byte)))
    .map(({ target }) => target);
  expect([targets, reader.bodyBytes]).toEqual([["/a", "/b"], 3]);
});

test("secrets are found wherever they are", () => {
  const clean = { network: { received: Buffer.from("") }, answers: [], outputs: [], ownMetrics: [] };
  const attack = {
    ...attackOf({}, {}),
    request: { method: "GET", path: "/", headers: { Cookie: "s=SECRETCOOKIE" } },
  };
  expect(findLeaks([attack], clean)).toEqual([]);
  const leaks = findLeaks([attack], {
    network: { received: Buffer.from("Bearer CLUSTERTOKEN") },
    answers: ["GOODTOKEN"],
    outputs: ["s=SECRETCOOKIE"],
    ownMetrics: ["SECRET-IAM-CREDS"],
  });
  expect(leaks.map((leak) => leak.split(":")[0])).toEqual([
    "CLUSTERTOKEN in what pods were sent",
    "GOODTOKEN in an answer",
    "SECRET-IAM-CREDS in the own metrics",
    "SECRETCOOKIE in the log",
  ]);
});
