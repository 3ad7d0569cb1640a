// The real API server that other tests rely on: that it refuses, forgets and remembers as they take for granted.

import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startCluster, type Cluster } from "../support/kubernetes-cluster.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ tokens: [{ token: "first", user: "proxy", groups: ["scrapers"] }] });
});

afterAll(async () => {
  await cluster.stop();
});

let namespaces = 0;
async function newNamespace(): Promise<string> {
  const name = `test-${++namespaces}`;
  await cluster.createNamespace(name);
  return name;
}

interface PodList {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly { readonly metadata: { readonly name: string; readonly uid: string } }[];
}

const podsOf = (namespace: string) => `/api/v1/namespaces/${namespace}/pods`;

async function list(namespace: string, token?: string): Promise<PodList> {
  return cluster.request<PodList>("GET", podsOf(namespace), undefined, token === undefined ? {} : { token });
}

interface WatchEvent {
  readonly type: string;
  readonly object: { readonly code?: number; readonly metadata: { readonly name?: string } };
}

/** Opens a watch, which is closed with the test. @returns gives one event after the other */
async function watch(path: string, token: string): Promise<() => Promise<WatchEvent>> {
  const agent = new Agent({ connect: { ca: readFileSync(cluster.caFile) }, allowH2: false });
  onTestFinished(async () => agent.destroy());
  const response = await request(`${cluster.url}${path}`, {
    dispatcher: agent,
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(30_000),
  });
  expect(response.statusCode).toBe(200);
  response.body.on("error", () => undefined);
  const lines = createInterface({ input: response.body })[Symbol.asyncIterator]();
  return async () => {
    const { value } = await lines.next();
    return JSON.parse(value as string) as WatchEvent;
  };
}

describe("pods", () => {
  test("stand in kubectl's list with their addresses and states", async () => {
    const namespace = await newNamespace();
    await cluster.createPod({ namespace, name: "a", ip: "127.0.1.1", labels: { app: "web" } });
    await cluster.createPod({ namespace, name: "b", ip: "127.0.1.2", ready: false });
    await cluster.createPod({ namespace, name: "c", phase: "Pending" });
    const host = { hostNetwork: true, containerPorts: [{ name: "metrics", containerPort: 9100 }] };
    await cluster.createPod({ namespace, name: "d", ip: "127.0.1.3", moreIps: ["fd00::1"], ...host });
    const columns = "NAME:.metadata.name,IP:.status.podIP,PHASE:.status.phase,APP:.metadata.labels.app";
    const args = ["get", "pods", "--namespace", namespace, "--no-headers"];
    const table = await cluster.kubectl([...args, "--output", `custom-columns=${columns}`]);
    expect(table.trim().split(/\s*\n\s*/u)).toEqual([
      expect.stringMatching(/^a +127\.0\.1\.1 +Running +web$/u),
      expect.stringMatching(/^b +127\.0\.1\.2 +Running +<none>$/u),
      expect.stringMatching(/^c +<none> +Pending +<none>$/u),
      expect.stringMatching(/^d +127\.0\.1\.3 +Running +<none>$/u),
    ]);
    expect(await cluster.kubectl(args)).toMatch(/^a +1\/1 .*\nb +0\/1 /u);
    expect(await cluster.request("GET", `${podsOf(namespace)}/d`)).toMatchObject({
      spec: { hostNetwork: true, containers: [{ ports: [{ containerPort: 9100, name: "metrics" }] }] },
      status: { podIPs: [{ ip: "127.0.1.3" }, { ip: "fd00::1" }] },
    });
    await expect(cluster.kubectl(["get", "nonsense"])).rejects.toThrow("nonsense");
  });

  test("are created many at a time and deleted at once; the same name comes back with a new uid", async () => {
    const namespace = await newNamespace();
    const pods = Array.from({ length: 60 }, (_, index) => ({ namespace, name: `pod-${100 + index}` }));
    const uids = await cluster.createPods(pods);
    const items = uids.map((uid, index) => ({ metadata: { name: `pod-${100 + index}`, uid } }));
    expect(await list(namespace)).toMatchObject({ items });
    await cluster.deletePod(namespace, "pod-100");
    expect((await list(namespace)).items).toHaveLength(59);
    expect(await cluster.createPod(pods[0]!)).not.toBe(uids[0]);
  });

  test("carry as much of managedFields as was asked for", async () => {
    const namespace = await newNamespace();
    await cluster.createPod({ namespace, name: "a", managedFieldsPadding: 5000 });
    const pod = await cluster.request<{ metadata: { managedFields: object } }>(
      "GET",
      `${podsOf(namespace)}/a`,
    );
    const { length } = JSON.stringify(pod.metadata.managedFields);
    expect(length).toBeGreaterThan(5000);
    expect(length).toBeLessThan(6500);
  });
});

describe("rights", () => {
  test("are needed, hold for one namespace, and can be taken away", async () => {
    const [namespace, other] = [await newNamespace(), await newNamespace()];
    await expect(list(namespace, "first")).rejects.toMatchObject({ status: 403 });
    await expect(list(namespace, "nonsense")).rejects.toMatchObject({ status: 401 });
    const revoke = await cluster.allowPods({ subject: "proxy", verbs: ["list"], namespace });
    expect(await list(namespace, "first")).toMatchObject({ items: [] });
    await expect(list(other, "first")).rejects.toMatchObject({ status: 403 });
    const watching = cluster.request("GET", `${podsOf(namespace)}?watch=1`, undefined, { token: "first" });
    await expect(watching).rejects.toMatchObject({ status: 403 });
    await revoke();
    await expect(list(namespace, "first")).rejects.toMatchObject({ status: 403 });
    const revokeAll = await cluster.allowPods({ subject: "proxy", verbs: ["list"] });
    expect(await list(other, "first")).toMatchObject({ items: [] });
    await revokeAll();
    await expect(list(other, "first")).rejects.toMatchObject({ status: 403 });
  });

  test("end with the service account, some seconds after it is deleted", async () => {
    const namespace = await newNamespace();
    const subject = { serviceAccount: "proxy", namespace };
    await cluster.allowPods({ subject, verbs: ["list"], namespace });
    const token = await cluster.createServiceAccountToken(namespace, "proxy");
    expect(await list(namespace, token)).toMatchObject({ items: [] });
    await cluster.deleteServiceAccount(namespace, "proxy");
    const end = Date.now() + 30_000;
    const isVoid = async () => {
      const status = await list(namespace, token).then(
        () => 200,
        (error: unknown) => (error as { status: number }).status,
      );
      return status === 401;
    };
    while (!(await isVoid())) {
      expect(Date.now()).toBeLessThan(end);
      await delay(200);
    }
  });
});

describe("history", () => {
  test("requests() counts what each account asked, also a watch that goes on", async () => {
    const namespace = await newNamespace();
    const revoke = await cluster.allowPods({ subject: "proxy", verbs: ["list", "watch"], namespace });
    const user = "proxy";
    await list(namespace);
    await expect(list(namespace, "nonsense")).rejects.toMatchObject({ status: 401 });
    await list(namespace, "first");
    const { resourceVersion } = (await list(namespace, "first")).metadata;
    const next = await watch(`${podsOf(namespace)}?watch=1&resourceVersion=${resourceVersion}`, "first");
    await cluster.createPod({ namespace, name: "a" });
    expect(await next()).toMatchObject({ type: "ADDED", object: { metadata: { name: "a" } } });
    expect(await cluster.apiRequestCount({ namespace, verb: "list", user, status: 200 })).toBe(2);
    expect(await cluster.apiRequestCount({ namespace, verb: "watch", user, resource: "pods" })).toBe(1);
    expect(await cluster.requests({ namespace, status: 401 })).toMatchObject([{ user: undefined }]);
    expect(await cluster.apiRequestCount({ namespace, user: "other" })).toBe(0);
    expect(await cluster.requests({ namespace, user })).toHaveLength(3);
    await revoke();
  });

  test("of old is gone after compact(): 410 for the rest of a list, and for a watch after a restart", async () => {
    const namespace = await newNamespace();
    await cluster.createPods(["a", "b"].map((name) => ({ namespace, name })));
    const page = await cluster.request<PodList>("GET", `${podsOf(namespace)}?limit=1`);
    const { continue: rest, resourceVersion } = page.metadata;
    const readRest = async () => cluster.request("GET", `${podsOf(namespace)}?limit=1&continue=${rest}`);
    expect(await readRest()).toMatchObject({ items: [{ metadata: { name: "b" } }] });
    await cluster.deletePod(namespace, "a");
    expect(await cluster.compact()).toBeGreaterThan(Number(resourceVersion));
    await expect(readRest()).rejects.toMatchObject({ status: 410 });

    const path = `${podsOf(namespace)}?watch=1&resourceVersion=${resourceVersion}`;
    const cached = await watch(path, cluster.adminToken);
    // Marked as being deleted, then deleted.
    expect([(await cached()).type, (await cached()).type]).toEqual(["MODIFIED", "DELETED"]);
    await cluster.killApiServer();
    await cluster.startApiServer();
    const next = await watch(path, cluster.adminToken);
    expect(await next()).toMatchObject({ type: "ERROR", object: { code: 410 } });
  });
});

describe("the API server", () => {
  test("keeps its data and takes new tokens over a kill and a start", async () => {
    const namespace = await newNamespace();
    const uid = await cluster.createPod({ namespace, name: "a", ip: "127.0.1.1" });
    await cluster.allowPods({ subject: "proxy", verbs: ["list"], namespace });
    await cluster.killApiServer();
    await expect(once(connect(cluster.port, cluster.host), "connect")).rejects.toMatchObject({
      code: "ECONNREFUSED",
    });
    await cluster.setTokens([{ token: "second", user: "proxy" }]);
    await cluster.startApiServer();
    expect(await list(namespace, "second")).toMatchObject({ items: [{ metadata: { name: "a", uid } }] });
    await expect(list(namespace, "first")).rejects.toMatchObject({ status: 401 });
  });

  test("stops by itself when it is asked, also with a watch open", async () => {
    const namespace = await newNamespace();
    await watch(`${podsOf(namespace)}?watch=1`, cluster.adminToken);
    await cluster.stopApiServer();
    await expect(once(connect(cluster.port, cluster.host), "connect")).rejects.toThrow("ECONNREFUSED");
    await cluster.startApiServer();
    expect(await list(namespace)).toMatchObject({ items: [] });
  });

  test("answers nothing while it is paused, and everything afterwards", async () => {
    const namespace = await newNamespace();
    cluster.pauseApiServer();
    const answer = list(namespace);
    expect(await Promise.race([answer, delay(300, "silence")])).toBe("silence");
    cluster.resumeApiServer();
    expect(await answer).toMatchObject({ items: [] });
  });
});

describe("startCluster()", () => {
  test("fails with the API server's own words when it does not start", async () => {
    const call = startCluster({ apiServerFlags: ["--nonsense"] });
    await expect(call).rejects.toThrow(/Cannot start kube-apiserver: it ended\n.*unknown flag: --nonsense/su);
  });

  test("without a watch cache: a watch from before compact() gets 410 at once; stop() leaves nothing", async () => {
    const small = await startCluster({ apiServerFlags: ["--watch-cache=false"] });
    onTestFinished(async () => small.stop());
    const [main] = [cluster];
    cluster = small;
    onTestFinished(() => {
      cluster = main;
    });
    await small.createNamespace("a");
    const { resourceVersion } = (await list("a")).metadata;
    await small.createPod({ namespace: "a", name: "a" });
    await small.compact();
    const next = await watch(`${podsOf("a")}?watch=1&resourceVersion=${resourceVersion}`, small.adminToken);
    expect(await next()).toMatchObject({ type: "ERROR", object: { code: 410 } });

    expect(existsSync(small.folder)).toBe(true);
    await small.stop();
    await small.stop();
    expect(existsSync(small.folder)).toBe(false);
    await expect(once(connect(small.port, small.host), "connect")).rejects.toThrow("ECONNREFUSED");
  });
});
