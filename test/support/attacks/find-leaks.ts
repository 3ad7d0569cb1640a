// Looks for secrets in everything that was captured over a run: the cluster's token and every credential that a client of the
// catalogue showed.
import type { Attack } from "./attack.ts";
import { canarySecret, clientToken, clusterToken } from "./fixture.ts";

export interface Captured {
  readonly network: { readonly received: Buffer };
  readonly answers: readonly string[];
  readonly outputs: readonly string[];
  readonly ownMetrics: readonly string[];
}

/** Headers whose values are somebody's secret. */
const secretHeaders = new Set(["authorization", "proxy-authorization", "cookie"]);
const shortestSecret = 6;

function secretsOf(attacks: readonly Attack[]): string[] {
  const shown = attacks.flatMap(({ request: { headers = {} } }) =>
    Object.entries(headers)
      .filter(([name]) => secretHeaders.has(name.toLowerCase()))
      .map(([, value]) => value.split(/[ =]/u).at(-1) ?? ""),
  );
  const long = shown.filter((text) => text.length >= shortestSecret);
  return [...new Set([clusterToken, clientToken, canarySecret, ...long])];
}

/** One line for each secret and each place where it was found. */
export function findLeaks(attacks: readonly Attack[], captured: Captured): string[] {
  const places: Record<string, readonly string[]> = {
    "what pods were sent": [captured.network.received.toString("latin1")],
    "an answer": captured.answers,
    "the log": captured.outputs,
    "the own metrics": captured.ownMetrics,
  };
  return secretsOf(attacks).flatMap((secret) =>
    Object.entries(places).flatMap(([place, texts]) => {
      const text = texts.find((text) => text.includes(secret));
      const at = text?.indexOf(secret) ?? 0;
      return text === undefined
        ? []
        : [`${secret} in ${place}: ${text.slice(Math.max(at - 80, 0), at + 40)}`];
    }),
  );
}
