// Reads a request to `/mproxy/{namespace}/{prefix}/{path…}`: text in, parsed values out. Never decides what is allowed.
import { parseNamespaces } from "../../targets/namespace.ts";
import { parsePodFilter, podFilterParameters, saysWhichPods } from "../../targets/pod-filter.ts";
import { parsePodPrefix } from "../../targets/pod-prefix.ts";
import { parsePortReferences } from "../../targets/port.ts";
import { parseQuery, takeReserved } from "../../targets/query.ts";
import { parseFlag } from "../../targets/scheme.ts";
import type { PodSelection } from "../../targets/select-pods.ts";
import { HttpError } from "../http-error.ts";
import type { CheckedTarget } from "../request-guard.ts";

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
    ...podFilterParameters,
    upstreamPort: "many",
    port: "many",
    ssl: "once",
    include: "many",
    exclude: "many",
  });
  const filter = parsePodFilter(values);
  return {
    metricsPath,
    include: values.include,
    exclude: values.exclude,
    selection: {
      namespaces: parseNamespaces([namespaceText]),
      prefix: parsePodPrefix(prefixText, { mayBeAny: saysWhichPods(filter) }),
      filter,
      ports: parsePortReferences([...values.upstreamPort, ...values.port]),
      tls: values.ssl === undefined ? undefined : parseFlag("ssl", values.ssl),
      path: forwarded === "" ? metricsPath : `${metricsPath}?${forwarded}`,
    },
  };
}
