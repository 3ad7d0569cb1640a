// Everything that was seen of one attack, in one place: what expectations are held against.
import type { Attack } from "./attack.ts";
import type { RefusedStart } from "./attacked-program.ts";
import type { Exchange } from "./exchange.ts";
import type { PodTraffic } from "./pod-network.ts";

export interface ScenarioResult {
  /** How often each status came; 0 for none. */
  readonly statuses?: Readonly<Record<number, number>>;
  /** Header names that stood in every 503. */
  readonly headersOn503?: readonly string[];
  /** Of scrapes by somebody who behaves. */
  readonly goodClientMs?: readonly number[];
  readonly goodClientFailures?: readonly string[];
  /** The longest that a connection of the attack was held. */
  readonly longestConnectionMs?: number;
  /** Of what should not be there at all, such as HTTP/2. */
  readonly problems?: readonly string[];
}

export interface Observation {
  readonly attack: Attack;
  /** One for each time that the request was sent. */
  readonly exchanges: readonly Exchange[];
  readonly traffic: PodTraffic;
  /** Connections that nobody took: to places where there is no pod and no canary. */
  readonly refusedDials: number;
  /** Lines written meanwhile. */
  readonly logLines: readonly string[];
  readonly refusedStart?: RefusedStart;
  /** What was wrong with the program afterwards. */
  readonly notAlive?: string;
  readonly peakMemoryMiB?: number;
  readonly memoryGrowthMiB?: number;
  readonly loopDelayMs?: number;
  readonly ownSeries?: number;
  readonly scenario?: ScenarioResult;
}

export type Check<Value> = (expected: Value, seen: Observation) => string | undefined;

/** The first problem that the check finds with any of the answers. */
export function ofEachAnswer<Value>(
  check: (expected: Value, answer: Exchange, seen: Observation) => string | undefined,
): Check<Value> {
  return (expected, seen) => {
    for (const answer of seen.exchanges) {
      const problem = check(expected, answer, seen);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

export function show(text: string): string {
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}
