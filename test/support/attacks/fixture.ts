// The cluster that the catalogue is written for: its pods, what the settings allow of them, and the secrets whose traces are looked
// for.
import type { PodObject } from "../kubernetes/pod-objects.ts";
import { smallPod } from "../kubernetes/pod-objects.ts";

/** The proxy's own. */
export const clusterToken = "CLUSTERTOKEN";
/** Of the one client that is let in where clients need a credential. */
export const clientToken = "GOODTOKEN";
/** What every place answers that must not be reached. */
export const canarySecret = "SECRET-IAM-CREDS";
export const apiPort = 6443;

export interface FixturePod {
  readonly ns: string;
  readonly name: string;
  readonly ip: string;
  readonly phase: string;
}

const podNetwork = "10.244.0.";
const pod = (ns: string, name: string, host: string, phase = "Running"): FixturePod => ({
  ns,
  name,
  ip: host.includes(":") ? host : podNetwork + host,
  phase,
});

export const fixturePods: readonly FixturePod[] = [
  pod("team-a", "app-1", "11"),
  pod("team-a", "app-2", "12"),
  pod("team-a", "apple-1", "13"),
  pod("team-a", "other-1", "14"),
  pod("team-a", "app-pend", "15", "Pending"),
  pod("team-a", "app-done", "16", "Succeeded"),
  pod("team-a", "app-term", "17"),
  pod("team-a", "app-host", "18"),
  pod("team-a", "six-1", "fd00:10:244::11"),
  pod("team-b", "app-9", "19"),
  pod("kube-system", "coredns-x", "53"),
];

/** The strict configuration. */
export const strictEnvironment: Readonly<Record<string, string>> = {
  CIDR_WHITELIST: "10.244.0.0/16,fd00:10:244::/64",
  METRICS_PATH_WHITELIST: "^/metrics$,^/actuator/prometheus$",
  METRICS_PATH_MATCH: "full",
  NAMESPACE_WHITELIST: "team-a,team-b",
  PORT_WHITELIST: "8080,9000-9999",
  KUBESD_REQUIRE_POD: "true",
  K8S_GLOBAL_TOKEN: clusterToken,
  KUBERNETES_SERVICE_HOST: "127.0.0.1",
  KUBERNETES_SERVICE_PORT: String(apiPort),
};

export function podObject({ ns: namespace, name, ip, phase }: FixturePod): PodObject {
  const object = smallPod({ namespace, name, ip, phase, ports: { metrics: 9000 } });
  if (name === "app-term")
    return { ...object, metadata: { ...object.metadata, deletionTimestamp: "2026-11-24T08:00:00Z" } };
  return name === "app-host" ? { ...object, spec: { ...object.spec, hostNetwork: true } } : object;
}

/** Whether the settings let that pod be scraped. */
export function mayBeScraped({ ns, ip, phase }: FixturePod): boolean {
  const isInside = /^10\.244\.\d+\.\d+$/u.test(ip) || ip.startsWith("fd00:10:244::");
  return phase === "Running" && (ns === "team-a" || ns === "team-b") && isInside;
}

export function isAllowedPort(port: number): boolean {
  return port === 8080 || (port >= 9000 && port <= 9999);
}

/** As in "10.244.0.11:9000" and "[fd00:10:244::11]:9000". */
export function addressText(ip: string, port: number): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
