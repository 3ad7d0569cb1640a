// What may be dialled: the only thing that the selection hands to the scraper.
// Never a URL: address, port, scheme and path stay apart, so that no text is ever formatted and parsed again.
import type { Pod } from "../discovery/pod.ts";

/** One endpoint of one pod, checked against every access rule. Immutable. */
export interface Target {
  /** Undefined when `/kubesd` names an address that no known pod holds (KUBESD_REQUIRE_POD=false), or several. */
  readonly pod: Pod | undefined;
  readonly namespace: string;
  readonly podName: string;
  /**
   * Targets of `/kubesd`: uids of the pods that the caller can have meant by the address, in their order. Empty when none is known.
   * Absent: `pod` alone is meant.
   */
  readonly candidates?: readonly string[];
  /** Canonical IP literal (RFC 5952, no brackets, no zone). */
  readonly ip: string;
  /** 1 to 65535. */
  readonly port: number;
  readonly tls: boolean;
  /** Origin-form path plus query: the bytes that were checked are the bytes that are sent. */
  readonly path: string;
}
