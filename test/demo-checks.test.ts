/** The demo's own verdict: it must see each thing that can be wrong. */
import { expect, test } from "vitest";
import { checkMerged, checkPassedThrough, checkTargets, podHealth } from "../demo/checks.ts";
import type { SamplePod } from "../demo/sample-pods.ts";

const pod = (name: string, fails?: string): SamplePod => ({
  name,
  ip: "127.0.0.1",
  port: 1,
  fails,
  stop: () => {},
});
const pods = [pod("good"), pod("bad", "parse")];

const status = (name: string, up: number, samples: number, reason?: string) =>
  [
    `k8s_prometheus_proxy_pod_up{podname="${name}",podip="127.0.0.1"} ${up}`,
    `k8s_prometheus_proxy_pod_scrape_samples{podname="${name}",podip="127.0.0.1"} ${samples}`,
    ...(reason === undefined
      ? []
      : [
          `k8s_prometheus_proxy_pod_scrape_failure{podname="${name}",podip="127.0.0.1",reason="${reason}"} 1`,
        ]),
  ].join("\n");
const sample = (name: string) => `a{podname="${name}",podip="127.0.0.1"} 1`;
const merged = (...parts: string[]) => `# TYPE a gauge\n${parts.join("\n")}\n`;
const right = [status("good", 1, 1), sample("good"), status("bad", 0, 0, "parse")];

test("podHealth() reads what the merged answer says of each pod", () => {
  expect(podHealth(merged(...right))).toEqual([
    { name: "good", up: true, samples: 1, reason: undefined },
    { name: "bad", up: false, samples: 0, reason: "parse" },
  ]);
});

test("checkMerged() finds nothing wrong in what is right, and each thing that is wrong", () => {
  const check = (...parts: string[]) => checkMerged(merged(...parts), pods);
  expect(check(...right)).toEqual([]);
  expect(check(right[0]!, right[1]!)).toEqual(["bad has no health"]);
  expect(check(status("good", 0, 0, "timeout"), right[2]!)).toEqual([
    "good is down (timeout), but it is healthy",
  ]);
  expect(check(right[0]!, right[2]!)).toEqual(["good has 0 samples instead of 1"]);
  expect(check(...right.slice(0, 2), status("bad", 1, 0))).toEqual([
    "bad is up with 0 samples instead of down (parse)",
  ]);
  expect(check(...right.slice(0, 2), status("bad", 0, 0, "tls"))).toEqual([
    "bad is down (tls) with 0 samples instead of down (parse)",
  ]);
  expect(check(...right, sample("bad"))).toEqual([
    "bad is down (parse) with 1 samples instead of down (parse)",
  ]);
  expect(check(...right, "# TYPE a gauge")).toEqual(["a family has more than one TYPE line"]);
});

test("checkPassedThrough() wants the pod's own metrics, without labels of the proxy", () => {
  expect(checkPassedThrough("sample_app_scrapes_total 2\n")).toEqual([]);
  expect(checkPassedThrough("other 1\n")).toEqual(["the pod's own metrics are missing"]);
  expect(checkPassedThrough('sample_app_scrapes_total 2\na{podname="x"} 1\n')).toEqual([
    "labels were added to the answer of one pod",
  ]);
});

test("checkTargets() wants each pod in the list, and nothing else", () => {
  const list = (...names: string[]) =>
    JSON.stringify(names.map((name) => ({ targets: ["a:1"], labels: { instance: `${name}:1` } })));
  expect(checkTargets(list("good", "bad"), pods)).toEqual([]);
  expect(checkTargets(list("good"), pods)).toEqual(["bad:1 is not listed as a target"]);
  expect(checkTargets(list("good", "bad", "x"), pods)).toEqual(["x:1 is listed, but is no pod"]);
});
