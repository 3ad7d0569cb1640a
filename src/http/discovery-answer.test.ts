import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Pod, readPod } from "../discovery/pod.ts";
import { matchesEtag, renderDiscovery } from "./discovery-answer.ts";

const odd = 'é"\\\n\u2028\ud800</script>';

function target(name: string, labels: Record<string, string> = {}) {
  const pod = readPod({
    metadata: { uid: `uid-${name}`, namespace: "a", name, labels, annotations: { "prometheus.io/x": odd } },
  }) as Pod;
  return { pod, ip: "fd00::1", port: 9100, declared: undefined, path: "/metrics", tls: false };
}

const options = {
  address: { scheme: "https", host: "proxy:1", pathPrefix: "/v1" },
  showsAnnotation: () => true,
  onBlock: () => undefined,
} as const;

const textOf = (blocks: readonly Buffer[]) => Buffer.concat(blocks).toString();

test("renderDiscovery() writes JSON, whatever the pods say", async () => {
  const { blocks } = await renderDiscovery([target("web-1", { "a/b": "c" })], options);
  expect(JSON.parse(textOf(blocks))).toEqual([
    {
      targets: ["proxy:1"],
      labels: {
        __scheme__: "https",
        __metrics_path__: "/v1/kubesd/metrics",
        __param_pod: "fd00::1",
        __param_target_port: "9100",
        __param_target_scheme: "http",
        __param_target_uid: "uid-web-1",
        __tmp_hash: "uid-web-1",
        instance: "web-1:9100",
        podname: "web-1",
        podip: "fd00::1",
        namespace: "a",
        __meta_kubernetes_namespace: "a",
        __meta_kubernetes_pod_name: "web-1",
        __meta_kubernetes_pod_uid: "uid-web-1",
        __meta_kubernetes_pod_ready: "unknown",
        __meta_kubernetes_pod_label_a_b: "c",
        __meta_kubernetes_pod_labelpresent_a_b: "true",
        __meta_kubernetes_pod_annotation_prometheus_io_x: odd,
        __meta_kubernetes_pod_annotationpresent_prometheus_io_x: "true",
      },
    },
  ]);
  expect(textOf((await renderDiscovery([], options)).blocks)).toBe("[]\n");
});

test("renderDiscovery() writes a long list in blocks, and lets other work go on meanwhile", async () => {
  const targets = Array.from({ length: 20_000 }, (_, index) => target(`web-${index}`));
  const lengths: number[] = [];
  let turns = 0;
  const state = { isDone: false };
  const rendering = renderDiscovery(targets, { ...options, onBlock: (bytes) => lengths.push(bytes) });
  void rendering.then(() => (state.isDone = true));
  while (!state.isDone) {
    await setImmediate();
    turns++;
  }
  const { blocks } = await rendering;
  expect(turns).toBeGreaterThan(3);
  expect(blocks.map(({ length }) => length)).toEqual(lengths);
  expect(Math.max(...lengths)).toBeLessThan(70_000);
  const groups = JSON.parse(textOf(blocks)) as { labels: { instance: string } }[];
  expect(groups.map(({ labels }) => labels.instance)).toEqual(targets.map(({ pod }) => `${pod.name}:9100`));
});

test("renderDiscovery() gives equal lists an equal tag, and others another", async () => {
  const tagOf = async (...names: string[]) =>
    (
      await renderDiscovery(
        names.map((name) => target(name)),
        options,
      )
    ).etag;
  expect(await tagOf("a", "b")).toBe(await tagOf("a", "b"));
  expect(new Set([await tagOf("a", "b"), await tagOf("b", "a"), await tagOf("a"), await tagOf()]).size).toBe(
    4,
  );
});

test("renderDiscovery() ends when a block is one too many", async () => {
  const onBlock = () => {
    throw new Error("too much");
  };
  await expect(renderDiscovery([target("a")], { ...options, onBlock })).rejects.toThrow("too much");
});

test("matchesEtag() compares weakly", () => {
  const etag = 'W/"abc"';
  for (const header of ['W/"abc"', '"abc"', ' "x" , W/"abc"', "*", " * "]) {
    expect(matchesEtag(header, etag), header).toBe(true);
  }
  for (const header of [undefined, "", "abc", '"ab"', 'w/"abc"', '"x"']) {
    expect(matchesEtag(header, etag), header).toBe(false);
  }
});
