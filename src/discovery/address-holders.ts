// Which pods have an address, in the order in which they got it. The order decides whose an address is while the end of the pod before
// is not known yet; no clock of a node tells it as well as the order of the news.
import type { Pod } from "./pod.ts";

export interface Holder {
  readonly pod: Pod;
  /** It was told that the pod got the address, after those before it in the order; else a list told that it has it. */
  readonly isNews: boolean;
}

export class AddressHolders {
  /** By address, then uid. */
  readonly #byIp = new Map<string, Map<string, Holder>>();

  /** A copy. */
  of(ip: string): readonly Holder[] {
    return [...(this.#byIp.get(ip)?.values() ?? [])];
  }

  /**
   * Puts a pod in, in the place of `old`, its value before: at an address that it had it keeps its place. At another it comes last; if
   * it was `listed`, before those that their nodes took up later, because a list tells no order.
   */
  put(pod: Pod, old: Pod | undefined, { listed }: { listed: boolean }): void {
    if (old !== undefined)
      this.#dropFrom(
        old,
        old.ips.filter((ip) => !pod.ips.includes(ip)),
      );
    for (const ip of pod.ips) {
      const holders = this.#byIp.get(ip);
      const known = holders?.get(pod.uid);
      const holder = { pod, isNews: known?.isNews ?? !listed };
      if (holders === undefined) this.#byIp.set(ip, new Map([[pod.uid, holder]]));
      else if (listed && known === undefined) this.#byIp.set(ip, insertByStart(holders, holder));
      else holders.set(pod.uid, holder);
    }
  }

  /** Takes a pod out, which must be there. */
  drop(pod: Pod): void {
    this.#dropFrom(pod, pod.ips);
  }

  #dropFrom({ uid }: Pod, ips: readonly string[]): void {
    for (const ip of ips) {
      const holders = this.#byIp.get(ip)!;
      holders.delete(uid);
      if (holders.size === 0) this.#byIp.delete(ip);
    }
  }
}

function insertByStart(holders: ReadonlyMap<string, Holder>, holder: Holder): Map<string, Holder> {
  const all = [...holders.values()];
  // A time that is not known is never later.
  const later = all.findIndex(({ pod }) => pod.startedMs! > holder.pod.startedMs!);
  all.splice(later === -1 ? all.length : later, 0, holder);
  return new Map(all.map((one) => [one.pod.uid, one]));
}
