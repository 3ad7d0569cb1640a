// The attack catalogue's schema. It must never pass over a field that the runner does not know: an expectation that nobody
// checks would count as held.
import { readFile } from "node:fs/promises";
import { z } from "zod";

const repeat = z.strictObject({ s: z.string(), times: z.int().nonnegative() });
const seq = z.strictObject({ fmt: z.string(), n: z.int().nonnegative() });
const part = z.union([z.string(), z.strictObject({ repeat }), z.strictObject({ seq })]);
/** Latin-1 strings and what is too long to be written down. */
export type Part = z.infer<typeof part>;

export type BodyGenerator =
  | { text: string }
  | { repeat: z.infer<typeof repeat> }
  | { seq: z.infer<typeof seq> }
  | { gzip: BodyGenerator }
  /** The second half is missing. */
  | { truncate: BodyGenerator }
  /** The checksum in the last eight bytes is wrong. */
  | { badCrc: BodyGenerator }
  | { concat: BodyGenerator[] };
const bodyGenerator: z.ZodType<BodyGenerator> = z.lazy(() =>
  z.union([
    z.strictObject({ text: z.string() }),
    z.strictObject({ repeat }),
    z.strictObject({ seq }),
    z.strictObject({ gzip: bodyGenerator }),
    z.strictObject({ truncate: bodyGenerator }),
    z.strictObject({ badCrc: bodyGenerator }),
    z.strictObject({ concat: z.array(bodyGenerator) }),
  ]),
);

const headers = z.record(z.string(), z.string());
const tls = z.strictObject({
  selfSigned: z.boolean().optional(),
  name: z.string().optional(),
  minVersion: z.enum(["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"]).optional(),
});
const http = z.strictObject({
  status: z.int(),
  headers,
  body: z.string().optional(),
  bodyParts: z.array(part).optional(),
  bodyGen: bodyGenerator.optional(),
});
export type PodAnswer = z.infer<typeof http>;

const step = z.union([
  z.strictObject({ send: z.string() }),
  z.strictObject({ sleepMs: z.int() }),
  z.strictObject({ close: z.literal(true) }),
  z.strictObject({ repeat }),
  z.strictObject({ drip: z.strictObject({ s: z.string(), everyMs: z.int() }) }),
  z.strictObject({ resetAfterHeaders: z.literal(true) }),
  z.strictObject({ acceptNeverAnswer: z.literal(true) }),
  z.strictObject({ sendBeforeRequest: z.string() }),
  z.strictObject({ tls }),
  z.strictObject({ http }),
]);
export type PodStep = z.infer<typeof step>;
export type PodTls = z.infer<typeof tls>;

const scenario = z.union([
  z.strictObject({ slowHeaders: z.strictObject({ connections: z.int(), byteEveryMs: z.int() }) }),
  z.strictObject({ connectAndHold: z.strictObject({ connections: z.int() }) }),
  z.strictObject({ flood: z.strictObject({ rps: z.int(), seconds: z.int() }) }),
  z.strictObject({ sameScrapeConcurrently: z.int() }),
  z.strictObject({ h2RapidReset: z.strictObject({ streams: z.int() }) }),
  z.strictObject({ tlsHandshakeFlood: z.strictObject({ perSecond: z.int(), seconds: z.int() }) }),
  z.strictObject({ clientCertFlood: z.strictObject({ connections: z.int() }) }),
  z.strictObject({ distinctMethods: z.int() }),
]);
export type Scenario = z.infer<typeof scenario>;

const request = z.strictObject({
  method: z.string(),
  path: z.string(),
  headers: headers.optional(),
  raw: z.string().optional(),
  rawParts: z.array(part).optional(),
  scenario: scenario.optional(),
});

const podBehaviour = z.strictObject({ pod: z.string(), port: z.int(), steps: z.array(step) });

const apiAnswer = z.strictObject({
  status: z.int().optional(),
  body: z.string().optional(),
  contentType: z.string().optional(),
  items: z.array(z.unknown()).optional(),
  bodyGen: z.strictObject({ repeat }).optional(),
});
export type ApiAnswer = z.infer<typeof apiAnswer>;

const cluster = z.strictObject({
  addPods: z
    .array(z.strictObject({ ns: z.string(), name: z.string(), ip: z.string(), phase: z.string() }))
    .optional(),
  api: apiAnswer.optional(),
  watch: z.array(z.strictObject({ type: z.string(), object: z.unknown() })).optional(),
});

const texts = z.array(z.string());
const statuses = z.array(z.int());
/** What can be expected of one answer and of what happened behind it. */
const answerExpectations = {
  status: statuses.optional(),
  forwarded: z.union([z.literal(0), z.literal("any"), texts]).optional(),
  maxMs: z.number().optional(),
};
const expectations = z.strictObject({
  ...answerExpectations,
  forwardedMax: z.int().optional(),
  forwardedNot: texts.optional(),
  upstreamHeaderNot: texts.optional(),
  upstreamBodyBytes: z.int().optional(),
  headerHas: headers.optional(),
  headerNot: texts.optional(),
  bodyHas: texts.optional(),
  bodyNot: texts.optional(),
  onceOnly: texts.optional(),
  parsesStrict: z.boolean().optional(),
  failureSignal: z.union([z.boolean(), z.literal("either")]).optional(),
  badPod: z.string().optional(),
  secondRunSame: z.literal(true).optional(),
  connectionClosed: z.literal(true).optional(),
  alive: z.literal(true).optional(),
  logNot: texts.optional(),
  logLineNot: texts.optional(),
  maxLogBytesPerRequest: z.int().optional(),
  maxRssMiB: z.number().optional(),
  maxRssGrowthMiB: z.number().optional(),
  maxLoopDelayMs: z.number().optional(),
  goodClientP99Ms: z.number().optional(),
  closedWithinMs: z.number().optional(),
  statuses: statuses.optional(),
  headerHasOn503: z.string().optional(),
  maxUpstream: z.int().optional(),
  maxUpstreamPerPod: z.int().optional(),
  ownSeriesMax: z.int().optional(),
  startup: z.enum(["refuse", "refuse-or-linear"]).optional(),
  orRequest: z.strictObject(answerExpectations).optional(),
  /** For readers; of HTTP/2 alone so far, whose scenario checks what it says. */
  notes: z.string().optional(),
});
export type Expectations = z.infer<typeof expectations>;

const attack = z.strictObject({
  id: z.string(),
  group: z.string(),
  tier: z.enum(["must", "should"]),
  why: z.string(),
  request,
  expect: expectations,
  podBehaviour: podBehaviour.optional(),
  cluster: cluster.optional(),
  env: z.record(z.string(), z.string()).optional(),
  requires: z.literal("client-auth").optional(),
  repeatRequest: z.int().optional(),
});
export type Attack = z.infer<typeof attack>;

/** @throws Error which names the items and fields that the runner does not understand */
export function parseAttacks(document: unknown): Attack[] {
  const parsed = z.array(attack).safeParse(document);
  if (!parsed.success) throw new Error(`Cannot read the attack catalogue: ${z.prettifyError(parsed.error)}`);
  const ids = parsed.data.map(({ id }) => id);
  if (new Set(ids).size !== ids.length)
    throw new Error("Cannot read the attack catalogue: an id stands twice");
  return parsed.data;
}

export async function readAttacks(path: string | URL): Promise<Attack[]> {
  return parseAttacks(JSON.parse(await readFile(path, "utf8")));
}
