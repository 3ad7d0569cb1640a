// Runs attacks in the private network that it was started in, and writes each result as a line of JSON to standard output: what
// failed, and a merged answer for judges outside. Ends when its standard input does, so that it never outlives the test.
import { readAttacks, type Attack } from "./attack.ts";
import { AttackRange } from "./attack-range.ts";
import { AttackedProgram } from "./attacked-program.ts";
import { findFailures } from "./find-failures.ts";
import { findLeaks } from "./find-leaks.ts";
import type { Observation } from "./observation.ts";
import { preparePrivateNetwork, readNetworkCounters } from "./private-network.ts";

export interface AttackResult {
  readonly id: string;
  readonly failures: readonly string[];
  readonly ms: number;
  /** To be judged by strict parsers. */
  readonly merged?: { readonly text: string; readonly format: "text" | "openmetrics" };
}

/** What must hold over the whole run. */
export interface RunResult {
  /** Connections to what may not be reached. */
  readonly violations: readonly string[];
  readonly datagrams: number;
  /** What the API server was asked. */
  readonly asked: readonly string[];
  /** Secrets, and where they were found. */
  readonly leaks: readonly string[];
}

const [, , path = "", filter = ".", entry] = process.argv;
process.stdin.resume().on("end", () => process.exit(1));
preparePrivateNetwork();
const attacks = (await readAttacks(path)).filter(({ id }) => new RegExp(filter, "u").test(id));
await using range = new AttackRange((env) => AttackedProgram.start({ env, ...(entry && { entry }) }));
await range.start();
for (const attack of inOrder(attacks)) {
  const startMs = performance.now();
  const result = await run(attack);
  write({ id: attack.id, ...result, ms: Math.round(performance.now() - startMs) });
}
await range[Symbol.asyncDispose]();
write({
  violations: range.network.violations,
  datagrams: readNetworkCounters().datagrams,
  asked: [...new Set(range.cluster.asked)],
  leaks: findLeaks(attacks, range),
} satisfies RunResult);
process.exit();

async function run(attack: Attack): Promise<Omit<AttackResult, "id" | "ms">> {
  try {
    const seen = await range.run(attack);
    const merged = mergedAnswer(seen);
    return { failures: findFailures(seen), ...(merged && { merged }) };
  } catch (error) {
    return { failures: [`runner: ${String(error)}`] };
  }
}

function mergedAnswer({ attack, exchanges }: Observation): AttackResult["merged"] {
  const answer = exchanges.at(-1);
  if (attack.expect.parsesStrict !== true || answer?.status !== 200) return undefined;
  const isOpenMetrics =
    answer.headers.get("content-type")?.startsWith("application/openmetrics-text") ?? false;
  return {
    text: Buffer.from(answer.body, "latin1").toString("utf8"),
    format: isOpenMetrics ? "openmetrics" : "text",
  };
}

/** Those that leave the program at work for others come last. */
function inOrder(attacks: readonly Attack[]): Attack[] {
  const isLate = ({ request }: Attack) => Number(request.scenario !== undefined);
  return attacks.toSorted((a, b) => isLate(a) - isLate(b));
}

function write(line: AttackResult | RunResult): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
