// `/sd` while the API server is away: the last list, then 503, and never an empty list, for which Prometheus would drop its targets.
// A real API server is killed and comes back; every answer from the start of the program on is looked at.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../support/http/fake-pods.ts";
import { request } from "../support/http/http-client.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import { startPrometheus } from "../support/prometheus-server.ts";

const namespace = "project1";
const names = ["web-0", "web-1", "web-2"];
const path = `/sd?namespace=${namespace}`;

let cluster: Cluster;
let pods: FakePods;

beforeAll(async () => {
  [cluster, pods] = await Promise.all([
    startCluster({ tokens: [{ token: "proxy-token", user: "proxy" }] }),
    FakePods.start(names.map((name) => ({ name, http: answers("demo_value 1\n") }))),
  ]);
  await cluster.createNamespace(namespace);
  await cluster.createPods(
    names.map((name) => ({
      namespace,
      name,
      ip: pods.get(name).ip,
      containerPorts: [{ name: "metrics", containerPort: pods.port }],
    })),
  );
  await cluster.allowPods({ subject: "proxy", verbs: ["list", "watch"], namespace });
}, 60_000);

afterAll(async () => {
  await Promise.all([cluster?.stop(), pods?.stop()]);
});

const start = (env: Record<string, string> = {}) =>
  startProgram({
    env: {
      KUBERNETES_SERVICE_HOST: cluster.host,
      KUBERNETES_SERVICE_PORT: String(cluster.port),
      K8S_CACERT: cluster.caFile,
      K8S_GLOBAL_TOKEN: "proxy-token",
      MAX_POD_LIST_AGE: "3s",
      ...env,
    },
  });

async function end(program: StartedProgram): Promise<void> {
  program.kill("SIGTERM");
  await program.exit;
}

/** Any event, and the time for it to arrive. */
async function touchPod(): Promise<void> {
  await cluster.setPodStatus(namespace, "web-0", { ip: pods.get("web-0").ip, ready: false });
  await cluster.setPodStatus(namespace, "web-0", { ip: pods.get("web-0").ip });
  await delay(200);
}

/** One answer in a word: the pods that it lists, or how it refuses. */
async function ask(program: StartedProgram, headers: Record<string, string> = {}): Promise<string> {
  const answer = await request(program.origin, path, { headers });
  if (answer.status !== 200) {
    const hasTime = /^[1-5]$/.test(answer.headers["retry-after"] ?? "");
    return `${answer.status}${hasTime ? " with Retry-After" : ""}`;
  }
  const groups = JSON.parse(answer.text) as { labels: Record<string, string> }[];
  return `200 ${groups.map(({ labels }) => labels["podname"]).join(" ")}`;
}

const allPods = `200 ${names.join(" ")}`;
const refused = "503 with Retry-After";

/** Asks all the time. What came, each time that it was another than before. */
class AnswerWatch {
  readonly changes: string[] = [];
  count = 0;
  readonly #over = new AbortController();
  readonly #watching: Promise<void>;

  constructor(program: StartedProgram) {
    this.#watching = this.#watch(program);
  }

  async #watch(program: StartedProgram): Promise<void> {
    while (!this.#over.signal.aborted) {
      const answer = await ask(program).catch((error: unknown) => `no answer: ${String(error)}`);
      this.count++;
      if (answer !== this.changes.at(-1)) this.changes.push(answer);
      await delay(20);
    }
  }

  async until(changes: readonly string[], withinMs = 60_000): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (this.changes.length < changes.length && performance.now() < endMs) await delay(20);
    expect(this.changes).toEqual(changes);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#watching;
  }
}

test("from a start without the API server through an outage to its end, Prometheus loses no target", async () => {
  await cluster.killApiServer();
  const program = await start({ WATCH_NAMESPACES: namespace });
  const answers = new AnswerWatch(program);
  try {
    await answers.until([refused]);
    const beforeStart = answers.count;
    await delay(1000);
    expect(answers.count).toBeGreaterThan(beforeStart);
    await answers.until([refused]);
    await cluster.startApiServer();
    await answers.until([refused, allPods]);

    await using prometheus = await startPrometheus({
      version: "3.5",
      config: {
        global: { scrape_interval: "500ms", scrape_timeout: "500ms" },
        scrape_configs: [
          {
            job_name: "pods",
            http_sd_configs: [{ url: `${program.origin}${path}`, refresh_interval: "200ms" }],
          },
        ],
      },
    });
    const active = async () => (await prometheus.targets()).map(({ labels }) => labels["podname"]!).sort();
    const ups = async () => Number((await prometheus.query("sum(count_over_time(up[5m]))"))[0]?.value);
    /** Lists that Prometheus asked for and did not get. */
    const failures = async () => {
      const { text } = await request(prometheus.baseUrl, "/metrics");
      return Number(/^prometheus_sd_http_failures_total(?:\{[^}]*\})? (\d+)$/m.exec(text)?.[1]);
    };
    await prometheus.waitFor("all pods", async () => (await prometheus.query("up == 1")).length === 3);

    expect(await failures()).toBe(0);

    // The age of the pods counts from the server's last word, and a namespace in which nothing happens may have had none for long.
    await touchPod();
    await cluster.killApiServer();
    expect(await ask(program)).toBe(allPods);
    await answers.until([refused, allPods, refused]);
    // Longer than MAX_POD_LIST_AGE once more, and several refresh intervals.
    const scrapesBefore = await ups();
    const endMs = performance.now() + 4000;
    while (performance.now() < endMs) {
      expect(await active()).toEqual(names);
      await delay(50);
    }
    expect(await ups()).toBeGreaterThanOrEqual(scrapesBefore + 3 * 4);
    expect(await failures()).toBeGreaterThan(5);

    await cluster.startApiServer();
    await answers.until([refused, allPods, refused, allPods]);
    expect(await active()).toEqual(names);
    expect((await prometheus.query("min_over_time(up[5m])")).map(({ value }) => value)).toEqual([
      "1",
      "1",
      "1",
    ]);
  } finally {
    await answers.stop();
    await end(program);
  }
}, 120_000);

test("a list that hangs is waited for as long as the request has time, then refused", async () => {
  cluster.pauseApiServer();
  const program = await start();
  try {
    expect(await ask(program, { "x-prometheus-scrape-timeout-seconds": "1" })).toBe(refused);
    const patient = ask(program, { "x-prometheus-scrape-timeout-seconds": "15" });
    cluster.resumeApiServer();
    expect(await patient).toBe(allPods);
  } finally {
    cluster.resumeApiServer();
    await end(program);
  }
});

test("an empty list means that there are no pods", async () => {
  const program = await start();
  try {
    const answer = await request(program.origin, `${path}&selector=app%3Dnone`);
    expect([answer.status, answer.text]).toEqual([200, "[]\n"]);
  } finally {
    await end(program);
  }
});
