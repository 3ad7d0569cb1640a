// The label selectors of `/sd` beside those of a real API server: the same texts are refused, and the others select the same pods.
import { afterAll, beforeAll, expect, test } from "vitest";

import { request } from "../support/http/http-client.ts";
import { type StartedProgram, startProgram } from "../support/http/start-program.ts";
import { type Cluster, startCluster } from "../support/kubernetes-cluster.ts";
import { ApiError } from "../support/kubernetes/api-client.ts";
import { createLabelSets, createSelectors } from "../support/kubernetes/label-selectors.ts";

const namespace = "team-a";
const labelSets = createLabelSets();

let cluster: Cluster;
let proxy: StartedProgram;

beforeAll(async () => {
  cluster = await startCluster({ tokens: [{ token: "proxy-token", user: "proxy" }] });
  await cluster.createNamespace(namespace);
  await cluster.createPods(
    labelSets.map((labels, index) => ({
      namespace,
      name: `pod-${index}`,
      ip: `10.0.${index >> 8}.${index & 255}`,
      labels,
    })),
  );
  await cluster.allowPods({ subject: "proxy", verbs: ["list", "watch"] });
  proxy = await startProgram({
    env: {
      CIDR_WHITELIST: "10.0.0.0/8",
      WATCH_NAMESPACES: namespace,
      KUBERNETES_API_URL: cluster.url,
      K8S_CACERT: cluster.caFile,
      K8S_GLOBAL_TOKEN: "proxy-token",
    },
  });
}, 180_000);

afterAll(async () => {
  proxy?.kill("SIGTERM");
  await proxy?.exit;
  await cluster?.stop();
});

type Answer = "refused" | readonly string[];

async function kubernetes(selector: string): Promise<Answer> {
  try {
    const query = `labelSelector=${encodeURIComponent(selector)}`;
    const { items } = await cluster.request<{ items: { metadata: { name: string } }[] }>(
      "GET",
      `/api/v1/namespaces/${namespace}/pods?${query}`,
    );
    return items.map(({ metadata }) => metadata.name).sort();
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) return "refused";
    throw error;
  }
}

async function ours(selector: string): Promise<Answer> {
  const { status, text } = await request(
    proxy.origin,
    `/sd?port=80&selector=${encodeURIComponent(selector)}`,
  );
  if (status === 400) return "refused";
  if (status !== 200) throw new Error(`Cannot list ${JSON.stringify(selector)}: ${status} ${text}`);
  const groups = JSON.parse(text) as { labels: { podname: string } }[];
  return groups.map(({ labels }) => labels.podname).sort();
}

test("the same selectors are refused, and the others select the same pods", async () => {
  const differences: string[] = [];
  const selections = new Set<string>();
  let refused = 0;
  const selectors = createSelectors({ generated: 400 });
  for (const selector of selectors) {
    const [expected, found] = await Promise.all([kubernetes(selector), ours(selector)]);
    if (String(expected) !== String(found))
      differences.push(`${JSON.stringify(selector)}: ${String(found)} is ${String(expected)} there`);
    if (expected === "refused") refused += 1;
    else selections.add(String(expected));
  }
  expect(differences).toEqual([]);
  expect(refused).toBeGreaterThan(200);
  expect(selectors.length - refused).toBeGreaterThan(200);
  expect(selections.size).toBeGreaterThan(60);
}, 120_000);

test("only the empty selector differs, which selects everything in Kubernetes, and what holds NUL", async () => {
  for (const selector of ["", " ", "\t\r\n", "\0", "\0a=1"]) {
    expect(await kubernetes(selector)).toHaveLength(labelSets.length);
    expect(await ours(selector)).toBe("refused");
  }
  expect(await kubernetes("a=1\0")).toEqual(await kubernetes("a=1"));
  expect(await ours("a=1\0")).toBe("refused");
});
