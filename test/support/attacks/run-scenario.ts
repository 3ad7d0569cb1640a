// Scenarios of many clients: starts the crowd, meanwhile scrapes as somebody who behaves, and measures both.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import type { Scenario } from "./attack.ts";
import { exchange } from "./exchange.ts";
import type { ScenarioResult } from "./observation.ts";
import type { CrowdOrder, CrowdResult } from "./scenario-client.ts";

export interface ScenarioContext {
  /** The listener without TLS. */
  readonly port: number;
  /** Another one with TLS: without, and with client certificates. */
  readonly tlsPort?: number;
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  readonly request: string;
}

const crowdFile = fileURLToPath(new URL("scenario-client.ts", import.meta.url));
/** A process may not have more than 20,000 files open on many machines. */
const maxSocketsOfProcess = 10_000;
const holdMs = 8000;

export function needsTls(scenario: Scenario): boolean {
  return "tlsHandshakeFlood" in scenario || "h2RapidReset" in scenario;
}

export async function runScenario(scenario: Scenario, o: ScenarioContext): Promise<ScenarioResult> {
  const { port } = o;
  if ("slowHeaders" in scenario) {
    const { connections, byteEveryMs } = scenario.slowHeaders;
    return besides(o, crowd({ kind: "slowHeaders", port, connections, byteEveryMs, forMs: 20_000 }));
  }
  if ("connectAndHold" in scenario) {
    const { connections } = scenario.connectAndHold;
    const shares = Array.from({ length: Math.ceil(connections / maxSocketsOfProcess) }, (_, i) =>
      Math.min(maxSocketsOfProcess, connections - i * maxSocketsOfProcess),
    );
    const crowds = shares.map((share) => crowd({ kind: "hold", port, connections: share, forMs: holdMs }));
    return besides(
      o,
      Promise.all(crowds).then(() => ({})),
    );
  }
  if ("flood" in scenario) return crowd({ kind: "flood", port, ...scenario.flood, request: o.request });
  if ("sameScrapeConcurrently" in scenario) {
    const answers = Array.from({ length: scenario.sameScrapeConcurrently }, () =>
      exchange(o.request, { port }),
    );
    return { statuses: countStatuses((await Promise.all(answers)).map(({ status }) => status)) };
  }
  if ("h2RapidReset" in scenario) return { problems: await findHttp2(o) };
  if ("tlsHandshakeFlood" in scenario)
    return besides(
      { ...o, port: o.tlsPort! },
      crowd({ kind: "handshakes", port: o.tlsPort!, ...scenario.tlsHandshakeFlood }),
      true,
    );
  if ("clientCertFlood" in scenario) {
    const { connections } = scenario.clientCertFlood;
    const order = {
      kind: "clientCertificates",
      port: o.tlsPort!,
      connections,
      ...o.clientCertificate!,
    } as const;
    const result = await crowd({ ...order, request: o.request });
    const served = result.statuses?.[200] ?? 0;
    return { ...result, ...(served < connections && { problems: [`only ${served} were served`] }) };
  }
  return distinctMethods(scenario.distinctMethods, o);
}

async function crowd(order: CrowdOrder): Promise<CrowdResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [crowdFile, JSON.stringify(order)]);
  return JSON.parse(stdout) as CrowdResult;
}

/** Scrapes every 50 ms until the crowd has gone. */
async function besides(
  { port, request }: ScenarioContext,
  crowdGone: Promise<CrowdResult>,
  secure = false,
): Promise<ScenarioResult> {
  const goodClientMs: number[] = [];
  const goodClientFailures: string[] = [];
  await sleep(200);
  for (let result: CrowdResult | undefined; ;) {
    const { status, ms } = await exchange(request, {
      port,
      ...(secure && { tls: { rejectUnauthorized: false } }),
    });
    goodClientMs.push(ms);
    if (status !== 200) goodClientFailures.push(`status ${status} after ${Math.round(ms)} ms`);
    result = await Promise.race([crowdGone, sleep(50, undefined)]);
    if (result !== undefined) return { ...result, goodClientMs, goodClientFailures };
  }
}

/** HTTP/2 is not spoken: neither from the first byte on, nor by an offer of the TLS handshake. */
async function findHttp2({ port, tlsPort }: ScenarioContext): Promise<string[]> {
  const problems: string[] = [];
  const settings = "\0\0\0\x04\0\0\0\0\0";
  const { text } = await exchange(Buffer.from(`PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}`, "latin1"), {
    port,
  });
  if (text !== "" && !/^HTTP\/1\.1 4\d\d /u.test(text))
    problems.push(`HTTP/2 was answered: ${JSON.stringify(text)}`);
  const protocol = await new Promise<string | false | null>((resolve) => {
    const socket = connectTls({
      port: tlsPort!,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    socket.on("error", () => resolve(null));
    socket.on("secureConnect", () => {
      resolve(socket.alpnProtocol);
      socket.destroy();
    });
  });
  if (protocol === "h2") problems.push("the TLS handshake offers h2");
  return problems;
}

async function distinctMethods(count: number, { port, request }: ScenarioContext): Promise<ScenarioResult> {
  const statuses: number[] = [];
  const rest = request.slice(request.indexOf(" "));
  let next = 0;
  const client = async () => {
    for (let i = next++; i < count; i = next++)
      statuses.push((await exchange(`M${i.toString(36).toUpperCase()}${rest}`, { port })).status);
  };
  await Promise.all(Array.from({ length: 20 }, client));
  return { statuses: countStatuses(statuses) };
}

function countStatuses(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
