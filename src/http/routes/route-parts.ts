// What every route that reaches pods works with.
import type { Config } from "../../config/parse-config.ts";
import type { PodSource } from "../../discovery/pod-source.ts";
import type { PodStore } from "../../discovery/pod-store.ts";
import type { AccessPolicy } from "../../targets/access-policy.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

export interface RouteParts {
  readonly config: Config;
  readonly pods: PodStore;
  readonly podSource: Pick<PodSource, "hold">;
  readonly policy: AccessPolicy;
  readonly metrics: Metrics;
  readonly logger: Logger;
}
