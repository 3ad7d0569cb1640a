// The job for `/mproxy`: one target whose samples are those of all pods.
import type { ExternalUrl } from "../config/address-kinds.ts";
import { parseRequestPath } from "../targets/path.ts";
import { orNothing, proxyClient } from "./client-settings.ts";
import type { FlagValues } from "./flags.ts";
import { type Block, Noted } from "./noted.ts";

/** Throws MalformedRequestError when the proxy would not take the path. */
export function mproxyJob(values: FlagValues, url: ExternalUrl): Block {
  const { namespace = [], selector, workload, container, port, scheme, ready, annotated } = values;
  // In a path Prometheus writes an asterisk as an escape.
  const namespaces = namespace === "*" ? "-" : namespace.join(",");
  const prefix = values.prefix === undefined || values.prefix === "" ? "-" : values.prefix;
  const path = `${url.pathPrefix}/mproxy/${namespaces}/${prefix}${values.path ?? "/metrics"}`;
  return {
    scheme: url.scheme,
    metrics_path: parseRequestPath(path).text,
    params: orNothing({
      upstreamPort: port?.map(String),
      ssl: scheme === undefined ? undefined : [String(scheme === "https")],
      selector: selector === undefined ? undefined : [selector],
      workload,
      container,
      ready: ready ? ["true"] : undefined,
      annotated: annotated ? ["true"] : undefined,
    }),
    ...proxyClient(values),
    static_configs: new Noted(
      "One target is all pods: `up` tells of the proxy, k8s_prometheus_proxy_pod_up of each pod.",
      [{ targets: [url.host] }],
    ),
  };
}
