/**
 * How the fake API server answers lists, and whom: tests of the proxy's own list and watch prove nothing unless it does so as
 * the real one. test/e2e/fake-kubernetes-api.test.ts has kubectl read it.
 */
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";

import { readPod } from "../src/discovery/pod.ts";
import { request } from "./support/http/http-client.ts";
import { realisticPod, smallPod } from "./support/kubernetes/pod-objects.ts";
import { namesOf, podNamed, useFakeApi } from "./support/kubernetes/use-fake-api.ts";

const fake = useFakeApi();

describe("list", () => {
  it("gives kind and apiVersion to the list, not to its items, and the revision of the last write", async () => {
    fake.api.createPod(podNamed("one"));
    fake.api.createPod(podNamed("two", { namespace: "b" }));
    fake.api.advance(5);
    const all = await fake.list();
    expect(all).toMatchObject({ kind: "PodList", apiVersion: "v1", metadata: { resourceVersion: "107" } });
    expect(all.items[0]).not.toHaveProperty("kind");
    expect(all.items.map(({ metadata }) => metadata.resourceVersion)).toEqual(["101", "102"]);
    expect(namesOf(await fake.list("", "/api/v1/namespaces/b/pods"))).toEqual(["two"]);
  });

  it("keeps the snapshot of the first page for all pages", async () => {
    for (const name of ["p1", "p2", "p3", "p4", "p5"]) fake.api.createPod(podNamed(name));
    const first = await fake.list("limit=2");
    expect(first.metadata).toMatchObject({ resourceVersion: "105", remainingItemCount: 3 });
    fake.api.deletePod("a", "p4");
    fake.api.createPod(podNamed("p31"));
    fake.api.updatePod({ ...fake.api.pod("a", "p3")!, status: { phase: "Failed" } });
    const second = await fake.list(`limit=2&continue=${first.metadata.continue}`);
    expect([second.metadata.resourceVersion, ...namesOf(second)]).toEqual(["105", "p3", "p4"]);
    expect(second.items[0]!.metadata.resourceVersion).toBe("103");
    const third = await fake.list(`limit=2&continue=${second.metadata.continue}`);
    expect(third.metadata.continue).toBeUndefined();
    expect(namesOf(third)).toEqual(["p5"]);
  });

  it("answers 410 to a page of a compacted snapshot, with a token that goes on inconsistently", async () => {
    for (const name of ["p1", "p2", "p3"]) fake.api.createPod(podNamed(name));
    const first = await fake.list("limit=1");
    fake.api.deletePod("a", "p2");
    fake.api.compact();
    const expired = await fake.list(`limit=1&continue=${first.metadata.continue}`);
    expect(expired).toMatchObject({ kind: "Status", code: 410, reason: "Expired" });
    expect(namesOf(await fake.list(`continue=${expired.metadata.continue}`))).toEqual(["p3"]);
  });

  it("lets continue tokens expire without any compaction", async () => {
    for (const name of ["p1", "p2"]) fake.api.createPod(podNamed(name));
    const before = await fake.list("limit=1");
    fake.api.expireContinueTokens();
    const after = await fake.list("limit=1");
    expect((await fake.get(`/api/v1/pods?continue=${before.metadata.continue}`)).status).toBe(410);
    expect((await fake.get(`/api/v1/pods?continue=${after.metadata.continue}`)).status).toBe(200);
  });

  it("reads old revisions while they are kept, and refuses those to come as the real server does", async () => {
    fake.api.createPod(podNamed("one"));
    fake.api.createPod(podNamed("two"));
    expect(namesOf(await fake.list("resourceVersion=101&resourceVersionMatch=Exact"))).toEqual(["one"]);
    expect(namesOf(await fake.list("resourceVersion=101&limit=10"))).toEqual(["one"]);
    expect(namesOf(await fake.list("resourceVersion=101"))).toEqual(["one", "two"]);
    const ahead = await fake.get("/api/v1/pods?resourceVersion=200");
    expect(ahead).toMatchObject({ status: 504, headers: { "retry-after": "1" } });
    expect(JSON.parse(ahead.text)).toMatchObject({
      message: "Timeout: Too large resource version: 200, current: 102",
      details: { causes: [{ reason: "ResourceVersionTooLarge" }] },
    });
    fake.api.compact();
    expect((await fake.list("resourceVersion=101&resourceVersionMatch=Exact")).code).toBe(410);
  });

  it("selects by fields and labels, counts nothing that remains then, and refuses selectors it does not know", async () => {
    fake.api.createPod(podNamed("one", { labels: { app: "x" } }));
    fake.api.createPod(podNamed("two", { phase: "Pending" }));
    fake.api.createPod(podNamed("three"));
    expect(namesOf(await fake.list("labelSelector=app%3Dx"))).toEqual(["one"]);
    const running = await fake.list("fieldSelector=status.phase%3DRunning&limit=1");
    expect(namesOf(running)).toEqual(["one"]);
    expect(running.metadata).not.toHaveProperty("remainingItemCount");
    expect((await fake.get("/api/v1/pods?labelSelector=app+in+(x)")).status).toBe(400);
  });

  it("compresses long lists for clients that take it, and no others", async () => {
    for (let index = 0; index < 30; index++) {
      fake.api.createPod(realisticPod({ namespace: "a", name: `web-${index}`, ip: "10.0.0.1" }));
    }
    const headers = { "accept-encoding": "gzip" };
    const packed = await request(fake.api.url, "/api/v1/pods", { headers });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(gunzipSync(packed.body).toString()).toBe((await fake.get("/api/v1/pods")).text);
    const short = await request(fake.api.url, "/api/v1/pods?limit=1", { headers });
    expect(short.headers["content-encoding"]).toBeUndefined();
  });

  it("refuses what is malformed", async () => {
    for (const query of ["resourceVersion=x", "limit=x", "continue=x", "continue=x&resourceVersion=5"]) {
      expect((await fake.get(`/api/v1/pods?${query}`)).status).toBe(400);
    }
    expect((await request(fake.api.url, "/api/v1/pods", { method: "POST" })).status).toBe(405);
    expect((await fake.get("/api/v1/nodes")).status).toBe(404);
    expect((await fake.get("/api/v1/namespaces/a/pods/none")).status).toBe(404);
  });
});

describe("access", () => {
  it("checks tokens from the first one on, also when the last one is revoked", async () => {
    expect((await fake.get("/api/v1/pods")).status).toBe(200);
    fake.api.tokens.add("good");
    expect((await fake.get("/api/v1/pods", "good")).status).toBe(200);
    expect((await fake.get("/api/v1/pods", "bad")).status).toBe(401);
    fake.api.tokens.delete("good");
    const refused = await fake.get("/api/v1/pods?watch=1", "good");
    expect(refused.status).toBe(401);
    expect(JSON.parse(refused.text)).toMatchObject({ kind: "Status", reason: "Unauthorized", code: 401 });
  });

  it("denies a verb in a namespace or everywhere until that is taken back", async () => {
    const denial = fake.api.deny({ verb: "watch", namespace: "a" });
    const denied = await fake.get("/api/v1/namespaces/a/pods?watch=1");
    expect(JSON.parse(denied.text)).toMatchObject({
      reason: "Forbidden",
      message:
        'pods is forbidden: User "system:serviceaccount:monitoring:proxy" cannot watch resource "pods" in API group "" in the namespace "a"',
    });
    expect((await fake.get("/api/v1/namespaces/a/pods")).status).toBe(200);
    denial.remove();
    expect((await fake.watch("", "/api/v1/namespaces/a/pods")).status).toBe(200);
    fake.api.deny({ verb: "list", status: 404 });
    expect((await fake.get("/api/v1/pods")).status).toBe(404);
  });

  it("records every request", async () => {
    await fake.get("/api/v1/namespaces/a/pods?limit=3", "secret");
    await fake.watch("resourceVersion=100");
    expect(fake.api.requests).toMatchObject([
      { verb: "list", namespace: "a", authorization: "Bearer secret" },
      { verb: "watch", namespace: "", authorization: undefined },
    ]);
    expect(fake.api.requests[0]!.query.get("limit")).toBe("3");
    expect(fake.api.requests[0]!.remotePort).not.toBe(fake.api.requests[1]!.remotePort);
    expect([fake.api.count("list"), fake.api.count("watch"), fake.api.watches.requests.length]).toEqual([
      1, 1, 1,
    ]);
  });
});

describe("pods", () => {
  it("are of a real pod's size, and read as a pod by the program", () => {
    const options = { namespace: "a", name: "web-1", ip: "10.1.2.3", uid: "u", labels: { tier: "x" } };
    const realistic = realisticPod(options);
    const bytes = JSON.stringify(realistic).length;
    expect(bytes).toBeGreaterThan(5000);
    expect(bytes).toBeLessThan(8000);
    const read = { uid: "u", namespace: "a", name: "web-1", ips: ["10.1.2.3"], phase: "Running" };
    expect(readPod(realistic)).toMatchObject({
      ...read,
      readiness: "True",
      ports: [{ name: "metrics", port: 9100 }],
    });
    expect(readPod(smallPod(options))).toMatchObject(read);
    expect(readPod(realisticPod({ ...options, ready: false }))).toMatchObject({ readiness: "False" });
  });

  it("cannot be written against their state", () => {
    fake.api.createPod(podNamed("one", { uid: "1" }));
    expect(() => fake.api.createPod(podNamed("one"))).toThrow('Cannot create pod "a/one": it exists');
    expect(() => fake.api.updatePod(podNamed("one", { uid: "2" }))).toThrow("it has another uid");
    expect(() => fake.api.updatePod(podNamed("two"))).toThrow("it does not exist");
    expect(() => fake.api.deletePod("a", "two")).toThrow('Cannot delete pod "a/two": it does not exist');
  });
});
