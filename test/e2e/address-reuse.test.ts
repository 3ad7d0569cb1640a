// One address, a thousand times another pod's: while a scrape is under way its pod is deleted, one of another namespace gets the
// address, and that one's server sends the rest. No answer that is whole may hold a sample of the wrong pod.
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";

import { type Answer, request } from "../support/http/http-client.ts";
import { type RunningApp, startApp } from "../support/http/start-app.ts";
import { FakeKubernetesApi } from "../support/kubernetes/fake-api.ts";
import { type PodObject, smallPod } from "../support/kubernetes/pod-objects.ts";
import { type RawPod, startRawPod } from "../support/scrape/raw-pod.ts";
import { until } from "../support/scrape/until.ts";

/** How much of its answer the first pod has sent when it is replaced. */
const moments = ["nothing", "the head", "half the body", "all but a line", "all but a byte"] as const;
const framings = ["length", "chunked"] as const;
type Moment = (typeof moments)[number];
type Framing = (typeof framings)[number];

let api: FakeKubernetesApi;
let server: RawPod;
/** Whose process listens at the address now. */
let nameAtAddress: string;
/** Each sends the rest of an answer, as whoever has the address then. */
let held: (() => void)[];
let replacements: number;

beforeEach(async () => {
  held = [];
  replacements = 0;
  server = await startRawPod(({ socket, head }) =>
    answer(socket, new URL(head.split(" ")[1]!, "http://pod.invalid")),
  );
  api = new FakeKubernetesApi();
  await api.start();
});
afterEach(async () => {
  await api.stop();
  await server[Symbol.asyncDispose]();
});

function answer(socket: Socket, { searchParams }: URL): void {
  const moment = searchParams.get("moment") as Moment | null;
  if (moment === null) {
    const body = bodyOf(nameAtAddress);
    socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    return;
  }
  const framing = searchParams.get("framing") as Framing;
  // A chunk for each line: the answer to the caller begins with the second.
  const chunksOf = (part: string) =>
    (part.match(/.*\n|.+/gu) ?? []).map((line) => `${line.length.toString(16)}\r\n${line}\r\n`).join("");
  const frame = (part: string) => (framing === "length" ? part : chunksOf(part));
  const body = bodyOf(nameAtAddress);
  const length = framing === "length" ? `Content-Length: ${body.length}` : "Transfer-Encoding: chunked";
  const head = `HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n${length}\r\n\r\n`;
  const sent = {
    nothing: 0,
    "the head": 0,
    "half the body": body.length >> 1,
    "all but a line": body.lastIndexOf("\n", body.length - 2) + 1,
    "all but a byte": body.length - 1,
  }[moment];
  if (moment !== "nothing") socket.write(head + frame(body.slice(0, sent)));
  held.push(() => {
    const rest = frame(bodyOf(nameAtAddress).slice(sent));
    socket.write((moment === "nothing" ? head : "") + rest + (framing === "chunked" ? "0\r\n\r\n" : ""));
  });
}

/** Of equal length for all pods, so that one can go on where another stopped. */
function bodyOf(name: string): string {
  return [
    "# TYPE turn gauge",
    ...Array.from({ length: 10 }, (_, n) => `turn{of="${name}",n="${n}"} 1`),
    "",
  ].join("\n");
}

async function start(env: Record<string, string>): Promise<RunningApp> {
  const app = await startApp({
    KUBERNETES_API_URL: api.url,
    WATCH_NAMESPACES: "team-a,team-b",
    CIDR_WHITELIST: "127.0.0.0/8",
    LOG_LEVEL: "error",
    ...env,
  });
  onTestFinished(() => app.stop());
  await until(() => api.watches.size === 2);
  return app;
}

/** The next pod at the address, in the other namespace; the one before it is gone. */
function replacePod(before?: PodObject): PodObject {
  const number = String(++replacements).padStart(5, "0");
  const namespace = replacements % 2 === 0 ? "team-b" : "team-a";
  if (before !== undefined) api.deletePod(before.metadata.namespace, before.metadata.name);
  return api.createPod(
    smallPod({
      namespace,
      name: `web-${number}`,
      uid: `uid-${number}`,
      ip: server.ip,
      ports: { metrics: server.port },
    }),
  );
}

const kubesd = ({ origin }: RunningApp, query: string) =>
  request(origin, `/kubesd/metrics?pod=${server.ip}&target_port=${server.port}&${query}`);

/** Undefined: the connection was destroyed before an answer began. */
type Scrape = Promise<Answer | undefined>;

/** One scrape of the pod by each way. */
function scrapeEachWay(app: RunningApp, { metadata }: PodObject, query: string): readonly [string, Scrape][] {
  const merge = `/mproxy/${metadata.namespace}/${metadata.name}/metrics?upstreamPort=${server.port}&${query}`;
  const ways = {
    "/kubesd": kubesd(app, query),
    "/kubesd with target_uid": kubesd(app, `target_uid=${metadata.uid}&${query}`),
    "/mproxy": request(app.origin, merge),
  };
  return Object.entries(ways).map(([way, scrape]) => [way, scrape.catch(() => undefined)]);
}

/** The proxy knows that the address is this pod's, and no other's. */
async function untilKnown(app: RunningApp, pod: PodObject, before?: PodObject): Promise<void> {
  const status = async ({ metadata }: PodObject) => (await kubesd(app, `target_uid=${metadata.uid}`)).status;
  const endMs = performance.now() + 5000;
  for (;;) {
    const known = (await status(pod)) === 200;
    if (known && (before === undefined || (await status(before)) === 403)) return;
    if (performance.now() > endMs) throw new Error("Cannot go on: the proxy does not see the change");
  }
}

/** What became of a scrape whose pod was replaced. Throws when it has a sample of a pod that was not asked for. */
function outcomeOf(result: Answer | undefined, asked: string): string {
  if (result === undefined) return "no answer";
  if (!result.complete) return "broken off";
  const names = new Set(Array.from(result.text.matchAll(/of="([^"]*)"/gu), ([, name]) => name));
  names.delete(asked);
  if (names.size > 0) throw new Error(`An answer for ${asked} has samples of ${[...names].join()}`);
  return `${result.status} ${/\(gone\)|: gone 1\n/u.test(result.text) ? "gone" : result.text}`;
}

async function replaceDuringScrapes(app: RunningApp, rounds: number): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  let pod = replacePod();
  let before: PodObject | undefined;
  for (let round = 0; round < rounds; round++) {
    nameAtAddress = pod.metadata.name;
    await untilKnown(app, pod, before);
    const moment = moments[round % moments.length]!;
    const framing = framings[Math.floor(round / moments.length) % framings.length]!;
    const scrapes = scrapeEachWay(app, pod, `moment=${encodeURIComponent(moment)}&framing=${framing}`);
    await until(() => held.length === scrapes.length);
    before = pod;
    pod = replacePod(before);
    await untilKnown(app, pod, before);
    nameAtAddress = pod.metadata.name;
    for (const sendRest of held.splice(0)) sendRest();
    for (const [way, scrape] of scrapes) {
      const outcome = `${way}: ${outcomeOf(await scrape, before.metadata.name)}`;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
  }
  return outcomes;
}

/** Every scrape has failed, and in no other way than it should. */
function expectAllGone(outcomes: Map<string, number>, rounds: number): void {
  // Only an answer that had begun is broken off: at three of the five moments, where the body comes in chunks.
  const begun = (rounds * 3) / moments.length / framings.length;
  expect(Object.fromEntries(outcomes)).toEqual({
    "/kubesd: broken off": begun,
    "/kubesd: 502 gone": rounds - begun,
    "/kubesd with target_uid: broken off": begun,
    "/kubesd with target_uid: 502 gone": rounds - begun,
    "/mproxy: 502 gone": rounds,
  });
}

test(
  "KUBESD_REQUIRE_POD: 1,000 replacements during scrapes give no sample to the wrong pod",
  { timeout: 60_000 },
  async () => {
    const app = await start({ KUBESD_REQUIRE_POD: "true" });
    expectAllGone(await replaceDuringScrapes(app, 1000), 1000);
  },
);

test(
  "without KUBESD_REQUIRE_POD, pods that are known are told apart all the same",
  { timeout: 60_000 },
  async () => {
    const app = await start({});
    expectAllGone(await replaceDuringScrapes(app, 200), 200);
  },
);

test("the next pod may be known before the end of the one before", async () => {
  for (const env of [{ KUBESD_REQUIRE_POD: "true" }, {}]) {
    const app = await start(env);
    for (const moment of moments) {
      const before = replacePod();
      nameAtAddress = before.metadata.name;
      await untilKnown(app, before);
      const scrapes = scrapeEachWay(app, before, `moment=${encodeURIComponent(moment)}&framing=length`);
      await until(() => held.length === scrapes.length);
      const pod = replacePod();
      nameAtAddress = pod.metadata.name;
      await untilKnown(app, pod);
      for (const sendRest of held.splice(0)) sendRest();
      for (const [way, scrape] of scrapes) {
        expect([way, outcomeOf(await scrape, before.metadata.name)]).toEqual([way, "502 gone"]);
      }
      for (const { metadata } of [before, pod]) api.deletePod(metadata.namespace, metadata.name);
    }
    await app.stop();
    await until(() => api.watches.size === 0);
  }
});

test("a pod that is replaced while its scrape waits for a connection is not dialled", async () => {
  const app = await start({ KUBESD_REQUIRE_POD: "true", MAX_CONNECTIONS: "1" });
  let pod = replacePod();
  let before: PodObject | undefined;
  for (let round = 0; round < 20; round++) {
    nameAtAddress = pod.metadata.name;
    await untilKnown(app, pod, before);
    // It has the only connection.
    const first = kubesd(app, "moment=nothing&framing=length");
    await until(() => held.length === 1);
    const dialled = server.connections;
    const scrapes = scrapeEachWay(app, pod, "");
    const metrics = async () => (await request(app.metricsOrigin, "/metrics")).text;
    const inFlight = /^k8s_prometheus_proxy_scrapes_in_flight(?:\{[^}]*\})? 4$/mu;
    await expect.poll(async () => inFlight.test(await metrics()), { interval: 1 }).toBe(true);
    before = pod;
    pod = replacePod(before);
    const refused = async () => (await kubesd(app, `target_uid=${before!.metadata.uid}`)).status;
    await expect.poll(refused, { interval: 1 }).toBe(403);
    nameAtAddress = pod.metadata.name;
    for (const sendRest of held.splice(0)) sendRest();
    expect((await first).status).toBe(502);
    for (const [way, scrape] of scrapes) {
      expect([way, outcomeOf(await scrape, before.metadata.name)]).toEqual([way, "502 gone"]);
    }
    expect(server.connections).toBe(dialled);
  }
});

test("a pod that only changes stays the same pod", async () => {
  for (const env of [{ KUBESD_REQUIRE_POD: "true" }, {}]) {
    const app = await start(env);
    let pod = replacePod();
    nameAtAddress = pod.metadata.name;
    await untilKnown(app, pod);
    for (const [round, moment] of [...moments, ...moments].entries()) {
      const scrapes = scrapeEachWay(app, pod, `moment=${encodeURIComponent(moment)}&framing=length`);
      await until(() => held.length === scrapes.length);
      if (round >= moments.length) {
        // Labels, readiness, and with them its resourceVersion.
        const ready = round % 2 === 0 ? "True" : "False";
        pod = api.updatePod({
          ...pod,
          metadata: { ...pod.metadata, labels: { round: String(round) } },
          status: { ...pod.status, conditions: [{ type: "Ready", status: ready }] },
        });
        const { namespace, name } = pod.metadata;
        const changed = `/mproxy/${namespace}/${name}/metrics?upstreamPort=${server.port}&selector=round%3D${round}`;
        await expect.poll(async () => (await request(app.origin, changed)).status, { interval: 1 }).toBe(200);
      }
      for (const sendRest of held.splice(0)) sendRest();
      for (const [way, scrape] of scrapes) {
        const result = await scrape;
        expect([way, result?.status, result?.complete]).toEqual([way, 200, true]);
        expect(result!.text.match(/^turn\{/gmu)?.length).toBe(10);
      }
    }
    api.deletePod(pod.metadata.namespace, pod.metadata.name);
    await app.stop();
    await until(() => api.watches.size === 0);
  }
});
