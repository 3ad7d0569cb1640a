// The guards behind the ten design rules of SECURITY.md: where each stands, what the code is without it, and the test that
// then fails. `npm run guards` takes them away one at a time; a unit test holds the places and SECURITY.md to this table.

/** The rules, in the order of SECURITY.md. */
export const designRules = [
  "What a caller names must be a pod that is known",
  "Pods are dialled by address and port",
  "Paths are bytes, matched as they are sent",
  "Queries are flat lists of pairs",
  "A request to a pod is made from nothing",
  "Bodies of callers are never read",
  "A connection belongs to one pod and one request",
  "Bodies of pods are parsed, not spliced",
  "Everything that grows has a limit",
  "The client of the API server stands apart",
] as const;

export interface Guard {
  /** 1 to 10. */
  readonly rule: number;
  /** What it holds back. */
  readonly against: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly guard: string;
  readonly without: string;
  readonly test: { readonly project: "unit" | "e2e"; readonly file: string; readonly name: string };
}

const unit = (file: string, name: string): Guard["test"] => ({ project: "unit", file, name });
const e2e = (file: string, name: string): Guard["test"] => ({ project: "e2e", file, name });

export const guards: readonly Guard[] = [
  {
    rule: 1,
    against: "an address that no running pod has",
    file: "src/targets/access-policy.ts",
    guard: "if (!this.requirePod || holders.some((pod) => isRunning(pod))) return undefined;",
    without: "return undefined;",
    test: unit("src/targets/access-policy.test.ts", "checkHolders() goes by KUBESD_REQUIRE_POD"),
  },
  {
    rule: 1,
    against: "the address of a pod in a namespace that is not allowed",
    file: "src/targets/access-policy.ts",
    guard: "holders.some(({ namespace }) => this.checkNamespace(namespace) !== undefined)",
    without: "false",
    test: unit("src/targets/access-policy.test.ts", "checkHolders() goes by KUBESD_REQUIRE_POD"),
  },
  {
    rule: 1,
    against: "another spelling of an address",
    file: "src/targets/ip-ranges.ts",
    guard: "return address.toString() === text && !address.isIPv4MappedAddress() ? text : undefined;",
    without: "return text;",
    test: unit("src/targets/ip-ranges.test.ts", "refuses every other spelling"),
  },
  {
    rule: 1,
    against: "an address outside CIDR_WHITELIST",
    file: "src/targets/access-policy.ts",
    guard: "if (this.#ranges.allows(ip)) return undefined;",
    without: "if (ip !== undefined) return undefined;",
    test: unit("src/targets/access-policy.test.ts", "checkIp() goes by CIDR_WHITELIST"),
  },
  {
    rule: 2,
    against: "a name in place of an address",
    file: "src/scrape/pod-socket.ts",
    guard: 'isIP(host) === 0 || host.includes("%")',
    without: "false",
    test: unit("src/scrape/pod-socket.test.ts", 'refuses {"ip":"localhost"}'),
  },
  {
    rule: 2,
    against: "a redirect handed on to the scraper",
    file: "src/scrape/pass-through.ts",
    guard: "if (status < 400 && status >= 300) {",
    without: "if (status < 0) {",
    test: unit("src/scrape/pass-through.test.ts", "does not pass the redirect 302 on"),
  },
  {
    rule: 3,
    against: "escapes and other characters that two programs read differently",
    file: "src/targets/path.ts",
    guard: "if (!acceptedPath.test(raw)) {",
    without: "if (raw.length < 0) {",
    test: unit("src/targets/path.test.ts", "refuses every path that two programs could read differently"),
  },
  {
    rule: 3,
    against: "segments that servers take away",
    file: "src/targets/path.ts",
    guard: "if (segments.some((segment) => onlyDots.test(segment)))",
    without: "if (segments.length < 0)",
    test: unit("src/targets/path.test.ts", "refuses every path that two programs could read differently"),
  },
  {
    rule: 3,
    against: "a pattern that matches only a part, with METRICS_PATH_MATCH=full",
    file: "src/targets/path-patterns.ts",
    guard: "pattern.testExact(path)",
    without: "pattern.test(path)",
    test: unit("src/targets/path-patterns.test.ts", "match anywhere in the path, or the whole of it"),
  },
  {
    rule: 4,
    against: "a parameter of the proxy that stands twice",
    file: "src/targets/query.ts",
    guard: 'if (values.length > 0 && spec[pair.name] === "once")',
    without: "if (values.length < 0)",
    test: unit("src/targets/query.test.ts", "refuses reserved parameters that are doubled"),
  },
  {
    rule: 4,
    against: "the array syntax of other parsers",
    file: "src/targets/query.ts",
    guard: 'if (pair.name.includes("["))',
    without: 'if (pair.name === "[")',
    test: unit("src/targets/query.test.ts", "refuses reserved parameters that are doubled"),
  },
  {
    rule: 5,
    against: "a header too many",
    file: "src/scrape/upstream-request.ts",
    guard: "this.#headers = Object.entries(headers).flat();",
    without: 'this.#headers = [...Object.entries(headers).flat(), "x-forwarded-for", "192.0.2.1"];',
    test: unit("src/scrape/upstream-request.test.ts", "sends these bytes and no others"),
  },
  {
    rule: 5,
    against: "the caller's credentials",
    file: "src/http/scrape-admission.ts",
    guard: "forwardAuthorization && authorization !== undefined",
    without: "authorization !== undefined",
    test: e2e("test/e2e/http/authorization.test.ts", "by default no pod sees it"),
  },
  {
    rule: 6,
    against: "a body of a given length",
    file: "src/http/request-guard.ts",
    guard: 'if (length !== undefined && length !== "0")',
    without: 'if (length === "")',
    test: unit("src/http/listener.test.ts", "listener answers 400 to"),
  },
  {
    rule: 6,
    against: "a body in chunks",
    file: "src/http/request-guard.ts",
    guard: 'if (headers["transfer-encoding"] !== undefined)',
    without: 'if (headers["transfer-encoding"] === "")',
    test: unit("src/http/listener.test.ts", "listener answers 400 to"),
  },
  {
    rule: 6,
    against: "versions of HTTP that are not spoken",
    file: "src/http/request-guard.ts",
    guard: 'if (httpVersion !== "1.1" && httpVersion !== "1.0")',
    without: 'if (httpVersion === "")',
    test: e2e("test/e2e/http/guards.test.ts", "400 to HTTP/2.0 in the request line"),
  },
  {
    rule: 6,
    against: "a second Host",
    file: "src/http/request-guard.ts",
    guard: "if (hosts > 1 || ",
    without: "if (",
    test: e2e("test/e2e/http/guards.test.ts", "400 to two Hosts"),
  },
  {
    rule: 6,
    against: "a connection that goes on after a refusal",
    file: "src/http/request-guard.ts",
    guard: "{ closeConnection: true }",
    without: "{ closeConnection: false }",
    test: e2e("test/e2e/http/guards.test.ts", "400 to a request behind a body"),
  },
  {
    rule: 7,
    against: "the connection of a pod that had the address before",
    file: "src/scrape/pod-connections.ts",
    guard: "JSON.stringify(pod === undefined ? candidates : [pod.uid])",
    without: '""',
    test: unit(
      "src/scrape/pod-connections.test.ts",
      "never hands one pod's connection to another pod at the same address",
    ),
  },
  {
    rule: 7,
    against: "the rest of a response that was broken off",
    file: "src/scrape/upstream-request.ts",
    guard: "if (this.#connection !== undefined) this.#connections.destroy(this.#connection);",
    without: "if (this.#connection !== undefined) this.#connections.giveBack(this.#connection);",
    test: unit("src/scrape/scrape-pod.test.ts", "loses a bad pod's connection, and keeps a good one's"),
  },
  {
    rule: 8,
    against: "the good part of a bad body",
    file: "src/scrape/scrape-pod.ts",
    guard: "if (!(error instanceof ExpositionError)) {",
    without: "if (error instanceof ExpositionError) return;\n    if (!(error instanceof ExpositionError)) {",
    test: e2e("test/e2e/http/hostile-pods.test.ts", "the pod"),
  },
  {
    rule: 9,
    against: "a small body that is huge once it is decompressed",
    file: "src/scrape/scrape-pod.ts",
    guard: "if (this.#bodyBytes > this.#options.maxBodyBytes) return",
    without: "if (this.#bodyBytes < 0) return",
    test: unit("src/scrape/scrape-pod.test.ts", "cut a gzip bomb after the limit, not after the bomb"),
  },
  {
    rule: 9,
    against: "a compressed body that never becomes any",
    file: "src/scrape/scrape-pod.ts",
    guard: "if (this.#wireBytes > this.#options.maxBodyBytes) return",
    without: "if (this.#wireBytes < 0) return",
    test: unit("src/scrape/scrape-pod.test.ts", "refuses endless empty gzip members"),
  },
  {
    rule: 9,
    against: "an endless answer on the wire",
    file: "src/scrape/response-filter.ts",
    guard: "socket.bytesRead - this.#wireBytesBefore > this.#maxWireBytes",
    without: "socket.bytesRead < 0",
    test: unit("src/scrape/upstream-request.test.ts", "UpstreamRequest and an answer without end"),
  },
  {
    rule: 9,
    against: "more memory for bodies than MAX_BUFFERED_BYTES",
    file: "src/scrape/buffer-budget.ts",
    guard: "while (this.#heldBytes > this.#maxBytes && lease.shed()) {",
    without: "while (this.#heldBytes < 0 && lease.shed()) {",
    test: unit("src/scrape/buffer-budget.test.ts", "never holds more than the limit after a step"),
  },
  {
    rule: 10,
    against: "an API server that cannot be verified",
    file: "src/discovery/kubernetes/api-transport.ts",
    guard: "rejectUnauthorized: true,",
    without: "rejectUnauthorized: false,",
    test: unit("src/discovery/kubernetes/api-client.test.ts", "the server"),
  },
  {
    rule: 10,
    against: "a setting for pods that weakens it",
    file: "src/main.ts",
    guard: 'delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];',
    without: "",
    test: e2e("test/e2e/http/upstream-tls.test.ts", "NODE_TLS_REJECT_UNAUTHORIZED=0: any certificate"),
  },
];
