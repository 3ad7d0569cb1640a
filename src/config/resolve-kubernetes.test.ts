import { expect, test } from "vitest";
import { parseConfig } from "./parse-config.ts";

function parse(env: Readonly<Record<string, string>>, argv: readonly string[] = []) {
  return parseConfig({
    argv,
    env: { CIDR_WHITELIST: "10.0.0.0/8", METRICS_PATH_WHITELIST: "^/metrics$", ...env },
    memoryLimitBytes: undefined,
    version: "1",
  });
}

function kubernetesOf(env: Readonly<Record<string, string>>, argv: readonly string[] = []) {
  const parsed = parse(env, argv);
  if (parsed.kind !== "config") throw new Error(`no config: ${JSON.stringify(parsed)}`);
  return parsed.config.kubernetes;
}

function problemsOf(env: Readonly<Record<string, string>>) {
  const parsed = parse(env);
  return parsed.kind === "problems" ? parsed.problems : [];
}

const inPod = { KUBERNETES_SERVICE_HOST: "10.96.0.1" };

test("in a pod, the API server, the token and the authority are where Kubernetes puts them", () => {
  expect(kubernetesOf(inPod)).toEqual({
    api: { origin: "https://10.96.0.1", pathPrefix: "" },
    token: { file: "/var/run/secrets/kubernetes.io/serviceaccount/token" },
    caFile: "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
    caRequired: false,
    namespaces: [],
    maxPodListAgeMs: 3_600_000,
  });
});

test.for([
  [{ KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "6443" }, "https://10.96.0.1:6443"],
  [{ KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" }, "https://[fd00::1]:6443"],
  [{ KUBERNETES_SERVICE_HOST: "api.example", KUBERNETES_SERVICE_PORT: "443" }, "https://api.example"],
  [{ ...inPod, KUBERNETES_API_URL: "https://other.example:6443" }, "https://other.example:6443"],
] as const)("the API server of %j is %s", ([env, origin]) => {
  expect(kubernetesOf(env)?.api.origin).toBe(origin);
});

test("K8S_GLOBAL_TOKEN beats TOKEN_FILE", () => {
  const both = { ...inPod, K8S_GLOBAL_TOKEN: "abc", TOKEN_FILE: "/token" };
  expect(kubernetesOf(both)?.token).toEqual({ value: "abc" });
  expect(kubernetesOf({ ...inPod, TOKEN_FILE: "/token" })?.token).toEqual({ file: "/token" });
  // But a flag beats a variable.
  expect(kubernetesOf(both, ["--token-file=/flag"])?.token).toEqual({ file: "/flag" });
  expect(kubernetesOf(both, ["--token-file=/flag", "--k8s-global-token=x"])?.token).toEqual({ value: "x" });
});

test("over http no token is sent, and a warning says so where one was given", () => {
  const http = { KUBERNETES_API_URL: "http://127.0.0.1:8001" };
  expect(kubernetesOf({ ...http, K8S_GLOBAL_TOKEN: "abc" })?.token).toBeUndefined();
  const warnings = (env: Record<string, string>) => {
    const parsed = parse(env);
    return parsed.kind === "config" ? parsed.warnings.filter((text) => text.includes("not sent")) : [];
  };
  expect(warnings(http)).toEqual([]);
  expect(warnings({ ...http, K8S_GLOBAL_TOKEN: "abc" })).toEqual([
    "K8S_GLOBAL_TOKEN is not sent: KUBERNETES_API_URL is not https",
  ]);
  expect(warnings({ ...http, TOKEN_FILE: "/token" })).toEqual([
    "TOKEN_FILE is not sent: KUBERNETES_API_URL is not https",
  ]);
});

test("over http no authority is read, and a warning says so where one was given", () => {
  const http = { KUBERNETES_API_URL: "http://127.0.0.1:8001", K8S_CACERT: "/absent" };
  expect(kubernetesOf(http)).toMatchObject({ caFile: undefined, caRequired: false });
  const parsed = parse(http);
  expect(parsed.kind === "config" && parsed.warnings).toContain(
    "K8S_CACERT has no effect: KUBERNETES_API_URL is not https",
  );
});

test("of two addresses of the API server, the one that is a flag counts", () => {
  const url = { ...inPod, KUBERNETES_API_URL: "https://other.example:6443" };
  const host = "--kubernetes-service-host=10.0.0.9";
  expect(kubernetesOf(url, [host])?.api.origin).toBe("https://10.0.0.9");
  expect(kubernetesOf(inPod, [host, "--kubernetes-api-url=https://a.example"])?.api.origin).toBe(
    "https://a.example",
  );
});

test("a K8S_CACERT that was set has to be there", () => {
  expect(kubernetesOf({ ...inPod, K8S_CACERT: "/ca.crt" })).toMatchObject({
    caFile: "/ca.crt",
    caRequired: true,
  });
});

test.for([
  [{ WATCH_NAMESPACES: "a,b" }, ["a", "b"]],
  [{ WATCH_NAMESPACES: "*" }, "*"],
  [{ NAMESPACE_WHITELIST: "c" }, []],
  [{ NAMESPACE_WHITELIST: "c", KUBESD_REQUIRE_POD: "true" }, ["c"]],
  [{ NAMESPACE_WHITELIST: "c", KUBESD_REQUIRE_POD: "true", WATCH_NAMESPACES: "c,d" }, ["c", "d"]],
] as const)("with %j, %j are watched from the start", ([env, namespaces]) => {
  expect(kubernetesOf({ ...inPod, ...env })?.namespaces).toEqual(namespaces);
});

test("KUBESD_REQUIRE_POD needs namespaces that are watched from the start, but not with PODS_FILE", () => {
  expect(problemsOf({ ...inPod, KUBESD_REQUIRE_POD: "true" })).toEqual([
    expect.stringMatching(/^Cannot use KUBESD_REQUIRE_POD: .* WATCH_NAMESPACES or NAMESPACE_WHITELIST/),
  ]);
  expect(problemsOf({ PODS_FILE: "pods.json", KUBESD_REQUIRE_POD: "true" })).toEqual([]);
});

test("PODS_FILE replaces the Kubernetes API, and contradicts what only the API can do", () => {
  expect(kubernetesOf({ ...inPod, PODS_FILE: "pods.json" })).toBeUndefined();
  const contradicting = {
    PODS_FILE: "pods.json",
    KUBERNETES_API_URL: "http://127.0.0.1:8001",
    WATCH_NAMESPACES: "a",
  };
  expect(problemsOf(contradicting)).toEqual([
    expect.stringMatching(/^Cannot use KUBERNETES_API_URL: got "http:.*PODS_FILE/),
    expect.stringMatching(/^Cannot use WATCH_NAMESPACES: got "a".*PODS_FILE/),
  ]);
});

test("KUBERNETES_AUTH implies KUBESD_REQUIRE_POD, and needs what that needs", () => {
  const parsed = parse({ ...inPod, KUBERNETES_AUTH: "true", NAMESPACE_WHITELIST: "a" });
  expect(parsed).toMatchObject({
    config: { kubesdRequirePod: true, kubernetes: { namespaces: ["a"] } },
  });
  expect(problemsOf({ ...inPod, KUBERNETES_AUTH: "true" })).toEqual([
    expect.stringMatching(/^Cannot use KUBERNETES_AUTH: .* WATCH_NAMESPACES or NAMESPACE_WHITELIST/),
  ]);
});

test("KUBERNETES_AUTH asks no file, and sends no token of a caller in clear text", () => {
  expect(problemsOf({ PODS_FILE: "pods.json", KUBERNETES_AUTH: "true" })).toEqual([
    expect.stringMatching(/^Cannot use KUBERNETES_AUTH: PODS_FILE/),
  ]);
  const env = { KUBERNETES_AUTH: "true", WATCH_NAMESPACES: "*" };
  expect(problemsOf({ ...env, KUBERNETES_API_URL: "http://127.0.0.1:8001" })).toEqual([
    expect.stringMatching(/^Cannot use KUBERNETES_AUTH: KUBERNETES_API_URL is not https/),
  ]);
});

test("an Authorization that lets callers in is not forwarded to pods", () => {
  const env = { ...inPod, FORWARD_AUTHORIZATION: "true", WATCH_NAMESPACES: "*" };
  for (const variable of [{ BEARER_TOKENS_FILE: "tokens" }, { KUBERNETES_AUTH: "true" }]) {
    expect(problemsOf({ ...env, ...variable })).toEqual([
      `Cannot use FORWARD_AUTHORIZATION with ${Object.keys(variable)[0]}: pods would see the credentials of callers; wanted one of them alone`,
    ]);
  }
});

test("KUBERNETES_AUTH_CACHE is at most MAX_POD_LIST_AGE", () => {
  expect(parse({ ...inPod, MAX_POD_LIST_AGE: "30s" })).toMatchObject({
    config: { kubernetesAuthCacheMs: 30_000 },
  });
  expect(problemsOf({ ...inPod, MAX_POD_LIST_AGE: "30s", KUBERNETES_AUTH_CACHE: "31s" })).toEqual([
    expect.stringMatching(/^Cannot use KUBERNETES_AUTH_CACHE: got "31s"; wanted at most MAX_POD_LIST_AGE/),
  ]);
});
