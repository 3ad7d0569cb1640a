import { describe, expect, test } from "vitest";

import { extraLabelList } from "../config/extra-labels.ts";
import { type Pod, readPod } from "../discovery/pod.ts";
import type { Label } from "../exposition/label.ts";
import { PodLabels, type PodLabelsOptions } from "./pod-labels.ts";

interface Example {
  readonly labels?: Record<string, string>;
  readonly nodeName?: string;
  readonly containers?: readonly object[];
  readonly initContainers?: readonly object[];
}

function pod({ labels = {}, ...spec }: Example = {}): Pod {
  return readPod({ metadata: { uid: "1", namespace: "team-a", name: "app-1", labels }, spec }) as Pod;
}

function podLabels(extra: string, o: Partial<PodLabelsOptions> = {}): PodLabels {
  const labels = extra === "" ? [] : extraLabelList().schema.parse(extra);
  return new PodLabels({ extra: labels, namespace: false, port: false, containers: [], ...o });
}

function textOf(labels: readonly Label[]): string {
  return labels.map(({ name, value }) => `${name}=${value}`).join();
}

function labelsOf(extra: string, of: Pod, ports = [80]): string {
  const labels = podLabels(extra).ofPod(of, "10.0.0.1", ports);
  return labels.map(({ name, value }) => `${name}=${value}`).join();
}

describe("PodLabels", () => {
  const base = "podname=app-1,podip=10.0.0.1";
  const check = (extra: string, example: Example, expected: string, ports?: number[]) => {
    test(`${extra} of ${JSON.stringify(example)} gives ${expected === "" ? "nothing" : expected}`, () => {
      expect(labelsOf(extra, pod(example), ports)).toBe(expected === "" ? base : `${base},${expected}`);
    });
  };

  test("without EXTRA_LABELS gives name and address", () => {
    const labels = podLabels("");
    expect(labels.ofPod(pod(), "10.0.0.1", [80])).toEqual([
      { name: "podname", value: "app-1" },
      { name: "podip", value: "10.0.0.1" },
    ]);
    expect(labels.names).toEqual(["podname", "podip"]);
  });

  test("names what any pod can get, whether this one has it or not", () => {
    const labels = podLabels("label:a/b,node,label:c=d");
    expect(labels.names).toEqual(["podname", "podip", "a_b", "node", "d"]);
  });

  test("tell namespace and port where pods of several namespaces or at several ports are asked", () => {
    const labels = podLabels("node,namespace,label:a", { namespace: true, port: true });
    const of = pod({ nodeName: "n", labels: { a: "b" } });
    expect(labels.names).toEqual(["podname", "podip", "namespace", "port", "node", "a"]);
    expect(textOf(labels.ofSample(of, "10.0.0.1", 81))).toBe(`${base},namespace=team-a,port=81,node=n,a=b`);
    expect(textOf(labels.ofPod(of, "10.0.0.1", [81]))).toBe(`${base},namespace=team-a,node=n,a=b`);
    expect(textOf(podLabels("").ofSample(of, "10.0.0.1", 81))).toBe(base);
  });

  test("tell the container that the request means, where several declare the port", () => {
    const containers = [
      { name: "web", ports: [{ containerPort: 80 }] },
      { name: "mesh", ports: [{ containerPort: 80 }] },
    ];
    const of = pod({ containers });
    expect(textOf(podLabels("container").ofSample(of, "10.0.0.1", 80))).toBe(`${base},container=web`);
    const meant = podLabels("container", { containers: ["mesh"] });
    expect(textOf(meant.ofSample(of, "10.0.0.1", 80))).toBe(`${base},container=mesh`);
  });

  check("node,namespace", { nodeName: "node-1" }, "node=node-1,namespace=team-a");
  check("node,namespace", {}, "namespace=team-a");
  check("label:b,label:a=x", { labels: { a: "1", b: "2", c: "3" } }, "b=2,x=1");
  check("label:a,namespace,label:b", { labels: { b: "" } }, "namespace=team-a");

  const web = { name: "web", ports: [{ containerPort: 80 }, { containerPort: 81 }] };
  const helper = { name: "helper", ports: [{ containerPort: 53, protocol: "UDP" }, { containerPort: 90 }] };
  const silent = { name: "silent" };
  const mesh = { name: "mesh", restartPolicy: "Always", ports: [{ containerPort: 15090 }] };
  const setup = { name: "setup", ports: [{ containerPort: 80 }] };
  check("container", { containers: [web, helper] }, "container=web");
  check("container", { containers: [web, helper] }, "container=helper", [90]);
  check("container", { containers: [web, helper] }, "", [53]);
  check("container", { containers: [web, silent] }, "", [8080]);
  check("container", { containers: [silent], initContainers: [setup, mesh] }, "container=silent");
  check("container", { containers: [silent], initContainers: [mesh] }, "container=mesh", [15090]);
  check("container", { containers: [silent, web], initContainers: [setup] }, "container=web");
  check("container", {}, "");
  check("container", { containers: [{ ports: [{ containerPort: 80 }] }] }, "");
  // One entry for several ports: where they belong together.
  check("container", { containers: [web, helper] }, "container=web", [80, 81]);
  check("container", { containers: [web, helper] }, "", [80, 90]);
  check("container", { containers: [web, helper] }, "", [80, 8080]);
  check("container", { containers: [silent] }, "container=silent", [80, 90]);
  check("container", { containers: [web] }, "", []);
});
