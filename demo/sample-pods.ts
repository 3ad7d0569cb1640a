/**
 * The pods of the demo: real HTTP servers, each on an address of its own. Healthy ones expose the metrics of this
 * process; one is slow, one is broken, one is hostile.
 */
import { createServer, type RequestListener, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import type { AddressInfo } from "node:net";
import { collectDefaultMetrics, Counter, Registry } from "@prometheus-io/client";

export interface SamplePod {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  /** Why a scrape leaves it out; undefined for a pod that must be in. */
  readonly fails: string | undefined;
  stop(): void;
}

const textType = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };

function healthy(): RequestListener {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const scrapes = new Counter({
    name: "sample_app_scrapes_total",
    help: "Scrapes that this pod answered.",
    registers: [registry],
  });
  return (_request, response) => {
    scrapes.inc();
    void registry.metrics().then((body) => response.writeHead(200, textType).end(body));
  };
}

/** Answers long after every deadline. */
const slow: RequestListener = (_request, response) => {
  const timer = setTimeout(
    () => response.writeHead(200, textType).end("sample_app_scrapes_total 1\n"),
    60_000,
  );
  response.once("close", () => clearTimeout(timer));
};

/** Its last line lacks the value: alone, Prometheus would refuse it; merged naively, it would void everybody. */
const broken: RequestListener = (_request, response) => {
  response.writeHead(200, textType).end("# TYPE sample_app_scrapes_total counter\nsample_app_scrapes_total");
};

/** 100 kB on the wire that are 100 MB of metrics. */
function hostile(): RequestListener {
  const sample = `bomb{padding="${"x".repeat(1000)}"} 1\n`;
  const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024, sample));
  return (_request, response) => {
    response.writeHead(200, { ...textType, "content-encoding": "gzip" }).end(bomb);
  };
}

export async function startSamplePods(): Promise<SamplePod[]> {
  return Promise.all([
    startPod("web-6f7c9d5b8-4xk2p", "127.0.10.1", healthy()),
    startPod("web-6f7c9d5b8-9qjzm", "127.0.10.2", healthy()),
    startPod("web-6f7c9d5b8-broken", "127.0.10.3", broken, "parse"),
    startPod("web-6f7c9d5b8-c8w7t", "127.0.10.4", healthy()),
    startPod("web-6f7c9d5b8-hostile", "127.0.10.5", hostile(), "too_large"),
    startPod("web-6f7c9d5b8-slow", "127.0.10.6", slow, "timeout"),
  ]);
}

async function startPod(
  name: string,
  ip: string,
  answer: RequestListener,
  fails?: string,
): Promise<SamplePod> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new Error(
          `Cannot start the sample pod on ${ip}: every address of 127.0.0.0/8 is needed, as on Linux`,
          { cause },
        ),
      ),
    );
    server.listen(0, ip, resolve);
  });
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { name, ip, port: (server.address() as AddressInfo).port, fails, stop };
}

/** The pods as `kubectl get pods -A -o json` would print them. */
export function podList(pods: readonly SamplePod[]): string {
  const items = pods.map(({ name, ip, port }, index) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "demo",
      uid: `00000000-0000-4000-8000-00000000000${index}`,
      labels: { app: "web" },
      annotations: { "prometheus.io/port": String(port) },
    },
    spec: {
      nodeName: "node-1",
      containers: [{ name: "web", ports: [{ name: "metrics", containerPort: port }] }],
    },
    status: {
      phase: "Running",
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  }));
  return `${JSON.stringify({ apiVersion: "v1", kind: "List", items }, null, 2)}\n`;
}
