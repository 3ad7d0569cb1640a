// What goes wrong with requests before, or instead of, their real answer: a list of faults that are looked through in their
// order. A fault only describes; fake-api.ts carries it out.
import type { ApiRequest, Verb } from "./api-request.ts";
import type { Answer } from "./api-status.ts";
import type { EndlessBody } from "./endless-body.ts";
import type { ArrangeEvents } from "./open-watches.ts";

export type Fault =
  /** This answer instead of the real one. */
  | { readonly kind: "answer"; readonly answer: Answer }
  /** The real answer, so much later; other faults go on after it. */
  | { readonly kind: "delay"; readonly delayMs: number }
  /** Nothing, for as long as the client waits. */
  | { readonly kind: "silence" }
  /** The connection is destroyed. */
  | { readonly kind: "cut" }
  /** The first part of the real answer; then a proper end, or none. Of lists and single pods. */
  | { readonly kind: "truncate"; readonly ratio: number; readonly end: "clean" | "cut" }
  /** A 200 whose body has no end. */
  | { readonly kind: "endless"; readonly head: string; readonly unit: string }
  /** A watch gets the events that happened before in another order, or more of them; other faults go on after it. */
  | { readonly kind: "backlog"; readonly arrange: ArrangeEvents };

export interface FaultScope {
  /** Default: all but `other`. */
  readonly verb?: Verb;
  /** Empty: requests over the whole cluster. Default: any. */
  readonly namespace?: string;
  /** So many requests, then it is over. Default: until it is removed. */
  readonly times?: number;
}

export interface InjectedFault {
  /** Requests that met it. */
  readonly hits: number;
  /** The bodies of an `endless` one. */
  readonly bodies: readonly EndlessBody[];
  remove(): void;
}

interface Injected extends InjectedFault {
  readonly fault: Fault;
  readonly scope: FaultScope;
  hits: number;
  readonly bodies: EndlessBody[];
}

export class RequestFaults {
  readonly #injected = new Set<Injected>();

  inject(fault: Fault, scope: FaultScope = {}): InjectedFault {
    const injected: Injected = {
      fault,
      scope,
      hits: 0,
      bodies: [],
      remove: () => this.#injected.delete(injected),
    };
    this.#injected.add(injected);
    return injected;
  }

  clear(): void {
    this.#injected.clear();
  }

  /** The faults that a request meets, each counted: all that let it go on, and the first that does not. */
  take(request: ApiRequest): readonly Pick<Injected, "fault" | "bodies">[] {
    const taken: Injected[] = [];
    for (const injected of this.#injected) {
      if (!isMeant(injected.scope, request)) continue;
      injected.hits++;
      if (injected.hits === injected.scope.times) injected.remove();
      taken.push(injected);
      if (injected.fault.kind !== "delay" && injected.fault.kind !== "backlog") break;
    }
    return taken;
  }
}

export function isMeant(scope: Pick<FaultScope, "verb" | "namespace">, request: ApiRequest): boolean {
  return (
    (scope.verb === undefined ? request.verb !== "other" : scope.verb === request.verb) &&
    (scope.namespace === undefined || scope.namespace === request.namespace)
  );
}
