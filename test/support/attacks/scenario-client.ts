// The crowd of a scenario, in a process of its own: so many sockets, and the work for them, must not slow down whoever measures.
// Takes its orders as JSON in the first argument; writes its result as one line of JSON.
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import { exchange } from "./exchange.ts";

export type CrowdOrder =
  | { kind: "slowHeaders"; port: number; connections: number; byteEveryMs: number; forMs: number }
  | { kind: "hold"; port: number; connections: number; forMs: number }
  | { kind: "flood"; port: number; rps: number; seconds: number; request: string }
  | { kind: "handshakes"; port: number; perSecond: number; seconds: number }
  | {
      kind: "clientCertificates";
      port: number;
      connections: number;
      cert: string;
      key: string;
      request: string;
    };

export interface CrowdResult {
  readonly statuses?: Record<number, number>;
  readonly headersOn503?: readonly string[];
  readonly longestConnectionMs?: number;
  readonly connections?: number;
}

/** Connections of a flood that may wait for their answer at once: on a slow machine its rate is what is answered. */
const maxWaiting = 4000;
/** Of a flood's clients: on a slow machine answers may come late, but they must come. */
const floodPatienceMs = 60_000;

async function obey(order: CrowdOrder): Promise<CrowdResult> {
  switch (order.kind) {
    case "slowHeaders":
      return slowHeaders(order);
    case "hold":
      return hold(order);
    case "flood":
      return flood(order);
    case "handshakes":
      return handshakes(order);
    case "clientCertificates":
      return clientCertificates(order);
  }
}

function open(port: number): Socket {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  socket.resume();
  return socket;
}

async function slowHeaders(o: Extract<CrowdOrder, { kind: "slowHeaders" }>): Promise<CrowdResult> {
  const endMs = performance.now() + o.forMs;
  const lives = Array.from({ length: o.connections }, async () => {
    const socket = open(o.port);
    const startMs = performance.now();
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    socket.write("GET /mproxy/team-a/app-/metrics HTTP/1.1\r\nHost: p\r\nX: ");
    const timer = setInterval(() => socket.write("a"), o.byteEveryMs);
    await Promise.race([closed, sleep(Math.max(endMs - startMs, 0))]);
    clearInterval(timer);
    const ms = performance.now() - startMs;
    socket.destroy();
    return ms;
  });
  return { longestConnectionMs: Math.max(...(await Promise.all(lives))), connections: o.connections };
}

async function hold(o: Extract<CrowdOrder, { kind: "hold" }>): Promise<CrowdResult> {
  const sockets: Socket[] = [];
  while (sockets.length < o.connections) {
    for (let i = 0; i < 100 && sockets.length < o.connections; i++) sockets.push(open(o.port));
    await sleep(5);
  }
  await sleep(o.forMs);
  for (const socket of sockets) socket.destroy();
  return { connections: sockets.length };
}

async function flood(o: Extract<CrowdOrder, { kind: "flood" }>): Promise<CrowdResult> {
  const statuses: Record<number, number> = {};
  let headersOn503: string[] | undefined;
  const waiting = new Set<Promise<void>>();
  const send = async () => {
    const { status, headers } = await exchange(o.request, { port: o.port, timeoutMs: floodPatienceMs });
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === 503)
      headersOn503 = [...headers.keys()].filter((name) => headersOn503?.includes(name) ?? true);
  };
  const startMs = performance.now();
  let sent = 0;
  while (performance.now() - startMs < o.seconds * 1000) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * o.rps);
    for (; sent < due && waiting.size < maxWaiting; sent++) {
      const answered = send();
      waiting.add(answered);
      void answered.finally(() => waiting.delete(answered));
    }
    await sleep(5);
  }
  await Promise.all(waiting);
  return { statuses, headersOn503: headersOn503 ?? [] };
}

/** Half of them go all the way, half send the first bytes of a handshake and stay. */
async function handshakes(o: Extract<CrowdOrder, { kind: "handshakes" }>): Promise<CrowdResult> {
  const startMs = performance.now();
  const stuck: Socket[] = [];
  const total = o.perSecond * o.seconds;
  for (let sent = 0; sent < total;) {
    const due = ((performance.now() - startMs) / 1000) * o.perSecond;
    for (; sent < Math.min(due, total); sent++) {
      if (sent % 2 === 0) {
        const socket = open(o.port);
        socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0]));
        stuck.push(socket);
      } else {
        const socket = connectTls({ port: o.port, host: "127.0.0.1", rejectUnauthorized: false });
        socket.on("error", () => undefined);
        socket.once("secureConnect", () => socket.destroy());
      }
    }
    await sleep(5);
  }
  for (const socket of stuck) socket.destroy();
  return { connections: total };
}

async function clientCertificates(
  o: Extract<CrowdOrder, { kind: "clientCertificates" }>,
): Promise<CrowdResult> {
  const statuses: Record<number, number> = {};
  const tls = { cert: o.cert, key: o.key, rejectUnauthorized: false };
  let left = o.connections;
  const worker = async () => {
    while (left-- > 0) {
      const { status } = await exchange(o.request, { port: o.port, tls });
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  return { statuses };
}

process.stdout.write(`${JSON.stringify(await obey(JSON.parse(process.argv[2]!) as CrowdOrder))}\n`);
process.exit();
