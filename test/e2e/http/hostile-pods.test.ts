// All hostile pods in one scrape together with good ones: answered in time, the good ones whole, each bad one named.
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { hostilePods } from "../../support/http/hostile-pods.ts";
import { type Answer, request, samplesOf } from "../../support/http/http-client.ts";
import { type RunningApp, startApp } from "../../support/http/start-app.ts";

const goodSamples = 2000;
const goodBody = Array.from({ length: goodSamples }, (_, i) => `good_sample{i="${i}"} ${i}\n`).join("");
const goodNames = ["aa-good", "mm-good", "zz-good"];
const hostile = hostilePods();
const timeoutSeconds = 2;

let pods: FakePods;
let app: RunningApp;
let answer: Answer;
let seconds = 0;

beforeAll(async () => {
  pods = await FakePods.start([...hostile, ...goodNames.map((name) => ({ name, http: answers(goodBody) }))]);
  app = await startApp({ PODS_FILE: pods.file, MAX_BODY_SIZE: "4MiB" });
  const start = performance.now();
  answer = await request(app.origin, `/mproxy/team-a/-/metrics?upstreamPort=${pods.port}&selector=!absent`, {
    headers: { "x-prometheus-scrape-timeout-seconds": String(timeoutSeconds) },
  });
  seconds = (performance.now() - start) / 1000;
});
afterAll(async () => {
  await app.stop();
  await pods.stop();
});

const podip = (name: string) => `podname="${name}",podip="${pods.get(name).ip}"`;

test("the answer comes whole, and before the scraper stops waiting", () => {
  expect([answer.status, answer.complete]).toEqual([200, true]);
  expect(seconds).toBeLessThan(timeoutSeconds);
});

test("every good pod is whole", () => {
  for (const name of goodNames) {
    const own = answer.text.split("\n").filter((line) => line.startsWith(`good_sample{${podip(name)},`));
    expect(own).toHaveLength(goodSamples);
    expect(own.at(-1)).toBe(`good_sample{${podip(name)},i="${goodSamples - 1}"} ${goodSamples - 1}`);
    expect(samplesOf(answer.text).get(`k8s_prometheus_proxy_pod_up{${podip(name)}}`)).toBe("1");
  }
});

for (const { name, reason } of hostile) {
  test(`the pod "${name}" ${reason === "" ? "counts as up" : `fails with reason ${reason}`}`, () => {
    const samples = samplesOf(answer.text);
    expect(samples.get(`k8s_prometheus_proxy_pod_up{${podip(name)}}`)).toBe(reason === "" ? "1" : "0");
    const reasons = [...answer.text.matchAll(/pod_scrape_failure\{podname="([^"]+)",.*reason="([a-z_]+)"/g)]
      .filter(([, failed]) => failed === name)
      .map(([, , given]) => given);
    expect(reasons).toEqual(reason === "" ? [] : [reason]);
    const lines = answer.text
      .split("\n")
      .filter((line) => line.startsWith("hostile_sample") && line.includes(`"${name}"`));
    expect(lines).toHaveLength(reason === "" ? 1 : 0);
  });
}

test("nothing that hostile pods sent stands in the answer or in the log", () => {
  for (const text of [answer.text, JSON.stringify(app.log)]) {
    for (const sent of ["<html", "script", "169.254", "injected", "oops", "what is this"])
      expect(text).not.toContain(sent);
  }
});

test("the log line names at most 20 pods and stays short", () => {
  const line = app.log.find(({ msg }) => msg === "Pods are missing from a scrape");
  const failed = hostile.filter(({ reason }) => reason !== "").length;
  expect(line).toMatchObject({
    failed,
    named: expect.any(Array) as string[],
    unnamed: expect.any(Number) as number,
  });
  const { named, unnamed } = line as { named: string[]; unnamed: number };
  expect(named.length).toBeLessThanOrEqual(20);
  expect(named.length + unnamed).toBe(failed);
  expect(JSON.stringify(line).length).toBeLessThan(2048);
});

test("connections that broke or had to be broken off are closed, and one with bytes too many is not used again", async () => {
  const broken = hostile.filter(({ reason }) =>
    ["timeout", "connect", "truncated", "too_large"].includes(reason),
  );
  // The short gzip body came whole as HTTP.
  const open = () =>
    broken.filter(({ name }) => name !== "short-gzip" && pods.get(name).connections.open > 0);
  await expect.poll(() => open().map(({ name }) => name)).toEqual([]);
  const before = pods.get("two-answers").connections.accepted;
  await request(app.origin, `/mproxy/team-a/two-/metrics?upstreamPort=${pods.port}`);
  expect(pods.get("two-answers").connections.accepted).toBe(before + 1);
});
