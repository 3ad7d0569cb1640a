/**
 * The damage that the fake API server does on order: to answers, and to the order of time.
 */
import { describe, expect, it } from "vitest";

import { request } from "./support/http/http-client.ts";
import {
  htmlAnswer,
  redirectTo,
  statusAnswer,
  tooLargeResourceVersion,
  tooManyRequests,
} from "./support/kubernetes/api-status.ts";
import { startCanary } from "./support/kubernetes/canary.ts";
import { realisticPod } from "./support/kubernetes/pod-objects.ts";
import { namesOf, podNamed, useFakeApi } from "./support/kubernetes/use-fake-api.ts";
import { until } from "./support/scrape/until.ts";

const fake = useFakeApi();

describe("faults of requests", () => {
  it("fails so many requests of a verb, until removed", async () => {
    const answer = statusAnswer({ code: 500, message: "no leader", details: { retryAfterSeconds: 2 } });
    const fault = fake.api.fail(answer, { verb: "list", times: 2 });
    expect((await fake.watch("")).status).toBe(200);
    expect(await fake.get("/api/v1/pods")).toMatchObject({ status: 500, headers: { "retry-after": "2" } });
    expect((await fake.get("/api/v1/pods")).status).toBe(500);
    expect((await fake.get("/api/v1/pods")).status).toBe(200);
    expect(fault.hits).toBe(2);
    const lasting = fake.api.fail(tooManyRequests(3), { namespace: "a" });
    expect((await fake.get("/api/v1/namespaces/a/pods")).headers["retry-after"]).toBe("3");
    lasting.remove();
    expect((await fake.get("/api/v1/namespaces/a/pods")).status).toBe(200);
    fake.api.fail(tooLargeResourceVersion(9, 8));
    fake.api.removeFaults();
    expect((await fake.get("/api/v1/pods")).status).toBe(200);
  });

  it("answers with what is no list", async () => {
    for (const body of ["null", '{"kind":"PodList","items":[null]}']) {
      fake.api.fail({ status: 200, body }, { times: 1 });
      expect((await fake.get("/api/v1/pods")).text).toBe(body);
    }
    fake.api.fail(htmlAnswer(502), { times: 1 });
    expect((await fake.get("/api/v1/pods")).text).toMatch(/^<html>/u);
  });

  it("truncates lists, with a proper end or without", async () => {
    fake.api.createPod(realisticPod({ namespace: "a", name: "one-1", ip: "10.0.0.1" }));
    const whole = await fake.get("/api/v1/pods");
    for (const end of ["clean", "cut"] as const) {
      fake.api.inject({ kind: "truncate", ratio: 0.5, end }, { verb: "list", times: 1 });
      const part = await fake.get("/api/v1/pods");
      expect([part.complete, part.text]).toEqual([
        end === "clean",
        whole.text.slice(0, Math.floor(whole.text.length / 2)),
      ]);
    }
  });

  it("delays, and cuts before any answer", async () => {
    const startMs = performance.now();
    fake.api.inject({ kind: "delay", delayMs: 50 }, { times: 1 });
    fake.api.inject({ kind: "cut" }, { times: 1 });
    await expect(fake.get("/api/v1/pods")).rejects.toThrow("socket hang up");
    expect(performance.now() - startMs).toBeGreaterThan(45);
    expect((await fake.get("/api/v1/pods")).status).toBe(200);
  });

  it("says nothing to one verb", async () => {
    const fault = fake.api.inject({ kind: "silence" }, { verb: "watch" });
    const pending = fake.watch("");
    pending.catch(() => undefined);
    await until(() => fault.hits === 1);
    expect((await fake.get("/api/v1/pods")).status).toBe(200);
    expect(fake.api.watches.size).toBe(0);
    await fake.api.stop();
    await expect(pending).rejects.toThrow("socket hang up");
  });

  it("sends a body without an end until the client has enough", async () => {
    const fault = fake.api.inject({ kind: "endless", head: '{"items":[', unit: "{}," }, { verb: "list" });
    const controller = new AbortController();
    const response = await fetch(`${fake.api.url}/api/v1/pods`, { signal: controller.signal });
    const reader = response.body!.getReader();
    let bytes = 0;
    while (bytes < 1_000_000) bytes += (await reader.read()).value!.length;
    controller.abort();
    await until(() => fault.bodies[0]!.closed);
    expect(fault.bodies[0]!.sentBytes).toBeGreaterThan(900_000);
  });

  it("redirects to a canary that counts", async () => {
    await using canary = await startCanary();
    fake.api.fail(redirectTo(`${canary.url}/api/v1/pods`, 307), { verb: "list", times: 1 });
    const moved = await fake.get("/api/v1/pods", "secret");
    expect(moved).toMatchObject({ status: 307, headers: { location: `${canary.url}/api/v1/pods` } });
    expect(canary.authorizations).toEqual([]);
    await request(canary.url, "/", { headers: { authorization: "Bearer secret" } });
    expect(canary.authorizations).toEqual(["Bearer secret"]);
  });
});

describe("time that goes wrong", () => {
  it("falls behind as a replica does, and catches up", async () => {
    fake.api.createPod(podNamed("one"));
    fake.api.fallBehind();
    const reader = await fake.watch("resourceVersion=101");
    const ahead = await fake.watch("resourceVersion=102");
    fake.api.createPod(podNamed("two"));
    fake.api.createPod(podNamed("three"));
    expect(namesOf(await fake.list("resourceVersion=0"))).toEqual(["one"]);
    expect(namesOf(await fake.list())).toEqual(["one", "three", "two"]);
    expect((await fake.list("resourceVersion=102")).code).toBe(504);
    fake.api.bookmark();
    await until(() => reader.events.length === 1);
    fake.api.keepUp();
    await until(() => reader.events.length === 3 && ahead.events.length === 1);
    expect(reader.summary).toEqual(["BOOKMARK 101", "ADDED two 102", "ADDED three 103"]);
    expect(ahead.summary).toEqual(["ADDED three 103"]);
  });

  it("restores a backup: pods and revisions go back, connections are lost", async () => {
    fake.api.createPod(podNamed("one"));
    const reader = await fake.watch("resourceVersion=101");
    fake.api.createPod(podNamed("two"));
    fake.api.deletePod("a", "one");
    fake.api.inject({ kind: "silence" }, { verb: "list", times: 1 });
    const lostList = fake.get("/api/v1/pods");
    await until(() => fake.api.count("list") === 1);
    fake.api.restore(101);
    await expect(lostList).rejects.toThrow("socket hang up");
    await until(() => reader.state === "cut");
    expect(fake.api.pods().map(({ metadata }) => metadata.name)).toEqual(["one"]);
    fake.api.createPod(podNamed("three"));
    const list102 = await fake.list("resourceVersion=102");
    expect([list102.metadata.resourceVersion, ...namesOf(list102)]).toEqual(["102", "one", "three"]);
    // A watch from a revision that never was waits for it in silence, and skips all that comes before.
    const lost = await fake.watch("resourceVersion=103");
    fake.api.createPod(podNamed("four"));
    fake.api.createPod(podNamed("five"));
    await until(() => lost.events.length === 1);
    expect(lost.summary).toEqual(["ADDED five 104"]);
  });

  it("is killed and started again on its port, with its pods", async () => {
    fake.api.createPod(podNamed("one"));
    const reader = await fake.watch("");
    const { url } = fake.api;
    await fake.api.stop();
    await until(() => reader.state === "cut");
    await expect(request(url, "/api/v1/pods")).rejects.toThrow("ECONNREFUSED");
    await fake.api.start();
    expect(fake.api.url).toBe(url);
    expect(namesOf(await fake.list())).toEqual(["one"]);
  });
});
