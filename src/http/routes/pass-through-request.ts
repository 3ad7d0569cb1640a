// Reads a request to `/kubesd/{path…}`: text in, parsed values out. Never decides what is allowed.
import { parseIpLiteral } from "../../targets/ip-ranges.ts";
import { MalformedRequestError } from "../../targets/malformed-request-error.ts";
import { parsePodUid } from "../../targets/pod-uid.ts";
import { requirePortNumber } from "../../targets/port.ts";
import { parseQuery, takeReserved } from "../../targets/query.ts";
import { quote } from "../../targets/quote.ts";
import { parseScheme } from "../../targets/scheme.ts";
import type { AddressSelection } from "../../targets/select-address.ts";
import { HttpError } from "../http-error.ts";
import type { CheckedTarget } from "../request-guard.ts";

export interface PassThroughRequest {
  /** The path at the pod, without query: what METRICS_PATH_WHITELIST is about. */
  readonly metricsPath: string;
  readonly selection: AddressSelection;
}

/** Throws MalformedRequestError, and HttpError 404 when there is no metrics path. */
export function parsePassThroughRequest({ path, rawQuery, prefix }: CheckedTarget): PassThroughRequest {
  const metricsPath = `/${path.segments.slice(1).join("/")}`;
  if (metricsPath === "/") {
    throw new HttpError(404, `Cannot find this path: it has to be ${prefix}/kubesd/<metrics path>`);
  }
  const { values, forwarded } = takeReserved(parseQuery(rawQuery), {
    pod: "once",
    target_port: "once",
    target_scheme: "once",
    target_uid: "once",
  });
  return {
    metricsPath,
    selection: {
      ip: requireIp(values.pod),
      port: requirePortNumber(values.target_port),
      tls: parseScheme(values.target_scheme),
      uid: parsePodUid(values.target_uid),
      path: forwarded === "" ? metricsPath : `${metricsPath}?${forwarded}`,
    },
  };
}

function requireIp(text: string | undefined): string {
  const ip = text === undefined ? undefined : parseIpLiteral(text);
  if (ip !== undefined) return ip;
  throw new MalformedRequestError(
    "ip",
    text === undefined
      ? "Cannot read address: the parameter pod is missing"
      : `Cannot read address ${quote(text)}: not an IP address in its canonical spelling`,
  );
}
