// Reads a request to `/sd`: text in, parsed values out. Never decides what is allowed, and never passes over a parameter that it
// does not know: misspelt, it would silently select other pods.
import { type DiscoverySelection, parseMetricsPath } from "../../targets/discover-targets.ts";
import { MalformedRequestError } from "../../targets/malformed-request-error.ts";
import { type Namespaces, parseNamespaces } from "../../targets/namespace.ts";
import { parsePodFilter, podFilterParameters } from "../../targets/pod-filter.ts";
import { parsePodPrefix } from "../../targets/pod-prefix.ts";
import { parsePortReferences } from "../../targets/port.ts";
import { parseQuery, takeReserved } from "../../targets/query.ts";
import { parseScheme } from "../../targets/scheme.ts";
import { parseShard } from "../../targets/shard.ts";
import { quote } from "../../targets/quote.ts";
import type { CheckedTarget } from "../request-guard.ts";

export interface DiscoveryRequest {
  /** Undefined: every namespace that is configured. */
  readonly namespaces: Namespaces | undefined;
  readonly selection: Omit<DiscoverySelection, "namespaces">;
}

const parameters = {
  ...podFilterParameters,
  namespace: "many",
  prefix: "once",
  port: "many",
  path: "once",
  scheme: "once",
  shard: "once",
} as const;

/** Throws MalformedRequestError. */
export function parseDiscoveryRequest({ rawQuery }: Pick<CheckedTarget, "rawQuery">): DiscoveryRequest {
  const query = parseQuery(rawQuery);
  const { values } = takeReserved(query, parameters);
  const unknown = query.pairs.find(({ name }) => !Object.hasOwn(parameters, name));
  if (unknown !== undefined) {
    const known = Object.keys(parameters).sort().join(", ");
    throw new MalformedRequestError(
      "query",
      `Cannot read request query: /sd knows no parameter ${quote(unknown.name)}, only ${known}`,
    );
  }
  const { namespace, prefix = "", path, scheme, shard } = values;
  return {
    namespaces: namespace.length === 0 ? undefined : parseNamespaces(namespace),
    selection: {
      prefix: prefix === "" ? "" : parsePodPrefix(prefix, { mayBeAny: true }),
      filter: parsePodFilter(values),
      ports: values.port.length === 0 ? [] : parsePortReferences(values.port),
      path: path === undefined ? undefined : parseMetricsPath(path),
      tls: scheme === undefined ? undefined : parseScheme(scheme),
      shard: shard === undefined ? undefined : parseShard(shard),
    },
  };
}
