/**
 * Watches of the fake API server: what the real one would send, and the damage that a test orders, exactly there.
 */
import { describe, expect, it, onTestFinished } from "vitest";

import { FakeKubernetesApi } from "./support/kubernetes/fake-api.ts";
import { namesOf, podNamed, useFakeApi } from "./support/kubernetes/use-fake-api.ts";
import { WatchReader } from "./support/kubernetes/watch-reader.ts";
import { until } from "./support/scrape/until.ts";

const fake = useFakeApi();

describe("watch", () => {
  it("sends what happened since, then what happens, with the revision of the deletion", async () => {
    fake.api.createPod(podNamed("one"));
    fake.api.createPod(podNamed("two"));
    const reader = await fake.watch("resourceVersion=101");
    fake.api.updatePod(fake.api.pod("a", "one")!);
    fake.api.deletePod("a", "one");
    await until(() => reader.events.length === 3);
    expect(reader.summary).toEqual(["ADDED two 102", "MODIFIED one 103", "DELETED one 104"]);
    expect(reader.events[0]!.object.kind).toBe("Pod");
  });

  it("begins with all pods when any revision will do", async () => {
    fake.api.createPod(podNamed("one"));
    fake.api.createPod(podNamed("two", { namespace: "b" }));
    fake.api.compact();
    const reader = await fake.watch("resourceVersion=0", "/api/v1/namespaces/a/pods");
    fake.api.deletePod("b", "two");
    fake.api.createPod(podNamed("three"));
    await until(() => reader.events.length === 2);
    expect(reader.summary).toEqual(["ADDED one 101", "ADDED three 104"]);
  });

  it("shows a pod that leaves or enters the selection as deleted or added", async () => {
    const made = fake.api.createPod(podNamed("one"));
    const reader = await fake.watch("resourceVersion=101&fieldSelector=status.phase%3DRunning");
    fake.api.updatePod({ ...made, status: { phase: "Failed" } });
    fake.api.updatePod(made);
    await until(() => reader.events.length === 2);
    expect(reader.summary).toEqual(["DELETED one 102", "ADDED one 103"]);
    expect(reader.events[0]!.object.status!.phase).toBe("Running");
  });

  it("sends bookmarks to those that allow them", async () => {
    const reader = await fake.watch("");
    const without = await WatchReader.open(`${fake.api.url}/api/v1/pods?watch=1`);
    onTestFinished(() => without.close());
    fake.api.advance(7);
    fake.api.bookmark();
    fake.api.createPod(podNamed("one"));
    await until(() => reader.events.length === 2 && without.events.length === 1);
    expect(reader.summary).toEqual(["BOOKMARK 107", "ADDED one 108"]);
    expect(without.summary).toEqual(["ADDED one 108"]);
  });

  it("ends after timeoutSeconds", async () => {
    const reader = await fake.watch("timeoutSeconds=1");
    expect(reader.state).toBe("open");
    await until(() => reader.state !== "open");
    expect(reader.state).toBe("ended");
    expect(fake.api.watches.size).toBe(0);
  });

  it("says that a forgotten revision is gone, in both ways", async () => {
    fake.api.createPod(podNamed("one"));
    fake.api.compact();
    const expired = await fake.watch("resourceVersion=100");
    await until(() => expired.state === "ended");
    expect([expired.status, ...expired.summary]).toEqual([200, "ERROR 410"]);
    expect(expired.events[0]!.object.reason).toBe("Expired");
    fake.api.expiredWatch = "status";
    expect((await fake.watch("resourceVersion=100")).status).toBe(410);
    expect((await fake.watch("resourceVersion=101")).status).toBe(200);
  });

  it("forgets the oldest events when they are too many", async () => {
    const small = new FakeKubernetesApi({ revision: 0, maxEvents: 10 });
    await small.start();
    onTestFinished(() => small.stop());
    for (let index = 1; index <= 21; index++) small.createPod(podNamed(`p${index}`));
    const statusOf = async (revision: number) => {
      const reader = await WatchReader.open(`${small.url}/api/v1/pods?watch=1&resourceVersion=${revision}`);
      onTestFinished(() => reader.close());
      await until(() => reader.events.length > 0);
      return reader.events[0]!.type;
    };
    expect([await statusOf(10), await statusOf(11)]).toEqual(["ERROR", "ADDED"]);
  });
});

describe("faults of watches", () => {
  it("ends and cuts them, in the middle of a line too, after what was sent before", async () => {
    const ended = await fake.watch("");
    fake.api.createPod(podNamed("one"));
    fake.api.watches.close();
    await until(() => ended.state !== "open");
    expect([ended.state, ended.events.length, ended.rest.length]).toEqual(["ended", 1, 0]);
    for (const midLine of [false, true]) {
      const cut = await fake.watch("resourceVersion=101");
      fake.api.updatePod(fake.api.pod("a", "one")!);
      await fake.api.watches.cut({ midLine });
      await until(() => cut.state !== "open");
      expect([cut.state, cut.events.length > 0, cut.rest.length > 0]).toEqual(["cut", true, midLine]);
    }
    expect(fake.api.watches.size).toBe(0);
  });

  it("cuts a watch whose client reads nothing", async () => {
    const reader = await fake.watch("");
    reader.pause();
    const [line] = fake.api.watches.sendEndlessLine();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await fake.api.watches.cut();
    expect(line!.closed).toBe(true);
  });

  it("freezes: says nothing, closes nothing, and goes on afterwards", async () => {
    const reader = await fake.watch("timeoutSeconds=1");
    fake.api.freeze();
    fake.api.createPod(podNamed("one"));
    fake.api.bookmark();
    let answered = false;
    const pending = fake.list().finally(() => (answered = true));
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect([reader.state, reader.events.length, fake.api.count("list"), answered]).toEqual([
      "open",
      0,
      1,
      false,
    ]);
    fake.api.thaw();
    expect(namesOf(await pending)).toEqual(["one"]);
    await until(() => reader.state === "ended");
    expect(reader.summary).toEqual(["ADDED one 101"]);
  });

  it("ends a frozen watch whose events are compacted meanwhile", async () => {
    const reader = await fake.watch("");
    fake.api.freeze();
    fake.api.createPod(podNamed("one"));
    fake.api.compact();
    fake.api.thaw();
    await until(() => reader.state === "ended");
    expect(reader.events).toEqual([]);
  });

  it("sends any bytes, in pieces that arrive by themselves", async () => {
    const reader = await fake.watch("");
    const line = Buffer.from('{"type":"MYSTERY","object":{"metadata":{"name":"ü","resourceVersion":"9"}}}\n');
    const middle = line.indexOf("ü") + 1;
    await fake.api.watches.send([line.subarray(0, middle), line.subarray(middle)], 20);
    await until(() => reader.events.length === 1);
    expect([reader.chunks, ...reader.summary]).toEqual([2, "MYSTERY ü 9"]);
    await fake.api.watches.sendEvent("MODIFIED", { metadata: { name: "ghost", resourceVersion: "8" } });
    await until(() => reader.events.length === 2);
    expect(reader.summary[1]).toBe("MODIFIED ghost 8");
  });

  it("sends ERROR events of any code", async () => {
    const reader = await fake.watch("");
    fake.api.watches.sendError({ code: 500, message: "etcd is away", keepOpen: true });
    fake.api.watches.sendError({ code: 410, message: "too old", reason: "Gone" });
    await until(() => reader.state === "ended");
    expect(reader.summary).toEqual(["ERROR 500", "ERROR 410"]);
    expect(reader.events[1]!.object.reason).toBe("Gone");
  });

  it("sends past events again, in any order", async () => {
    const reader = await fake.watch("");
    fake.api.createPod(podNamed("one"));
    fake.api.deletePod("a", "one");
    fake.api.watches.replay(fake.api.lastEvents(2).toReversed());
    fake.api.createPod(podNamed("one"));
    await until(() => reader.events.length === 5);
    expect(reader.summary).toEqual([
      "ADDED one 101",
      "DELETED one 102",
      "DELETED one 102",
      "ADDED one 101",
      "ADDED one 103",
    ]);
  });

  it("gives the next watch what it missed in another order, and goes on in the right one", async () => {
    fake.api.createPod(podNamed("one"));
    fake.api.createPod(podNamed("two"));
    fake.api.inject(
      { kind: "backlog", arrange: (events) => events.toReversed() },
      { verb: "watch", times: 1 },
    );
    const mixed = await fake.watch("resourceVersion=100");
    const ordered = await fake.watch("resourceVersion=100");
    fake.api.deletePod("a", "one");
    await until(() => mixed.events.length === 3 && ordered.events.length === 3);
    expect(mixed.summary).toEqual(["ADDED two 102", "ADDED one 101", "DELETED one 103"]);
    expect(ordered.summary).toEqual(["ADDED one 101", "ADDED two 102", "DELETED one 103"]);
  });

  it("sends a line that has no end, and stops when told", async () => {
    const reader = await fake.watch("");
    const [line] = fake.api.watches.sendEndlessLine();
    await until(() => reader.rest.length > 200_000);
    line!.stop();
    await until(() => reader.rest.length === line!.sentBytes);
    expect(reader.events).toEqual([]);
  });
});
