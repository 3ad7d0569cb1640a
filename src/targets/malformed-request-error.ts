// The one error for a request whose text is not well formed: it names the part that was refused. Status 400.
// Never says anything of the cluster: it is raised before any pod or access rule is looked at.

/** Which part of a request was malformed. */
export type RequestPart =
  | "path"
  | "query"
  | "namespace"
  | "prefix"
  | "port"
  | "scheme"
  | "ip"
  | "uid"
  | "flag"
  | "selector"
  | "workload"
  | "container"
  | "shard";

type RequestLimit =
  | "path_length"
  | "query_length"
  | "upstream_ports"
  | "selector_length"
  | "request_namespaces"
  | "family_filter";

/** The message is one line of visible ASCII and may be shown to the caller. */
export class MalformedRequestError extends Error {
  override readonly name = "MalformedRequestError";
  readonly part: RequestPart;
  /** The limit that the part exceeds, if it is refused for its length. */
  readonly limit: RequestLimit | undefined;

  constructor(
    part: RequestPart,
    message: string,
    options?: ErrorOptions & { limit?: RequestLimit | undefined },
  ) {
    super(message, options);
    this.part = part;
    this.limit = options?.limit;
  }
}
