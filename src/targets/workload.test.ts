import { expect, test } from "vitest";
import { type Pod, readPod } from "../discovery/pod.ts";
import { MalformedRequestError } from "./malformed-request-error.ts";
import { parseWorkload, workloadProperty } from "./workload.ts";

function workloadsOf(kind: string, name: string, labels: Record<string, string> = {}): readonly string[] {
  const ownerReferences = [{ kind, name, controller: true }];
  const pod = readPod({ metadata: { uid: "1", namespace: "a", name: "p", labels, ownerReferences } }) as Pod;
  return workloadProperty.valuesOf(pod);
}

test("a pod belongs to its controller, and to what owns that by its name", () => {
  const hash = (value: string) => ({ "pod-template-hash": value });
  expect(workloadsOf("ReplicaSet", "web-6f7d", hash("6f7d"))).toEqual([
    "replicaset/web-6f7d",
    "deployment/web",
  ]);
  // A ReplicaSet of its own, and one that something else than a Deployment made.
  expect(workloadsOf("ReplicaSet", "web-6f7d")).toEqual(["replicaset/web-6f7d"]);
  expect(workloadsOf("ReplicaSet", "web-6f7d", hash("7d"))).toEqual(["replicaset/web-6f7d"]);
  expect(workloadsOf("ReplicaSet", "undefined")).toEqual(["replicaset/undefined"]);
  expect(workloadsOf("StatefulSet", "db", hash("db"))).toEqual(["statefulset/db"]);
  expect(workloadsOf("DaemonSet", "agent")).toEqual(["daemonset/agent"]);
  expect(workloadsOf("Job", "backup-29012345")).toEqual(["job/backup-29012345", "cronjob/backup"]);
  expect(workloadsOf("Job", "backup-1700000000")).toEqual(["job/backup-1700000000", "cronjob/backup"]);
  expect(workloadsOf("Job", "backup-7")).toEqual(["job/backup-7"]);
  expect(workloadsOf("CloneSet", "x")).toEqual(["cloneset/x"]);
  expect(
    workloadProperty.valuesOf(readPod({ metadata: { uid: "1", namespace: "a", name: "p" } }) as Pod),
  ).toEqual([]);
});

test("parseWorkload() takes <kind>/<name>", () => {
  for (const text of ["deployment/web", "statefulset/db-1.x", "cloneset/a", `job/${"a".repeat(253)}`]) {
    expect(parseWorkload(text)).toBe(text);
  }
  for (const text of [
    "",
    "/",
    "web",
    "deployment/",
    "/web",
    "Deployment/web",
    "deployment/Web",
    "deployment/web/x",
    "deployment/-web",
    "deployment /web",
    "apps.deployment/web",
    "deployment/web*",
    `job/${"a".repeat(254)}`,
  ]) {
    expect(() => parseWorkload(text), text).toThrow(MalformedRequestError);
  }
  expect(() => parseWorkload("web")).toThrow(
    'Cannot read workload "web": it has to be <kind>/<name>, such as deployment/web',
  );
});
