// The listener for the cluster: own metrics and health checks. Never exposed outside, never scrapes a pod.
import type { PodStore } from "../discovery/pod-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { Listener } from "./listener.ts";

export interface Readiness {
  readonly ready: boolean;
  /** One line: why it is not ready, or that it is. */
  readonly text: string;
}

export interface MetricsListenerOptions {
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, "render" | "setPods">;
  readonly pods: Pick<PodStore, "countByNamespace">;
  readonly readiness: () => Readiness;
}

export function createMetricsListener({
  logger,
  metrics,
  pods,
  readiness,
}: MetricsListenerOptions): Listener {
  const listener = new Listener({ logger });
  const { app } = listener;
  app.get("/metrics", async (_request, reply) => {
    metrics.setPods(pods.countByNamespace());
    const { contentType, body } = await metrics.render();
    return reply.headers({ "content-type": contentType, "cache-control": "no-store" }).send(body);
  });
  app.get("/-/healthy", (_request, reply) => reply.headers(textHeaders).send("The proxy is alive\n"));
  app.get("/-/ready", (_request, reply) => {
    const { ready, text } = readiness();
    return reply
      .code(ready ? 200 : 503)
      .headers(textHeaders)
      .send(`${text}\n`);
  });
  return listener;
}

const textHeaders = {
  "content-type": "text/plain; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};
