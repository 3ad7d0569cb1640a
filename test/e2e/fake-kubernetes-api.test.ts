/**
 * The judge of the fake API server is a client that we did not write: kubectl must find pods, list, watch and wait there as
 * it does with a real server.
 */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";

import { FakeKubernetesApi } from "../support/kubernetes/fake-api.ts";
import { realisticPod } from "../support/kubernetes/pod-objects.ts";
import { type CommandResult, runCommand } from "../support/run-command.ts";
import { createSelfSigned } from "../support/scrape/self-signed.ts";
import { kubernetesToolPath } from "../support/tool-paths.ts";
import { until } from "../support/scrape/until.ts";

interface Document {
  readonly type?: string;
  readonly kind?: string;
  readonly items?: readonly Document[];
  readonly object?: Document;
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
}

const token = "token-of-the-test";
const tls = createSelfSigned({ ip: "127.0.0.1" });
const api = new FakeKubernetesApi();
let home: string;

beforeAll(async () => {
  api.tokens.add(token);
  await api.start({ tls });
  home = await mkdtemp(join(tmpdir(), "kubectl-"));
  await writeFile(join(home, "config"), JSON.stringify(kubeconfig()));
  // More than one page of kubectl, whose pages have 500.
  for (let index = 0; index < 620; index++) {
    api.createPod(realisticPod({ namespace: "many", name: `pod-${index}`, ip: "10.0.0.1" }));
  }
  for (const name of ["web-1", "web-2", "web-3"]) {
    api.createPod(realisticPod({ namespace: "x", name, ip: "10.1.0.1" }));
  }
});

afterAll(async () => {
  await api.stop();
  await rm(home, { recursive: true, force: true });
});

test("kubectl get -o json lists a namespace", async () => {
  const { items, kind } = documents(await kubectl("get", "pods", "-n", "x", "-o", "json"))[0]!;
  expect(kind).toBe("List");
  expect(items!.map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
    ["Pod", "web-1"],
    ["Pod", "web-2"],
    ["Pod", "web-3"],
  ]);
});

test("kubectl get -A reads all pages of the cluster", async () => {
  const before = api.count("list");
  const { stdout } = await kubectl("get", "pods", "-A", "--no-headers");
  expect(stdout.trimEnd().split("\n")).toHaveLength(623);
  expect(stdout).toMatch(/^many +pod-0 /mu);
  expect(api.count("list") - before).toBe(2);
  expect(api.requests.at(-1)!.query.get("continue")).not.toBeNull();
});

test("kubectl get by name, and of a pod that is not there", async () => {
  expect(documents(await kubectl("get", "pod", "web-1", "-n", "x", "-o", "json"))[0]!.metadata.name).toBe(
    "web-1",
  );
  const missing = await kubectl("get", "pod", "none", "-n", "x");
  expect([missing.exitCode, missing.stderr.trim()]).toEqual([
    1,
    'Error from server (NotFound): pods "none" not found',
  ]);
});

test("kubectl get -w shows the events in their order", async () => {
  const { next } = kubectlWatch("-n", "x", "-o", "json", "--output-watch-events");
  expect([(await next()).type, (await next()).type, (await next()).type]).toEqual([
    "ADDED",
    "ADDED",
    "ADDED",
  ]);
  await until(() => api.watches.size === 1, 10_000);
  api.createPod(realisticPod({ namespace: "x", name: "new-1" }));
  api.createPod(realisticPod({ namespace: "other", name: "unseen-1" }));
  api.updatePod(realisticPod({ namespace: "x", name: "new-1", ip: "10.1.0.9", uid: uidOf("new-1") }));
  api.deletePod("x", "new-1");
  const deletion = api.revision;
  const seen = [await next(), await next(), await next()];
  expect(seen.map(({ type, object }) => [type, object!.metadata.name])).toEqual([
    ["ADDED", "new-1"],
    ["MODIFIED", "new-1"],
    ["DELETED", "new-1"],
  ]);
  expect(seen[2]!.object!.metadata.resourceVersion).toBe(String(deletion));
});

test("kubectl wait --for=delete ends with the pod", async () => {
  api.createPod(realisticPod({ namespace: "x", name: "leaving-1" }));
  const waiting = kubectl("wait", "--for=delete", "pod/leaving-1", "-n", "x", "--timeout=20s");
  await until(() => api.watches.requests.some(({ query }) => query.has("fieldSelector")), 10_000);
  api.deletePod("x", "leaving-1");
  const { exitCode, stdout, stderr } = await waiting;
  expect([exitCode, stderr]).toEqual([0, ""]);
  expect(stdout).toContain("condition met");
});

test("kubectl understands refusals: a token that is revoked, a permission that is missing", async () => {
  const denial = api.deny({ verb: "list", namespace: "x" });
  const forbidden = await kubectl("get", "pods", "-n", "x");
  denial.remove();
  expect([forbidden.exitCode, forbidden.stderr.trim()]).toEqual([
    1,
    'Error from server (Forbidden): pods is forbidden: User "system:serviceaccount:monitoring:proxy" cannot list resource "pods" in API group "" in the namespace "x"',
  ]);
  api.tokens.delete(token);
  onTestFinished(() => void api.tokens.add(token));
  const revoked = await kubectl("get", "pods", "-n", "x");
  expect(revoked.exitCode).toBe(1);
  expect(revoked.stderr).toMatch(/must be logged in|Unauthorized/u);
});

function uidOf(name: string): string {
  return api.pod("x", name)!.metadata.uid;
}

/** Nothing but this: no file of whoever runs the tests counts. */
function kubeconfig(): object {
  const server = {
    server: api.url,
    "certificate-authority-data": Buffer.from(tls.cert).toString("base64"),
  };
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "fake", cluster: server }],
    users: [{ name: "proxy", user: { token } }],
    contexts: [{ name: "fake", context: { cluster: "fake", user: "proxy" } }],
    "current-context": "fake",
  };
}

function environment(): Record<string, string> {
  return { HOME: home, KUBECONFIG: join(home, "config"), KUBECACHEDIR: join(home, "cache") };
}

function kubectl(...args: string[]): Promise<CommandResult> {
  return runCommand(kubernetesToolPath("kubectl"), args, {
    input: "",
    env: environment(),
    timeoutMs: 30_000,
  });
}

/** One document after the other, as they come. */
function kubectlWatch(...args: string[]): { next: () => Promise<Document> } {
  const env = { ...process.env, ...environment() };
  const child = spawn(kubernetesToolPath("kubectl"), ["get", "pods", "--watch", ...args], { env });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  let read = 0;
  return {
    async next() {
      await until(() => documents({ stdout, stderr }).length > read, 10_000).catch((cause: unknown) => {
        throw new Error(`Cannot read the next event of kubectl: ${stderr}`, { cause });
      });
      return documents({ stdout, stderr })[read++]!;
    },
  };
}

/** The whole ones so far. Some releases of kubectl write a document on one line, some over many. */
function documents({ stdout, stderr }: { stdout: string; stderr: string }): Document[] {
  const texts = stdout.split(/(?<=^\}|^\{.*\})\n/mu).slice(0, -1);
  if (texts.length === 0 && stderr !== "") throw new Error(`Cannot read the output of kubectl: ${stderr}`);
  return texts.map((text) => JSON.parse(text) as Document);
}
