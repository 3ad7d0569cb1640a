// Which ports of a pod are meant. Pure. Never guesses where a pod says something that cannot be: scraping another port would hide it.
import type { Pod } from "../discovery/pod.ts";
import { declaredPort } from "./port-container.ts";
import { annotatedPort } from "./scrape-annotations.ts";
import { parsePortNumber, type PortReference } from "./port.ts";

export interface PortChoice {
  /** From parsePortReference(). Empty: what the pod says itself. */
  readonly ports: readonly PortReference[];
  /** Only their ports; a number that no container declares may be of any. Empty: those of all containers. */
  readonly containers: readonly string[];
  /**
   * `first`: a name is the first port of that name (of each container, if some are named), as when Kubernetes resolves it; without ports it
   * is the annotation `prometheus.io/port`, else the port named `metrics`. `every`: a name is every port of that name; without
   * ports it is the annotation, else every port named `metrics` or `<something>-metrics`.
   */
  readonly mode: "first" | "every";
}

const defaultNames = { first: /^metrics$/, every: /^(?:.+-)?metrics$/ } as const;

/** A port of a pod, and the declaration by which it was found; undefined where no container declares it. */
export interface PodPort {
  readonly number: number;
  readonly declared: DeclaredPort | undefined;
}

type DeclaredPort = Pod["ports"][number];

/** Each number once, in the order of the choice. TCP only. */
export function portsOf(pod: Pod, { ports, containers, mode }: PortChoice): readonly PodPort[] {
  const ofPod = pod.ports.filter(({ protocol }) => protocol === "TCP");
  const declared =
    containers.length === 0 ? ofPod : ofPod.filter(({ container }) => containers.includes(container));
  if (ports.length > 0) return distinct(ports.flatMap((port) => resolve(port)));
  const annotation = annotatedPort(pod);
  const annotated = annotation === undefined ? undefined : parsePortNumber(annotation);
  if (annotation !== undefined && annotated === undefined) return [];
  if (annotated !== undefined && mayBe(annotated)) return [numbered(annotated)];
  return distinct(named((name) => defaultNames[mode].test(name)));

  function resolve(port: PortReference): readonly PodPort[] {
    if (typeof port === "string") return named((name) => name === port);
    return mayBe(port) ? [numbered(port)] : [];
  }

  function numbered(number: number): PodPort {
    return { number, declared: declaredPort(pod, number, containers) };
  }

  function mayBe(number: number): boolean {
    const isNumber = ({ port }: { port: number }) => port === number;
    return containers.length === 0 || declared.some(isNumber) || !ofPod.some(isNumber);
  }

  function named(matches: (name: string) => boolean): readonly PodPort[] {
    const found = declared.filter(({ name }) => matches(name));
    const chosen =
      mode === "every"
        ? found
        : containers.length === 0
          ? found.slice(0, 1)
          : found.filter(
              ({ container }, index) => found.findIndex((other) => other.container === container) === index,
            );
    return chosen.map((declared) => ({ number: declared.port, declared }));
  }
}

/** Whether a pod can have more than one of them; if so, its samples have to tell which. */
export function isSeveralPorts({ ports, containers }: Pick<PortChoice, "ports" | "containers">): boolean {
  return ports.length > 1 || containers.length > 1;
}

function distinct(ports: readonly PodPort[]): readonly PodPort[] {
  return ports.filter(({ number }, index) => ports.findIndex((other) => other.number === number) === index);
}
