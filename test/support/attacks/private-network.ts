// The network that attacks run in: a namespace of its own (`unshare -rn`) in which every address there is belongs to `lo`. So
// whatever the program dials arrives here, and what nobody listens for is counted by the kernel. Run inside only.
import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, writeFileSync } from "node:fs";

/** @throws Error unless this process has a network of its own, without a way out */
export function preparePrivateNetwork(): void {
  const namespace = readlinkSync("/proc/self/ns/net");
  const interfaces = readFileSync("/proc/net/dev", "utf8").split("\n").slice(2).join("");
  if (interfaces.replace(/^\s*lo:.*/u, "").includes(":"))
    throw new Error(`Cannot run attacks in ${namespace}: it has more interfaces than lo`);
  const ip = (...args: string[]) => execFileSync("ip", args);
  ip("link", "set", "lo", "up");
  ip("route", "add", "local", "0.0.0.0/0", "dev", "lo");
  ip("-6", "route", "add", "local", "::/0", "dev", "lo");
  // Floods use a port for each connection, and a closed one keeps its port for a minute.
  writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", "12000 65000");
}

/** What the kernel has counted since the namespace was made. */
export interface NetworkCounters {
  /** TCP connections that nobody took. */
  readonly refusedDials: number;
  /** UDP datagrams of any kind: nothing here has a use for names. */
  readonly datagrams: number;
}

export function readNetworkCounters(): NetworkCounters {
  const ipv4 = readFileSync("/proc/net/snmp", "utf8");
  const ipv6 = readFileSync("/proc/net/snmp6", "utf8");
  const count6 = (name: string) => Number(new RegExp(`^${name}\\s+(\\d+)$`, "mu").exec(ipv6)?.[1]);
  return {
    refusedDials: counter(ipv4, "Tcp", "AttemptFails"),
    datagrams: counter(ipv4, "Udp", "OutDatagrams") + count6("Udp6OutDatagrams"),
  };
}

function counter(text: string, protocol: string, name: string): number {
  const [names = [], values = []] = text
    .split("\n")
    .filter((line) => line.startsWith(`${protocol}:`))
    .map((line) => line.split(" "));
  return Number(values[names.indexOf(name)]);
}
