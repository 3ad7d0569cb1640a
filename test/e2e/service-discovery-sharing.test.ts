// Several Prometheus servers and several proxies: `shard` divides the pods as Prometheus' own relabelling does, and whichever proxy
// answers, the list and its tag are the same.
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { request } from "../support/http/http-client.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import { startPrometheus } from "../support/prometheus-server.ts";

const namespace = "project1";
const shards = 3;
/** Nobody has to answer there: it is about the lists alone. */
const names = Array.from({ length: 60 }, (_, index) => `web-${index}`);
const path = `/sd?namespace=${namespace}`;

let cluster: Cluster;
let programs: StartedProgram[] = [];

const podObject = (name: string, index: number) => ({
  namespace,
  name,
  ip: `127.20.9.${index + 1}`,
  containerPorts: [
    { name: "metrics", containerPort: 9 },
    { name: "more-metrics", containerPort: 19 },
  ],
});

beforeAll(async () => {
  cluster = await startCluster({ tokens: [{ token: "proxy-token", user: "proxy" }] });
  await cluster.createNamespace(namespace);
  await cluster.createPods(names.map(podObject));
  await cluster.allowPods({ subject: "proxy", verbs: ["list", "watch"], namespace });
  const env = {
    KUBERNETES_SERVICE_HOST: cluster.host,
    KUBERNETES_SERVICE_PORT: String(cluster.port),
    K8S_CACERT: cluster.caFile,
    K8S_GLOBAL_TOKEN: "proxy-token",
  };
  programs = await Promise.all([startProgram({ env }), startProgram({ env })]);
}, 60_000);

afterAll(async () => {
  for (const program of programs) program.kill("SIGTERM");
  await Promise.all(programs.map(({ exit }) => exit));
  await cluster?.stop();
});

interface Group {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

async function instances(parameters: string): Promise<string[]> {
  const answer = await request(programs[0]!.origin, path + parameters);
  expect(answer.status).toBe(200);
  return (JSON.parse(answer.text) as Group[]).map(({ labels }) => labels["instance"]!).sort();
}

test("the shards are together all targets, each once, and the same as with `hashmod` on `__tmp_hash`", async () => {
  const lists = await Promise.all(
    Array.from({ length: shards }, (_, index) => instances(`&shard=${index}/${shards}`)),
  );
  expect(lists.flat().sort()).toEqual(await instances(""));
  expect(lists.flat()).toHaveLength(2 * names.length);

  const job = (index: number) => ({
    job_name: String(index),
    // Nothing has to be scraped.
    scrape_interval: "1h",
    http_sd_configs: [{ url: programs[0]!.origin + path }],
    relabel_configs: [
      { source_labels: ["__tmp_hash"], modulus: shards, action: "hashmod", target_label: "__tmp_shard" },
      { source_labels: ["__tmp_shard"], regex: String(index), action: "keep" },
    ],
  });
  const scrape_configs = Array.from({ length: shards }, (_, index) => job(index));
  await using prometheus = await startPrometheus({ version: "3.5", config: { scrape_configs } });
  const targets = await prometheus.waitFor("all targets", async () => {
    const found = await prometheus.targets();
    return found.length >= 2 * names.length && found;
  });
  for (const [index, list] of lists.entries()) {
    const own = targets.filter(({ scrapePool }) => scrapePool === String(index));
    expect(own.map(({ labels }) => labels["instance"]!).sort(), `shard ${index}`).toEqual(list);
    expect(list.length, `shard ${index}`).toBeGreaterThan(0);
  }
});

describe("the tag of an answer", () => {
  // The same name for both, as behind one Service.
  const ask = (program: StartedProgram, tag?: string) =>
    request(program.origin, path, {
      headers: { host: "proxy.example:5050", ...(tag !== undefined && { "if-none-match": tag }) },
    });

  /** The tag of each proxy, when both have got as far as each other. */
  async function commonTag({ not }: { not?: string } = {}): Promise<string> {
    for (let endMs = performance.now() + 10_000; performance.now() < endMs;) {
      const tags = await Promise.all(programs.map(async (program) => (await ask(program)).headers.etag));
      if (tags[0] !== undefined && tags[0] === tags[1] && tags[0] !== not) return tags[0];
    }
    throw new Error("Cannot see a common tag: the proxies do not agree within 10 s");
  }

  test("two proxies give the same answer with the same tag, and 304 to either's", async () => {
    const [first, second] = await Promise.all(programs.map((program) => ask(program)));
    expect(first!.status).toBe(200);
    expect(second!.body).toEqual(first!.body);
    expect(second!.headers.etag).toBe(first!.headers.etag);
    for (const program of programs) {
      const answer = await ask(program, first!.headers.etag);
      expect([answer.status, answer.text, answer.headers.etag]).toEqual([304, "", first!.headers.etag]);
    }
  });

  test("it holds until a pod changes", async () => {
    const before = await commonTag();
    expect((await ask(programs[0]!, before)).status).toBe(304);
    await cluster.setPodStatus(namespace, "web-7", { ip: podObject("web-7", 7).ip, ready: false });
    const after = await commonTag({ not: before });
    for (const program of programs) {
      expect((await ask(program, before)).status).toBe(200);
      expect((await ask(program, after)).status).toBe(304);
    }
    await cluster.setPodStatus(namespace, "web-7", { ip: podObject("web-7", 7).ip, ready: true });
    expect(await commonTag({ not: after })).toBe(before);
  });

  test("another host has another", async () => {
    const other = await request(programs[0]!.origin, path, { headers: { host: "other.example" } });
    expect(other.headers.etag).not.toBe(await commonTag());
  });
});
