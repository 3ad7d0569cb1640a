// Reads a request to `/mproxy/{namespace}/{prefix}/{path…}`: text in, parsed values out. Never decides what is allowed.
import { parseLabelSelector } from "../../targets/label-selector.ts";
import { MalformedRequestError } from "../../targets/malformed-request-error.ts";
import { parseNamespace } from "../../targets/namespace.ts";
import { parsePodPrefix } from "../../targets/pod-prefix.ts";
import { parsePortReference } from "../../targets/port.ts";
import { parseQuery, takeReserved } from "../../targets/query.ts";
import { parseFlag } from "../../targets/scheme.ts";
import type { PodSelection } from "../../targets/select-pods.ts";
import { HttpError } from "../http-error.ts";
import type { CheckedTarget } from "../request-guard.ts";

/** Each port is another target for every pod: more of them in one request would be a port scan. */
const maxPorts = 8;

export interface MergeRequest {
  /** The path at the pods, without query: what METRICS_PATH_WHITELIST is about. */
  readonly metricsPath: string;
  readonly selection: PodSelection;
  /** Patterns on the names of metric families, as they came: FamilyPatterns reads them. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
}

/** Throws MalformedRequestError, and HttpError 404 when a part of the path is missing. */
export function parseMergeRequest({ path, rawQuery, prefix }: CheckedTarget): MergeRequest {
  const [, namespaceText = "", prefixText = "", ...rest] = path.segments;
  const metricsPath = `/${rest.join("/")}`;
  if (metricsPath === "/") {
    throw new HttpError(
      404,
      `Cannot find this path: it has to be ${prefix}/mproxy/<namespace>/<pod name prefix>/<metrics path>`,
    );
  }
  const { values, forwarded } = takeReserved(parseQuery(rawQuery), {
    upstreamPort: "many",
    ssl: "once",
    selector: "once",
    ready: "once",
    include: "many",
    exclude: "many",
  });
  if (values.upstreamPort.length > maxPorts) {
    throw new MalformedRequestError(
      "port",
      `Cannot read "upstreamPort": it is given ${values.upstreamPort.length} times, at most ${maxPorts} are taken`,
      { limit: "upstream_ports" },
    );
  }
  const { selector } = values;
  return {
    metricsPath,
    include: values.include,
    exclude: values.exclude,
    selection: {
      namespace: parseNamespace(namespaceText),
      prefix: parsePodPrefix(prefixText, { hasSelector: selector !== undefined }),
      selector: selector === undefined ? undefined : parseLabelSelector(selector),
      readyOnly: parseFlag("ready", values.ready),
      ports: values.upstreamPort.map((port) => parsePortReference(port)),
      tls: parseFlag("ssl", values.ssl),
      path: forwarded === "" ? metricsPath : `${metricsPath}?${forwarded}`,
    },
  };
}
