// The answers that are no pods, word for word as kube-apiserver (1.20) writes them: Status objects with their reasons,
// details and headers.

/** One complete answer. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export interface StatusFields {
  readonly message: string;
  readonly reason?: string;
  readonly code: number;
  readonly details?: { readonly retryAfterSeconds?: number; readonly [field: string]: unknown };
  /** Of the metadata: how to go on with a list whose continue token is too old. */
  readonly continueToken?: string;
}

const reasons: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  409: "Conflict",
  410: "Expired",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

export function statusObject(o: StatusFields): object {
  const reason = o.reason ?? reasons[o.code];
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: o.continueToken === undefined ? {} : { continue: o.continueToken },
    status: "Failure",
    message: o.message,
    ...(reason === undefined ? {} : { reason }),
    ...(o.details === undefined ? {} : { details: o.details }),
    code: o.code,
  };
}

export function statusAnswer(o: StatusFields): Answer {
  const seconds = o.details?.retryAfterSeconds ?? 0;
  return jsonAnswer(statusObject(o), {
    status: o.code,
    ...(seconds > 0 && { headers: { "retry-after": String(seconds) } }),
  });
}

export function jsonAnswer(
  document: object,
  o: { status?: number; headers?: Readonly<Record<string, string>> } = {},
): Answer {
  return {
    status: o.status ?? 200,
    headers: { "content-type": "application/json", ...o.headers },
    body: `${JSON.stringify(document)}\n`,
  };
}

export function unauthorized(): Answer {
  return statusAnswer({ code: 401, message: "Unauthorized" });
}

export function forbidden(o: { user: string; verb: string; namespace: string }): Answer {
  const where = o.namespace === "" ? "at the cluster scope" : `in the namespace "${o.namespace}"`;
  const message = `pods is forbidden: User "${o.user}" cannot ${o.verb} resource "pods" in API group "" ${where}`;
  return statusAnswer({ code: 403, message, details: { kind: "pods" } });
}

/** What the limit of requests in flight answers: no Status, plain text. */
export function tooManyRequests(retryAfterSeconds: number): Answer {
  return {
    status: 429,
    headers: { "content-type": "text/plain; charset=utf-8", "retry-after": String(retryAfterSeconds) },
    body: "Too many requests, please try again later.\n",
  };
}

/** The server is behind the resource version that was asked for: a replica that lags, or a restored backup. */
export function tooLargeResourceVersion(requested: number | string, current: number): Answer {
  return statusAnswer({
    code: 504,
    message: `Timeout: Too large resource version: ${requested}, current: ${current}`,
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

/** What stands in front of an API server says this when it has none to go to. */
export function htmlAnswer(status: number): Answer {
  return {
    status,
    headers: { "content-type": "text/html" },
    body: "<html>\r\n<head><title>Bad Gateway</title></head>\r\n<body>no server</body>\r\n</html>\r\n",
  };
}

export function redirectTo(location: string, status: 301 | 302 | 303 | 307 | 308 = 302): Answer {
  return { status, headers: { location }, body: "" };
}
