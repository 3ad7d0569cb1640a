// The main listener with all its real guards, a store of pods of which some may be scraped, and nothing behind them: what would be
// dialled is noted down instead.
import { parseConfig } from "../../../src/config/parse-config.ts";
import { type Pod, readPod } from "../../../src/discovery/pod.ts";
import { PodStore } from "../../../src/discovery/pod-store.ts";
import { Authenticator } from "../../../src/http/authentication/authenticator.ts";
import { createMainListener } from "../../../src/http/main-listener.ts";
import { BufferBudget } from "../../../src/scrape/buffer-budget.ts";
import { AccessPolicy, type Refusal } from "../../../src/targets/access-policy.ts";
import type { Target } from "../../../src/targets/target.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { requestInProcess } from "./in-process-request.ts";

export interface GuardedListener extends AsyncDisposable {
  /** Resolves with the status. */
  request(target: string): Promise<number>;
  /** What would have been dialled since this was read last. */
  takeDialled(): readonly Target[];
  /** The path that the patterns were matched against last. */
  readonly matchedPath: string | undefined;
}

export interface GuardedListenerOptions {
  /** Variables of the configuration. */
  readonly env: Readonly<Record<string, string>>;
  readonly pods: readonly Pod[];
}

export interface PodDescription {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly ips: readonly string[];
  readonly phase?: string;
  readonly ports?: Readonly<Record<string, number>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function describedPod(o: PodDescription): Pod {
  return readPod({
    metadata: {
      uid: o.uid,
      namespace: o.namespace,
      name: o.name,
      labels: { app: "web", tier: "2" },
      annotations: o.annotations ?? {},
    },
    spec: {
      containers: [
        {
          name: "main",
          ports: Object.entries(o.ports ?? {}).map(([name, containerPort]) => ({ name, containerPort })),
        },
      ],
    },
    status: { phase: o.phase ?? "Running", podIP: o.ips[0], podIPs: o.ips.map((ip) => ({ ip })) },
  }) as Pod;
}

export async function startGuardedListener({ env, pods }: GuardedListenerOptions): Promise<GuardedListener> {
  const version = "0.0.0-test";
  const parsed = parseConfig({ argv: [], env: { ...env }, memoryLimitBytes: undefined, version });
  if (parsed.kind !== "config") throw new Error(`Cannot configure the listener: ${JSON.stringify(parsed)}`);
  const { config } = parsed;
  const store = new PodStore();
  store.replace(pods);
  const metrics = createMetrics({ version });
  let dialled: Target[] = [];
  let matchedPath: string | undefined;
  class RecordingPolicy extends AccessPolicy {
    override checkPath(path: string): Refusal | undefined {
      matchedPath = path;
      return super.checkPath(path);
    }
  }
  const { listener } = createMainListener({
    config,
    authenticator: new Authenticator({ basic: undefined, tokens: undefined, kubernetes: undefined }),
    version,
    pods: store,
    podSource: { hold: () => Promise.resolve({ release() {} }) },
    policy: new RecordingPolicy(config),
    budget: new BufferBudget({ maxBytes: 1e9, metrics }),
    showsAnnotation: () => false,
    scraper: {
      expectedBytes: () => 0,
      scrape: (targets) => {
        dialled.push(...targets);
        return Promise.resolve({
          outcomes: targets.map((target) => ({
            target,
            durationSeconds: 0,
            up: false,
            reason: "connect",
            detail: "not dialled",
          })),
          release() {},
        });
      },
    },
    passThrough: {
      open: (target) => {
        dialled.push(target);
        return Promise.resolve({ failed: true, reason: "connect", detail: "not dialled" });
      },
    },
    metrics,
    web: undefined,
    // As in a program whose log nobody reads: lines are formed and dropped.
    logger: createLogger({ level: "info", format: "json", destination: { write: () => undefined } }),
  });
  await listener.app.ready();
  return {
    request: (target) => requestInProcess(listener.app.server, target),
    takeDialled() {
      const taken = dialled;
      dialled = [];
      return taken;
    },
    get matchedPath() {
      return matchedPath;
    },
    [Symbol.asyncDispose]: () => listener.close({ graceMs: 0 }),
  };
}
