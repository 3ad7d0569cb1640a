import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";

import { rawRequest } from "../../test/support/http/raw-request.ts";
import { until } from "../../test/support/scrape/until.ts";
import { parseConfig } from "../config/parse-config.ts";
import { PodsUnknownError } from "../discovery/pod-source.ts";
import { PodStore } from "../discovery/pod-store.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import { BodyParser, type ParsedBody } from "../exposition/body-parser.ts";
import { BufferBudget, BufferBudgetError } from "../scrape/buffer-budget.ts";
import type { PodScraper, PodScrapeRequest, ScrapedPods } from "../scrape/scrape-pods.ts";
import type { Target } from "../targets/target.ts";
import type { Namespaces } from "../targets/namespace.ts";
import { AccessPolicy } from "../targets/access-policy.ts";
import { createLogger } from "../telemetry/logger.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { Authenticator, type AuthenticatorOptions } from "./authentication/authenticator.ts";
import { unrestrictedCaller } from "./authentication/caller.ts";
import { HttpError } from "./http-error.ts";
import { createMainListener } from "./main-listener.ts";

const pod = readPod({
  metadata: { uid: "1", name: "app-1", namespace: "team-a" },
  status: { podIP: "10.0.0.1", phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
}) as Pod;
const merge = "/mproxy/team-a/app-/metrics?upstreamPort=1";
const pass = "/kubesd/metrics?pod=10.0.0.1&target_port=1";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

interface Setup {
  readonly env?: Record<string, string>;
  readonly pods?: readonly Pod[];
  readonly maxBufferedBytes?: number;
  readonly ways?: Partial<AuthenticatorOptions>;
  readonly scrape?: (
    targets: readonly Target[],
    o: Pick<PodScrapeRequest<ParsedBody>, "deadline" | "isCurrent">,
  ) => Promise<ScrapedPods<ParsedBody>>;
}

/** The listener with real parts around it, but for the connections: `scrape` stands for them, and /kubesd always fails. */
async function start({ env = {}, pods, ways, scrape = refuseToScrape, maxBufferedBytes = 1e9 }: Setup) {
  const parsed = parseConfig({
    argv: [],
    env: { CIDR_WHITELIST: "10.0.0.0/8", METRICS_PATH_WHITELIST: "/metrics", PODS_FILE: "unused", ...env },
    memoryLimitBytes: undefined,
    version: "1.2.3",
  });
  if (parsed.kind !== "config") throw new Error(JSON.stringify(parsed));
  const store = new PodStore();
  if (pods !== undefined) store.replace(pods);
  const log: string[] = [];
  const metrics = createMetrics({ version: "1.2.3" });
  const budget = new BufferBudget({ maxBytes: maxBufferedBytes, metrics });
  const { listener } = createMainListener({
    config: parsed.config,
    authenticator: new Authenticator({ basic: undefined, tokens: undefined, kubernetes: undefined, ...ways }),
    version: "1.2.3",
    pods: store,
    podSource: {
      hold: () =>
        pods === undefined
          ? Promise.reject(new PodsUnknownError("Cannot scrape: the pods are not known yet"))
          : Promise.resolve({ release() {} }),
    },
    policy: new AccessPolicy(parsed.config),
    budget,
    showsAnnotation: () => false,
    // Bodies of another type than the caller asked for would be a mistake of the test.
    scraper: { scrape: scrape as PodScraper["scrape"], expectedBytes: (targets) => targets * 200e6 },
    passThrough: { open: () => Promise.resolve({ failed: true, reason: "connect", detail: "refused" }) },
    metrics,
    web: undefined,
    logger: createLogger({
      level: "debug",
      format: "json",
      destination: { write: (line) => void log.push(line) },
    }),
  });
  cleanups.push(() => listener.close({ graceMs: 0 }));
  const { port } = await listener.listen({ address: "127.0.0.1", port: 0, variable: "TEST_PORT" });
  const get = (target: string, headers = "") =>
    rawRequest(`GET ${target} HTTP/1.1\r\nHost: a\r\n${headers}Connection: close\r\n\r\n`, { port });
  return { get, log, metrics, listener, store, budget, port };
}

const refuseToScrape = () => Promise.reject(new Error("must not be called"));

function bodyOf(text: string): ParsedBody {
  const parser = new BodyParser({ format: "text", maxSamples: 1e6, reservedLabels: [], utf8Names: true });
  parser.push(Buffer.from(text));
  return parser.finish();
}

test("/mproxy answers 503 with Retry-After while the pods are not known", async () => {
  const { get } = await start({});
  const answer = await get(merge);
  expect([answer.status, answer.rest]).toEqual([503, "Cannot scrape: the pods are not known yet\n"]);
  expect(answer.headers.get("retry-after")).toMatch(/^[1-5]$/);
});

test("/mproxy refuses what no pod could change before it asks for pods", async () => {
  const { get } = await start({ env: { NAMESPACE_WHITELIST: "team-b", PORT_WHITELIST: "1" } });
  expect((await get("/mproxy/team-a/app-/admin?upstreamPort=1")).status).toBe(500);
  expect((await get("/mproxy/team-a/app-/metrics?upstreamPort=1")).status).toBe(403);
  expect((await get("/mproxy/team-b/app-/metrics?upstreamPort=2")).status).toBe(403);
  expect((await get("/mproxy/team-b/app-/metrics?upstreamPort=1")).status).toBe(503);
});

test("/sd answers 503 with Retry-After, and never an empty list, while the pods are not known", async () => {
  const { get } = await start({});
  const answer = await get("/sd");
  expect([answer.status, answer.rest]).toEqual([503, "Cannot scrape: the pods are not known yet\n"]);
  expect(answer.headers.get("retry-after")).toMatch(/^[1-5]$/);
  expect((await get("/sd?port=x%2F")).status).toBe(400);
});

test("/sd answers 503 beyond MAX_CONCURRENT_SCRAPES", async () => {
  const limit = { MAX_CONCURRENT_SCRAPES: "1" };
  const scraping = Promise.withResolvers<void>();
  let scrapes = 0;
  const scrape = async () => {
    scrapes++;
    await scraping.promise;
    throw new BufferBudgetError();
  };
  const { get } = await start({ pods: [pod], env: limit, scrape });
  const holder = get(merge);
  await until(() => scrapes === 1);
  const answer = await get("/sd");
  expect([answer.status, answer.rest]).toEqual([
    503,
    "Cannot scrape now: too many scrapes at once (MAX_CONCURRENT_SCRAPES)\n",
  ]);
  scraping.resolve();
  expect((await holder).status).toBe(503);
  expect((await get("/sd")).status).toBe(200);
});

test("/sd answers 503 when there is no memory for the list, and gives what it had back", async () => {
  const port = { name: "metrics", containerPort: 1 };
  const large = readPod({
    metadata: { uid: "1", name: "app-1", namespace: "team-a", labels: { a: "x".repeat(200_000) } },
    spec: { containers: [{ name: "c", ports: [port] }] },
    status: { podIP: "10.0.0.1", phase: "Running" },
  }) as Pod;
  const { get, budget } = await start({ pods: [large], maxBufferedBytes: 100_000 });
  const answer = await get("/sd");
  expect([answer.status, answer.rest]).toEqual([503, expect.stringContaining("MAX_BUFFERED_BYTES")]);
  expect(answer.headers.get("retry-after")).toMatch(/^[1-5]$/);
  expect(budget.heldBytes).toBe(0);
});

test("/kubesd answers 503 while the pods are not known only where pods matter", async () => {
  expect((await (await start({})).get(pass)).status).toBe(502);
  const strict = await start({ env: { KUBESD_REQUIRE_POD: "true" } });
  expect((await strict.get(pass)).status).toBe(503);
  expect((await strict.get(pass.replace("10.0.0.1", "11.0.0.1"))).status).toBe(500);
  expect((await (await start({ env: { NAMESPACE_WHITELIST: "team-a" } })).get(pass)).status).toBe(503);
});

test("/mproxy answers 503 when there is no memory for another scrape", async () => {
  const { get } = await start({ pods: [pod], scrape: () => Promise.reject(new BufferBudgetError()) });
  const answer = await get(merge);
  expect([answer.status, answer.rest]).toEqual([503, expect.stringContaining("MAX_BUFFERED_BYTES")]);
  expect(answer.headers.get("retry-after")).toMatch(/^[1-5]$/);
});

test("/mproxy releases the bodies after the answer, also when there is none", async () => {
  let released = 0;
  const outcomes = (targets: readonly Target[], up: boolean): ScrapedPods<ParsedBody> => ({
    outcomes: targets.map((target) =>
      up
        ? { up: true, target, durationSeconds: 1, body: bodyOf("a 1\n"), claimed: { format: "text" } }
        : { up: false, target, durationSeconds: 1, reason: "parse", detail: "x" },
    ),
    release: () => void released++,
  });
  const good = await start({ pods: [pod], scrape: (targets) => Promise.resolve(outcomes(targets, true)) });
  expect((await good.get(merge)).status).toBe(200);
  expect(released).toBe(1);
  const bad = await start({ pods: [pod], scrape: (targets) => Promise.resolve(outcomes(targets, false)) });
  expect((await bad.get(merge)).status).toBe(502);
  expect(released).toBe(2);
  const large = await start({
    pods: [pod],
    env: { MAX_RESPONSE_SIZE: "10" },
    scrape: (targets) => Promise.resolve(outcomes(targets, true)),
  });
  expect((await large.get(merge)).status).toBe(502);
  expect(released).toBe(3);
});

test("/mproxy asks pods for an answer early enough for a large merge", async () => {
  const remaining: number[] = [];
  const { get } = await start({
    pods: [pod],
    scrape: (_targets, { deadline }) => {
      remaining.push(deadline.remainingMs());
      return Promise.reject(new BufferBudgetError());
    },
  });
  await get(merge);
  // SCRAPE_TIMEOUT is 10 s, and 200 MB take 2 s until something else is known.
  expect(remaining[0]).toBeGreaterThan(7000);
  expect(remaining[0]).toBeLessThanOrEqual(8000);
});

test("/mproxy takes only bodies of pods that still have their address", async () => {
  const current: boolean[] = [];
  const { get, store } = await start({
    pods: [pod],
    scrape: (targets, { isCurrent }) => {
      const look = () => void current.push(...targets.map((target) => isCurrent(target)));
      look();
      store.upsert({ ...pod, ips: ["10.9.9.9"] });
      look();
      store.delete(pod.uid);
      look();
      return Promise.reject(new BufferBudgetError());
    },
  });
  await get(merge);
  expect(current).toEqual([true, false, false]);
});

test("/mproxy destroys an answer whose making fails after its first byte, and logs why", async () => {
  const body = bodyOf(`a{b="${"x".repeat(100)}"} 1\n`.repeat(50_000));
  const { blocks } = body.table;
  let broken = false;
  Object.defineProperty(body.table, "blocks", {
    get: () => {
      if (broken) throw new Error("broken table");
      return blocks;
    },
  });
  const { get, log } = await start({
    pods: [pod],
    scrape: ([target]) => {
      // The answer has many blocks; by the time that the client has taken the first, there is no way to the others.
      setImmediate(() => (broken = true));
      return Promise.resolve({
        outcomes: [{ up: true, target: target!, durationSeconds: 1, body, claimed: { format: "text" } }],
        release: () => undefined,
      });
    },
  });
  const answer = await get(merge);
  expect([answer.status, answer.rest.includes('a{podname="app-1"')]).toEqual([200, true]);
  expect(answer.rest.endsWith("0\r\n\r\n")).toBe(false);
  expect(log.join("")).toContain("broken table");
});

test("an unexpected error is a 500 that tells nothing, and is logged", async () => {
  const { get, log } = await start({ pods: [pod], scrape: () => Promise.reject(new Error("SECRET")) });
  const answer = await get(merge);
  expect([answer.status, answer.rest]).toEqual([500, expect.not.stringContaining("SECRET")]);
  expect(log.join("")).toContain("SECRET");
});

test.for([
  ["v1", "/v1"],
  ["/a/b/", "/a/b"],
] as const)(
  "APP_URL_PREFIX=%s: everything is below it, and the root also without",
  async ([text, prefix]) => {
    const { get, metrics } = await start({ env: { APP_URL_PREFIX: text } });
    const statusOf = async (target: string) => (await get(target)).status;
    const root = { message: "kubernetes prometheus proxy", version: "1.2.3" };
    for (const target of ["/", "/?probe", prefix, `${prefix}/`, `${prefix}?probe`]) {
      const answer = await get(target);
      expect([target, answer.status, JSON.parse(answer.rest || "null")]).toEqual([target, 200, root]);
    }
    // 503: the pods are not known; 502: no pod answers. Both mean that the route was found and the path was taken apart rightly.
    expect(await statusOf(`${prefix}${merge}`)).toBe(503);
    expect(await statusOf(`${prefix}${pass}`)).toBe(502);

    const outside = `Cannot find this path: all paths but the root begin with "${prefix}/" (APP_URL_PREFIX)\n`;
    for (const target of [merge, pass, `${prefix}x${merge}`, `${prefix.toUpperCase()}${merge}`, "/nothing"]) {
      const answer = await get(target);
      expect([target, answer.status, answer.rest]).toEqual([target, 404, outside]);
    }
    for (const target of [
      `${prefix}${prefix}${merge}`,
      `${prefix}/nothing`,
      `${prefix}${pass}`.replace("kubesd", "KUBESD"),
    ])
      expect([target, await statusOf(target)]).toEqual([target, 404]);
    for (const target of [
      `/${merge}`,
      `${prefix}/${merge}`,
      `${prefix}/..${merge}`,
      `/%76%31${merge}`,
      `http://a${prefix}${merge}`,
    ])
      expect([target, await statusOf(target)]).toEqual([target, 400]);

    const { body } = await metrics.render();
    const count = (route: string, code: number) =>
      Number(new RegExp(`scrapes_total\\{route="${route}",code="${code}"\\} (\\d+)`).exec(body)?.[1] ?? 0);
    expect(
      ["root", "mproxy", "kubesd", "other"].map((route) =>
        [200, 404, 502, 503].map((code) => count(route, code)),
      ),
    ).toEqual([
      [5, 0, 0, 0],
      [0, 0, 0, 1],
      [0, 0, 1, 0],
      [0, 8, 0, 0],
    ]);
  },
);

test("the texts of 404 show whole paths", async () => {
  for (const [env, prefix] of [
    [{}, ""],
    [{ APP_URL_PREFIX: "a/b" }, "/a/b"],
  ] as [Record<string, string>, string][]) {
    const { get } = await start({ env });
    expect((await get(`${prefix}/mproxy/team-a/app-/`)).rest).toContain(
      ` ${prefix}/mproxy/<namespace>/<pod name prefix>/<metrics path>\n`,
    );
    expect((await get(`${prefix}/kubesd/`)).rest).toContain(` ${prefix}/kubesd/<metrics path>\n`);
  }
});

test("whoever is not known gets 401 for every path but the root, before anything else of the request counts", async () => {
  const { get, metrics, log } = await start({
    env: { APP_URL_PREFIX: "v1" },
    ways: { tokens: { has: () => false } },
  });
  for (const target of [
    "/v1/mproxy/team-a/app-/admin",
    "/v1/kubesd/x",
    "/v1/sd",
    "/v1/sd?x",
    "/v1/nothing",
  ]) {
    const answer = await get(target);
    expect([target, answer.status, answer.headers.get("www-authenticate")]).toEqual([
      target,
      401,
      'Bearer realm="k8s-prometheus-proxy"',
    ]);
    expect(answer.rest).toBe(
      "Cannot authenticate the caller: it sends no credentials (BEARER_TOKENS_FILE)\n",
    );
  }
  for (const target of ["/", "/v1", "/v1/"]) expect((await get(target)).status, target).toBe(200);
  // What is no path of the proxy tells nothing either.
  expect((await get("/other")).status).toBe(404);
  const { body } = await metrics.render();
  expect(body).toContain('k8s_prometheus_proxy_authentication_failures_total{reason="no_credentials"} 5\n');
  expect(log.filter((line) => line.includes('"A caller was refused"'))).toHaveLength(1);
});

test("the time in which it is found out who asks is part of the scrape's", async () => {
  let takesMs = 0;
  const { get } = await start({
    pods: [pod],
    env: { SCRAPE_TIMEOUT: "60s" },
    ways: {
      kubernetes: {
        identify: async () => {
          await delay(takesMs);
          return unrestrictedCaller;
        },
      },
    },
    scrape: (_targets, { deadline }) => Promise.reject(new HttpError(502, `${deadline.remainingMs()}`)),
  });
  const remainingMs = async () => Number((await get(merge, "Authorization: Bearer x\r\n")).rest);
  const atOnce = await remainingMs();
  takesMs = 1_500;
  expect(atOnce - (await remainingMs())).toBeGreaterThan(500);
});

test("a caller who leaves while he is identified takes no place", async () => {
  const identified = Promise.withResolvers<undefined>();
  const asked = Promise.withResolvers<void>();
  let first = true;
  const { get, port } = await start({
    pods: [pod],
    env: { MAX_CONCURRENT_SCRAPES: "1" },
    ways: {
      kubernetes: {
        identify: async () => {
          asked.resolve();
          if (first) await identified.promise;
          return unrestrictedCaller;
        },
      },
    },
    scrape: () => Promise.reject(new HttpError(502, "scraped")),
  });
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET ${merge} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n`);
  await asked.promise;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.destroy();
  await closed;
  await delay(50);
  first = false;
  identified.resolve(undefined);
  await delay(10);
  expect((await get(merge, "Authorization: Bearer x\r\n")).rest).toBe("scraped\n");
});

test("each way asks the caller before it waits for pods, and for every pod that has the address", async () => {
  const kubernetes = {
    identify: () =>
      Promise.resolve({
        name: "ann",
        seesAll: false,
        visible: (asked: Namespaces) =>
          Promise.resolve(asked === "*" ? [] : asked.filter((name) => name === "team-a")),
      }),
  };
  const podOf = (uid: string, namespace: string, podIP: string) =>
    readPod({
      metadata: { uid, name: `app-${uid}`, namespace, annotations: { "prometheus.io/port": "1" } },
      status: { podIP, phase: "Running" },
    }) as Pod;
  const env = { KUBESD_REQUIRE_POD: "true" };
  const known = [
    podOf("1", "team-a", "10.0.0.1"),
    podOf("2", "team-b", "10.0.0.2"),
    podOf("3", "team-a", "10.0.0.9"),
    podOf("4", "team-b", "10.0.0.9"),
  ];
  const scraped: string[] = [];
  const { get } = await start({
    env,
    pods: known,
    ways: { kubernetes },
    scrape: (targets) => {
      scraped.push(...targets.map(({ ip }) => ip));
      return Promise.reject(new HttpError(502, "scraped"));
    },
  });
  const ask = async (target: string) => (await get(target, "Authorization: Bearer x\r\n")).status;
  expect(await ask("/mproxy/team-a/app-/metrics")).toBe(502);
  expect(scraped).toEqual(["10.0.0.1"]);
  expect(await ask("/sd?namespace=team-a")).toBe(200);
  expect((await get("/sd", "Authorization: Bearer x\r\n")).rest).not.toMatch(/team-b|10\.0\.0\.[29]/);
  expect(await ask(pass)).toBe(502);
  // While no pods are known, so that only a check before the wait can refuse.
  const waiting = await start({ env, ways: { kubernetes } });
  const early = async (target: string) => (await waiting.get(target, "Authorization: Bearer x\r\n")).status;
  for (const target of [
    "/mproxy/team-b/app-/metrics",
    "/mproxy/*/app-/metrics",
    "/sd?namespace=team-a,team-b",
  ]) {
    expect([await ask(target), await early(target)], target).toEqual([403, 403]);
  }
  expect(await early("/mproxy/team-a/app-/metrics")).toBe(503);
  for (const ip of ["10.0.0.2", "10.0.0.9"]) expect(await ask(pass.replace("10.0.0.1", ip))).toBe(403);
});
