/** What the benchmark asks for: how many pods answer, among how many that are known, and with which requests. */
import { realisticPod } from "../test/support/kubernetes/pod-objects.ts";
import { largeBody, smallBody } from "./payloads.ts";
import { podAddress } from "./pod-address.ts";

export interface Scenario {
  readonly name: string;
  /** Pods that answer; they are called `pod-…`. */
  readonly pods: number;
  /** Pods that are known, these included. */
  readonly known: number;
  readonly body: Buffer;
  readonly rounds: number;
  /** Requests in one round, `concurrency` at a time. */
  readonly requests: number;
  readonly concurrency: number;
  readonly proxyPath: (port: number) => string;
  /** Absent where there is nothing to forward. */
  readonly pipePath?: string;
}

const namespace = "bench";

function merge(pods: number, body: Buffer, name: string, rounds: number): Scenario {
  return {
    name,
    pods,
    known: pods,
    body,
    rounds,
    requests: 1,
    concurrency: 1,
    proxyPath: (port) => `/mproxy/${namespace}/pod-/metrics?upstreamPort=${port}`,
    pipePath: `/merge/${pods}`,
  };
}

/** The same ten pods, however many others there are. */
function tenAmong(known: number, by: string, query: (port: number) => string): Scenario {
  return {
    name: `10 pods x 62 kB of ${known.toLocaleString("en")}, by ${by}, 20 scrapes`,
    pods: 10,
    known,
    body: smallBody,
    rounds: 9,
    requests: 20,
    concurrency: 1,
    proxyPath: (port) => `/mproxy/${namespace}/${query(port)}`,
    pipePath: "/merge/10",
  };
}

const byPrefix = (port: number) => `pod-/metrics?upstreamPort=${port}`;
const bySelector = (port: number) => `-/metrics?selector=bench=answers&upstreamPort=${port}`;
const byWorkload = (port: number) => `-/metrics?workload=replicaset/pod&upstreamPort=${port}`;

function targets(known: number, name: string, requests: number, query: string): Scenario {
  return {
    name: `/sd of ${name}, ${requests} request${requests === 1 ? "" : "s"}`,
    pods: 10,
    known,
    body: smallBody,
    rounds: 9,
    requests,
    concurrency: 1,
    proxyPath: () => `/sd?namespace=${namespace}${query}`,
  };
}

export const scenarios: readonly Scenario[] = [
  merge(100, smallBody, "100 pods x 62 kB", 15),
  merge(100, largeBody, "100 pods x 1.3 MB", 9),
  merge(1000, smallBody, "1,000 pods x 62 kB", 9),
  {
    name: "/kubesd, 62 kB, 1,000 requests, 8 at a time",
    pods: 8,
    known: 8,
    body: smallBody,
    rounds: 9,
    requests: 1000,
    concurrency: 8,
    proxyPath: (port) => `/kubesd/metrics?pod=${podAddress(0)}&target_port=${port}`,
    pipePath: "/one",
  },
  tenAmong(10, "prefix", byPrefix),
  tenAmong(5000, "prefix", byPrefix),
  tenAmong(5000, "selector", bySelector),
  tenAmong(5000, "workload", byWorkload),
  targets(5000, "5,000 pods", 1, ""),
  targets(10, "10 pods", 100, "&selector=bench=answers"),
  targets(5000, "10 of 5,000 pods", 100, "&selector=bench=answers"),
];

/** The PODS_FILE of a scenario: pods with all that a kubelet and a Deployment write into them. */
export function podList({ pods, known }: Scenario): string {
  const items = Array.from({ length: known }, (_, index) => {
    const answers = index < pods;
    const number = String(index).padStart(5, "0");
    return {
      apiVersion: "v1",
      kind: "Pod",
      ...realisticPod({
        namespace,
        name: answers ? `pod-${number}` : `other-${number}`,
        uid: `uid-${index}`,
        ip: podAddress(index),
        labels: answers ? { bench: "answers" } : { bench: "other" },
      }),
    };
  });
  return JSON.stringify({ kind: "List", apiVersion: "v1", items });
}
