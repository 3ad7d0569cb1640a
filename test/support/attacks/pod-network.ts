// Everything that can be dialled: one server for each port, on all addresses at once. A connection to a pod that the settings allow
// is answered as that pod; any other is a canary's, is answered with a secret, and is never forgotten.
import { createServer, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";

import type { CertificateAuthority } from "../certificate-authority.ts";
import type { PodStep, PodTls } from "./attack.ts";
import {
  addressText,
  canarySecret,
  type FixturePod,
  fixturePods,
  isAllowedPort,
  mayBeScraped,
} from "./fixture.ts";
import { type PodRequest, PodRequestReader } from "./pod-requests.ts";
import { runSteps } from "./pod-steps.ts";

const tlsPort = 9443;
/** Of the fixture, and those that the catalogue asks for. Dials of all others are counted as refused by the kernel. */
const ports = [
  22,
  53,
  80,
  443,
  2379,
  4194,
  8080,
  8443,
  9000,
  9001,
  9090,
  9100,
  tlsPort,
  9999,
  10250,
  10255,
  11211,
];
/** Of one connection; what comes later has no news. */
const maxKeptBytes = 64 * 1024;

/** What every pod has to say where the attack wants nothing else of it. */
const ordinaryBody = "# TYPE up_demo gauge\nup_demo 1\n";
const ordinaryAnswer =
  "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n" +
  `Content-Length: ${ordinaryBody.length}\r\n\r\n${ordinaryBody}`;

/** Since the last `begin()`. */
export interface PodTraffic {
  readonly requests: PodRequest[];
  /** Addresses of connections that were accepted. */
  readonly dials: string[];
  bodyBytes: number;
  /** The most requests at one time that were not answered: of all pods, and of the pod that had most. */
  busiest: number;
  busiestPod: number;
}

export class PodNetwork {
  traffic: PodTraffic = emptyTraffic();
  /** Connections, over all time, to what may not be reached. */
  readonly violations: string[] = [];
  /** How long ordinary pods take for an answer. */
  answerDelayMs = 0;
  readonly #received: Buffer[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #authority: CertificateAuthority;
  readonly #goodTls: SecureContext;
  #pods = new Map<string, FixturePod>();
  #behaviour: { ip: string; steps: readonly PodStep[] } | undefined;
  readonly #unanswered = new Map<string, number>();

  constructor({ trusted, untrusted }: { trusted: CertificateAuthority; untrusted: CertificateAuthority }) {
    this.#authority = untrusted;
    this.#goodTls = createSecureContext(trusted.issue({ ips: fixturePods.map(({ ip }) => ip) }));
    this.setPods(fixturePods);
  }

  async start(): Promise<void> {
    for (const port of ports) {
      const server = createServer((socket) => this.#accept(socket, port));
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host: "::", port, backlog: 4096 }, resolve);
      });
      this.#servers.push(server);
    }
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  setPods(pods: readonly FixturePod[]): void {
    this.#pods = new Map(pods.filter(mayBeScraped).map((pod) => [pod.ip, pod]));
  }

  /** All bytes that pods and canaries got so far, of each connection the first ones. */
  get received(): Buffer {
    return Buffer.concat(this.#received);
  }

  /** A new record begins. The behaviour is that of one pod until the next call; kept connections are closed for it. */
  async begin(behaviour?: { pod: string; steps: readonly PodStep[] }): Promise<void> {
    const changes = behaviour !== undefined || this.#behaviour !== undefined;
    const pod = fixturePods.find(({ name }) => name === behaviour?.pod);
    if (behaviour !== undefined && pod === undefined)
      throw new Error(`Cannot find the pod "${behaviour.pod}"`);
    this.#behaviour = pod && { ip: pod.ip, steps: behaviour!.steps };
    if (changes) {
      for (const socket of this.#sockets) socket.destroy();
      // Until the proxy has seen it.
      await sleep(20);
    }
    this.#unanswered.clear();
    this.traffic = emptyTraffic();
  }

  #accept(socket: Socket, port: number): void {
    const ip = (socket.localAddress ?? "").replace(/^::ffff:/u, "");
    const to = addressText(ip, port);
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.setNoDelay(true);
    this.traffic.dials.push(to);
    if (!this.#pods.has(ip) || !isAllowedPort(port)) {
      this.violations.push(to);
      this.#record(socket);
      socket.once("data", () =>
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${canarySecret.length}\r\n\r\n${canarySecret}`),
      );
      return;
    }
    const steps = this.#behaviour?.ip === ip ? this.#behaviour.steps : undefined;
    const tls = steps?.find((step) => "tls" in step)?.tls;
    const stream = tls === undefined && port !== tlsPort ? socket : this.#secure(socket, tls);
    this.#serve(stream, { raw: socket, to, steps });
  }

  #serve(stream: Duplex, o: { raw: Socket; to: string; steps: readonly PodStep[] | undefined }): void {
    const reader = new PodRequestReader(o.to);
    this.#record(stream);
    for (const step of o.steps ?? []) {
      if ("sendBeforeRequest" in step) stream.write(Buffer.from(step.sendBeforeRequest, "latin1"));
    }
    stream.on("data", (chunk: Buffer) => {
      const before = reader.bodyBytes;
      const requests = reader.push(chunk);
      // A kept connection outlives the record in which it began.
      const { traffic } = this;
      traffic.bodyBytes += reader.bodyBytes - before;
      for (const request of requests) {
        traffic.requests.push(request);
        void this.#answer(stream, { ...o, traffic });
      }
    });
  }

  async #answer(
    stream: Duplex,
    o: { raw: Socket; to: string; steps: readonly PodStep[] | undefined; traffic: PodTraffic },
  ): Promise<void> {
    const count = (change: number) => {
      const now = (this.#unanswered.get(o.to) ?? 0) + change;
      this.#unanswered.set(o.to, Math.max(now, 0));
      o.traffic.busiestPod = Math.max(o.traffic.busiestPod, now);
      const all = [...this.#unanswered.values()].reduce((sum, one) => sum + one, 0);
      o.traffic.busiest = Math.max(o.traffic.busiest, all);
    };
    let isOver = false;
    const over = () => {
      if (!isOver) count(-1);
      isOver = true;
    };
    count(1);
    // Who hangs up waits no longer.
    o.raw.once("close", over);
    // TLS alone is no behaviour of requests.
    if (o.steps?.some((step) => !("tls" in step))) await runSteps(o.steps, { stream, raw: o.raw });
    else {
      if (this.answerDelayMs > 0) await sleep(this.answerDelayMs);
      stream.write(ordinaryAnswer);
    }
    o.raw.off("close", over);
    over();
  }

  #record(stream: Duplex): void {
    let kept = 0;
    stream.on("data", (chunk: Buffer) => {
      if (kept >= maxKeptBytes) return;
      this.#received.push(chunk.subarray(0, maxKeptBytes - kept));
      kept += chunk.length;
    });
  }

  #secure(socket: Socket, tls: PodTls | undefined): TLSSocket {
    const stream = new TLSSocket(socket, { isServer: true, ...this.#tlsOptions(socket, tls) });
    stream.on("error", () => undefined);
    return stream;
  }

  #tlsOptions(socket: Socket, tls: PodTls | undefined): { secureContext: SecureContext } {
    if (tls === undefined) return { secureContext: this.#goodTls };
    const ip = (socket.localAddress ?? "").replace(/^::ffff:/u, "");
    const version = tls.minVersion === "TLSv1.0" ? "TLSv1" : tls.minVersion;
    // The old versions are called minimal in the catalogue and meant to be the only ones.
    const old = version === "TLSv1" || version === "TLSv1.1";
    return {
      secureContext: createSecureContext({
        ...this.#authority.issue({ ips: [ip], ...(tls.name !== undefined && { name: tls.name }) }),
        ...(version !== undefined && { minVersion: version }),
        ...(old && { maxVersion: version, ciphers: "DEFAULT@SECLEVEL=0" }),
      }),
    };
  }
}

function emptyTraffic(): PodTraffic {
  return { requests: [], dials: [], bodyBytes: 0, busiest: 0, busiestPod: 0 };
}
