// What must hold for every request, whatever its bytes: a million random ones through all the guards, some thousands of them over real
// connections to real pods. `GUARD_SEED=<number>` repeats a run.
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";

import { FakePods } from "../support/http/fake-pods.ts";
import { startApp } from "../support/http/start-app.ts";
import {
  describedPod,
  type GuardedListener,
  startGuardedListener,
} from "../support/guards/guarded-listener.ts";
import { pathTarget, podTarget, selectingTarget, type Subjects } from "../support/guards/hostile-targets.ts";
import { Choices } from "../support/kubernetes/choices.ts";

const seed = Number(process.env["GUARD_SEED"] ?? Date.now() % 1_000_000);
process.stdout.write(`Seed of the hostile requests: GUARD_SEED=${seed}\n`);

// The one time that a test asserts: that of the fastest of many tries, which only what is slow itself can miss.
const maxGuardMs = 1;
/** What takes longer is tried again: another program, or the collector of garbage, may have been at work. */
const maxTries = 20;

const patterns = ["^/metrics$", "^/actuator/(?:[a-z]+/)*prometheus$", "^/(?:a|aa|a?)*b$"];
/** The same language, in an engine and a form of its own. */
const allowedPath = /^\/(?:metrics|actuator\/(?:[a-z]+\/)*prometheus|a*b)$/;
const env = {
  CIDR_WHITELIST: "10.0.0.0/16,fd00:1::/32",
  METRICS_PATH_WHITELIST: patterns.join(","),
  NAMESPACE_WHITELIST: "team-a,team-b",
  PORT_WHITELIST: "9100,8000-8999",
  KUBESD_REQUIRE_POD: "true",
  PODS_FILE: "not read",
};
const web = { metrics: 9100, web: 8080, ssh: 22 };
const pods = [
  { uid: "u1", namespace: "team-a", name: "app-1", ips: ["10.0.0.1"], ports: web },
  { uid: "u2", namespace: "team-a", name: "app-2", ips: ["10.0.0.2", "fd00:1::2"], ports: web },
  { uid: "u3", namespace: "team-b", name: "app-3", ips: ["10.9.0.3", "fd00:1::3"], ports: web },
  {
    uid: "u4",
    namespace: "team-a",
    name: "app-4",
    ips: ["10.0.0.4"],
    annotations: { "prometheus.io/port": "22" },
  },
  { uid: "u5", namespace: "team-a", name: "app-5", ips: ["10.9.0.5"], ports: web },
  { uid: "u6", namespace: "team-a", name: "app-6", ips: ["169.254.169.254"], ports: web },
  { uid: "u7", namespace: "team-a", name: "app-7", ips: ["127.0.0.1"], ports: web },
  { uid: "u8", namespace: "secret", name: "app-8", ips: ["10.0.0.8"], ports: web },
  { uid: "u9", namespace: "team-a", name: "app-9", ips: ["10.0.0.9"], phase: "Succeeded", ports: web },
  // One address, two namespaces, of which one is not allowed.
  { uid: "u10", namespace: "team-a", name: "node-1", ips: ["10.0.0.77"], ports: web },
  { uid: "u11", namespace: "secret", name: "node-2", ips: ["10.0.0.77"], ports: web },
];
const own = ["10.0.0.1", "10.0.0.2", "fd00:1::2", "fd00:1::3", "10.0.0.4"];
/** What each of the two ways may reach. `/mproxy` takes one address of each pod. */
const reachable = {
  kubesd: new Set(own),
  mproxy: new Set(["10.0.0.1", "10.0.0.2", "fd00:1::3", "10.0.0.4", "10.0.0.77"]),
};
const isAllowedPort = (port: number) => port === 9100 || (port >= 8000 && port <= 8999);
const subjects: Subjects = {
  addresses: [
    ...own,
    ...own,
    ...pods.flatMap(({ ips }) => ips),
    "10.0.0.200",
    "0.0.0.0",
    "::1",
    "255.255.255.255",
  ],
  ports: [9100, 9100, 8080, 8000, 22, 443, 10250, 65535],
  namespaces: ["team-a", "team-a", "team-b", "secret", "kube-system"],
  paths: ["/metrics", "/metrics", "/actuator/x/prometheus", "/aaab", "/debug/pprof", "/actuator/env"],
  uids: ["u1", "u8"],
};

/** The path that pods may see of a target, from its bytes alone. */
function pathIn(target: string): string {
  const path = target.split("?", 1)[0]!;
  return path.startsWith("/kubesd/")
    ? path.slice("/kubesd".length)
    : `/${path.split("/").slice(4).join("/")}`;
}

/** Throws when anything was dialled that must not be, or with other bytes than those that were looked at. */
function requireGuarded(target: string, listener: GuardedListener): number {
  const dialled = listener.takeDialled();
  const way = target.startsWith("/kubesd/") ? "kubesd" : "mproxy";
  for (const { ip, port, path } of dialled) {
    const sentPath = path.split("?", 1)[0]!;
    const wrong = [
      !reachable[way].has(ip) && `address ${ip}`,
      !isAllowedPort(port) && `port ${port}`,
      !allowedPath.test(sentPath) && `path ${sentPath}`,
      sentPath !== listener.matchedPath && "bytes other than the patterns saw",
      sentPath !== pathIn(target) && "bytes other than those of the request",
    ].filter((problem) => problem !== false);
    if (wrong.length > 0) throw new Error(`dialled: ${wrong.join(", ")}`);
  }
  return dialled.length;
}

/** Patterns of families are compiled for those alone who may scrape, and no guard reads them: half a millisecond here, with room for slower machines. */
const limitMs = (target: string) => (/[?&](?:include|exclude)=/.test(target) ? 5 * maxGuardMs : maxGuardMs);

async function timed(target: string, listener: GuardedListener): Promise<{ status: number; tookMs: number }> {
  const startMs = performance.now();
  const status = await listener.request(target);
  return { status, tookMs: performance.now() - startMs };
}

async function takesTooLong(target: string, listener: GuardedListener): Promise<boolean> {
  for (let tries = 0; tries < maxTries; tries++) {
    const { tookMs } = await timed(target, listener);
    listener.takeDialled();
    if (tookMs <= limitMs(target)) return false;
  }
  return true;
}

interface Run {
  readonly requests: number;
  readonly dialled: number;
  readonly statuses: ReadonlyMap<number, number>;
  /** Each with what is wrong about it. */
  readonly failures: readonly string[];
}

async function attack(
  make: (choices: Choices, subjects: Subjects) => string,
  { count, listener }: { readonly count: number; readonly listener: GuardedListener },
): Promise<Run> {
  const choices = new Choices(seed);
  const statuses = new Map<number, number>();
  const failures: string[] = [];
  let requests = 0;
  let dialled = 0;
  for (; requests < count && failures.length < 5; requests++) {
    const target = make(choices, subjects);
    const { status, tookMs } = await timed(target, listener);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    try {
      dialled += requireGuarded(target, listener);
    } catch (error) {
      failures.push(`${(error as Error).message}: ${JSON.stringify(target)}`);
    }
    if (tookMs > limitMs(target) && (await takesTooLong(target, listener)))
      failures.push(`took more than ${limitMs(target)} ms, ${maxTries} times: ${JSON.stringify(target)}`);
    // Timers and whoever else waits.
    if (requests % 1000 === 0) await new Promise(setImmediate);
  }
  return { requests, dialled, statuses, failures };
}

const start = () => startGuardedListener({ env, pods: pods.map(describedPod) });
const millionthPart = 500_000;

test.for([
  ["pod=", podTarget],
  ["path", pathTarget],
] as const)(
  "of half a million random %s strings none reaches anything but pods, is sent with other bytes, or takes a millisecond",
  { timeout: 240_000 },
  async ([, make]) => {
    await using listener = await start();
    const run = await attack(make, { count: millionthPart, listener });
    expect(run.failures).toEqual([]);
    expect(run.requests).toBe(millionthPart);
    // Else nothing would have been tried.
    expect(run.dialled).toBeGreaterThan(millionthPart / 100);
    expect(new Set(run.statuses.keys())).toEqual(new Set([400, 403, 404, 500, 502]));
  },
);

test("no selector, pattern or list of a request takes a millisecond", { timeout: 120_000 }, async () => {
  await using listener = await start();
  const run = await attack(selectingTarget, { count: 40_000, listener });
  expect(run.failures).toEqual([]);
  expect(run.statuses.get(200)).toBeGreaterThan(100);
  expect(run.dialled).toBeGreaterThan(100);
});

/** A pod that keeps the bytes that it gets, and always answers. */
function recordTo(heads: string[]): (socket: Socket) => void {
  return (socket) => {
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        heads.push(text.slice(0, end));
        text = text.slice(end + 4);
        socket.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\na 1\n");
      }
    });
  };
}

/** Sends the bytes and resolves when the proxy has closed the connection. */
function send(port: number, target: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined).on("close", () => resolve());
    socket.resume().write(`GET ${target} HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n`, "latin1");
  });
}

test("over real connections, pods get the bytes of the request, and nobody but pods gets any", async () => {
  const heads: string[] = [];
  const tcp = recordTo(heads);
  const fakes = await FakePods.start([
    { name: "app-1", tcp, ports: { metrics: 0 } },
    { name: "app-2", tcp, namespace: "team-b", ports: { metrics: 0 } },
    { name: "app-3", tcp, unlisted: true },
    { name: "app-4", tcp, namespace: "secret", ports: { metrics: 0 } },
    { name: "app-5", tcp, phase: "Succeeded", ports: { metrics: 0 } },
  ]);
  const app = await startApp({
    ...env,
    CIDR_WHITELIST: "127.20.0.0/16",
    PORT_WHITELIST: String(fakes.port),
    PODS_FILE: fakes.file,
    LOG_LEVEL: "error",
  });
  try {
    const choices = new Choices(seed);
    const names = ["app-1", "app-2", "app-3", "app-4", "app-5"];
    const local: Subjects = {
      ...subjects,
      addresses: [...["app-1", "app-1", "app-2", ...names].map((name) => fakes.get(name).ip), "127.0.0.1"],
      ports: [fakes.port, fakes.port, fakes.port, app.port, app.metricsPort],
      uids: ["uid-team-a-app-1", "uid-secret-app-4"],
    };
    const failures: string[] = [];
    let reached = 0;
    for (let sent = 0; sent < 3000 && failures.length < 5; sent++) {
      const target = (sent % 2 === 0 ? podTarget : pathTarget)(choices, local);
      await send(app.port, target);
      // Blanks and line ends would end the target: what is sent then are several requests.
      const isOne = !/[ \r\n]/.test(target);
      for (const head of heads.splice(0)) {
        reached++;
        const [, path, query = ""] = /^GET (\/[^ ?]*)(?:\?([^ ]*))? HTTP\/1\.1\r\n/.exec(head) ?? [];
        const asked = target.slice(target.indexOf("?") + 1).split("&");
        const isForwarded = query
          .split("&")
          .every(
            (pair) => pair === "" || asked.includes(pair) || asked.some((raw) => raw.endsWith(`.${pair}`)),
          );
        if (
          path === undefined ||
          !allowedPath.test(path) ||
          (isOne && (path !== pathIn(target) || !isForwarded))
        )
          failures.push(`${JSON.stringify(head)} came of ${JSON.stringify(target)}`);
      }
    }
    expect(failures).toEqual([]);
    expect(reached).toBeGreaterThan(30);
    expect(names.slice(2).map((name) => fakes.get(name).connections.accepted)).toEqual([0, 0, 0]);
  } finally {
    await app.stop();
    await fakes.stop();
  }
});
