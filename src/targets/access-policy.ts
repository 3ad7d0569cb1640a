// The access rules of the configuration in one object: what may be scraped, and the words for what may not.
// Never looks at who asks, and never changes what it is given: a request passes every check or is refused.
import type { Pod } from "../discovery/pod.ts";
import { IpRanges, specialUse } from "./ip-ranges.ts";
import { PathPatterns } from "./path-patterns.ts";
import { isRunning, mayHoldAddress } from "./pod-phase.ts";
import type { PortRange } from "./port.ts";

/** The part of the configuration that says what may be scraped. Empty namespace and port lists allow all. */
export interface AccessSettings {
  readonly cidrWhitelist: readonly string[];
  readonly metricsPathWhitelist: readonly string[];
  readonly metricsPathMatch: "search" | "full";
  readonly namespaceWhitelist: readonly string[];
  /** WATCH_NAMESPACES: of no other is anything known. Empty or `*`: no restriction. */
  readonly watchNamespaces: readonly string[] | "*";
  readonly portWhitelist: readonly PortRange[];
  readonly kubesdRequirePod: boolean;
  /** PODS_FILE: whoever writes it answers for the addresses in it. */
  readonly podsFile?: string | undefined;
}

/** The answer "no". */
export interface Refusal {
  readonly refused: "path" | "cidr" | "namespace" | "port" | "pod";
  /** One line for the caller: what was refused and which setting allows it. */
  readonly text: string;
}

/** Every check returns undefined for "yes". Its arguments come from the parsers beside this file. Immutable. */
export class AccessPolicy {
  readonly #ranges: IpRanges;
  readonly #paths: PathPatterns;
  readonly #namespaces: ReadonlySet<string>;
  readonly #watched: ReadonlySet<string>;
  readonly #ports: readonly PortRange[];
  /** KUBESD_REQUIRE_POD. */
  readonly requirePod: boolean;
  /** Whether of pods that claim one address and port only one can be right; in a file several may be names for one server. */
  readonly doubtsAddresses: boolean;
  // A pod is immutable, and finding the address costs microseconds that thousands of pods would pay at every scrape.
  readonly #addresses = new WeakMap<Pod, string | undefined>();

  /** Throws an Error that names the setting when a range or a pattern does not parse. */
  constructor(settings: AccessSettings) {
    this.#ranges = IpRanges.parse(settings.cidrWhitelist);
    this.#paths = new PathPatterns(settings.metricsPathWhitelist, { match: settings.metricsPathMatch });
    this.#namespaces = new Set(settings.namespaceWhitelist);
    this.#watched = new Set(settings.watchNamespaces === "*" ? [] : settings.watchNamespaces);
    this.#ports = settings.portWhitelist;
    this.requirePod = settings.kubesdRequirePod;
    this.doubtsAddresses = settings.podsFile === undefined;
  }

  checkPath(path: string): Refusal | undefined {
    if (this.#paths.allows(path)) return undefined;
    return { refused: "path", text: `Cannot scrape path "${path}": not on METRICS_PATH_WHITELIST` };
  }

  checkIp(ip: string): Refusal | undefined {
    if (this.#ranges.allows(ip)) return undefined;
    const special = specialUse(ip);
    const state = special === undefined ? "" : `, where a ${special} address needs a range of its own`;
    return { refused: "cidr", text: `Cannot scrape address "${ip}": not in CIDR_WHITELIST${state}` };
  }

  checkNamespace(namespace: string): Refusal | undefined {
    const missing =
      this.#namespaces.size > 0 && !this.#namespaces.has(namespace)
        ? "on NAMESPACE_WHITELIST"
        : this.#watched.size > 0 && !this.#watched.has(namespace)
          ? "in WATCH_NAMESPACES"
          : undefined;
    if (missing === undefined) return undefined;
    return { refused: "namespace", text: `Cannot scrape namespace "${namespace}": not ${missing}` };
  }

  checkPort(port: number): Refusal | undefined {
    if (this.#ports.length === 0 || this.#ports.some(({ from, to }) => from <= port && port <= to))
      return undefined;
    return { refused: "port", text: `Cannot scrape port ${port}: not on PORT_WHITELIST` };
  }

  /**
   * Whether `/kubesd` may scrape an address, by the pods that hold it. Pods that have ended hold nothing: their address
   * may belong to another by now. Every namespace among the holders must be allowed (pods on the host's network share an
   * address), and with KUBESD_REQUIRE_POD one of them must run.
   */
  checkHolders(ip: string, pods: readonly Pod[]): Refusal | undefined {
    const holders = pods.filter((pod) => mayHoldAddress(pod));
    if (holders.some(({ namespace }) => this.checkNamespace(namespace) !== undefined)) {
      // Without its name: the caller may not learn which namespace owns an address.
      return {
        refused: "namespace",
        text: `Cannot scrape address "${ip}": a pod outside NAMESPACE_WHITELIST has it`,
      };
    }
    if (!this.requirePod || holders.some((pod) => isRunning(pod))) return undefined;
    return {
      refused: "pod",
      text: `Cannot scrape address "${ip}": no running pod has it (KUBESD_REQUIRE_POD)`,
    };
  }

  /** The address at which a pod is scraped: the first of its own that lies in CIDR_WHITELIST. */
  addressOf(pod: Pod): string | undefined {
    const known = this.#addresses.get(pod);
    if (known !== undefined || this.#addresses.has(pod)) return known;
    const address = pod.ips.find((ip) => this.#ranges.allows(ip));
    this.#addresses.set(pod, address);
    return address;
  }
}
