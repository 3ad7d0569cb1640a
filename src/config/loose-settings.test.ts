import { expect, test } from "vitest";
import { describeLooseSettings, looseSettings } from "./loose-settings.ts";
import { parseConfig } from "./parse-config.ts";

const strict = {
  CIDR_WHITELIST: "10.0.0.0/8,fc00::/7",
  METRICS_PATH_WHITELIST: "^/metrics$",
  METRICS_PATH_MATCH: "full",
  NAMESPACE_WHITELIST: "team-a",
  PORT_WHITELIST: "9100",
  KUBESD_REQUIRE_POD: "true",
  FALLBACK_SCRAPE_PROTOCOL: "",
  PODS_FILE: "pods.yaml",
  BEARER_TOKENS_FILE: "tokens",
  CERT_KEY_FILE: "tls.key",
  CERT_FILE: "tls.crt",
};
const plain = { CERT_KEY_FILE: "", CERT_FILE: "" };

function looseVariables(changes: Record<string, string>, argv: readonly string[] = []): string[] {
  const parsed = parseConfig({
    argv,
    env: { ...strict, ...changes },
    memoryLimitBytes: undefined,
    version: "1",
  });
  if (parsed.kind !== "config") throw new Error(JSON.stringify(parsed));
  return looseSettings(parsed.config).map(({ variable }) => variable);
}

test.for([
  [{}, []],
  [{ CIDR_WHITELIST: "0.0.0.0/0" }, ["CIDR_WHITELIST"]],
  [{ CIDR_WHITELIST: "10.0.0.0/7,::/0,10.0.0.0/16" }, ["CIDR_WHITELIST", "CIDR_WHITELIST"]],
  [{ METRICS_PATH_WHITELIST: "/metrics,.*" }, ["METRICS_PATH_WHITELIST"]],
  [{ METRICS_PATH_MATCH: "search" }, ["METRICS_PATH_MATCH"]],
  [{ NAMESPACE_WHITELIST: "" }, ["NAMESPACE_WHITELIST"]],
  [{ PORT_WHITELIST: "" }, ["PORT_WHITELIST"]],
  [{ KUBESD_REQUIRE_POD: "false" }, ["KUBESD_REQUIRE_POD"]],
  [{ FALLBACK_SCRAPE_PROTOCOL: "PrometheusText0.0.4" }, ["FALLBACK_SCRAPE_PROTOCOL"]],
  // Whoever forwards authenticates nobody by that header.
  [{ FORWARD_AUTHORIZATION: "true", BEARER_TOKENS_FILE: "" }, ["KUBERNETES_AUTH", "FORWARD_AUTHORIZATION"]],
  [{ BEARER_TOKENS_FILE: "" }, ["KUBERNETES_AUTH"]],
  [{ BEARER_TOKENS_FILE: "", WEB_CONFIG_FILE: "web.yml" }, []],
  [
    { BEARER_TOKENS_FILE: "", KUBERNETES_AUTH: "true", PODS_FILE: "", KUBERNETES_SERVICE_HOST: "10.96.0.1" },
    [],
  ],
  [plain, ["CERT_KEY_FILE"]],
  [{ ...plain, LISTEN_ADDRESS: "0.0.0.0" }, ["CERT_KEY_FILE"]],
  [{ ...plain, LISTEN_ADDRESS: "127.0.0.1" }, []],
  [{ ...plain, LISTEN_ADDRESS: "::1" }, []],
  [{ ...plain, BEARER_TOKENS_FILE: "" }, ["KUBERNETES_AUTH"]],
  // Whether it has TLS is known later.
  [{ ...plain, WEB_CONFIG_FILE: "web.yml" }, []],
  [
    {
      ...plain,
      BEARER_TOKENS_FILE: "",
      KUBERNETES_AUTH: "true",
      PODS_FILE: "",
      KUBERNETES_SERVICE_HOST: "10.96.0.1",
    },
    ["CERT_KEY_FILE"],
  ],
  [{ UPSTREAM_INSECURE_SKIP_VERIFY: "true" }, ["UPSTREAM_INSECURE_SKIP_VERIFY"]],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: "0" }, ["NODE_TLS_REJECT_UNAUTHORIZED"]],
  [{ NODE_TLS_REJECT_UNAUTHORIZED: "1", UPSTREAM_INSECURE_SKIP_VERIFY: "false" }, []],
] as [Record<string, string>, string[]][])(
  "looseSettings() finds in the strict settings with %j: %j",
  ([changes, expected]) => {
    expect(looseVariables(changes)).toEqual(expected);
  },
);

test("of two settings about the verification of pods, the one that is a flag decides", () => {
  const variables = { NODE_TLS_REJECT_UNAUTHORIZED: "0", UPSTREAM_INSECURE_SKIP_VERIFY: "true" };
  expect(looseVariables(variables)).toEqual([
    "UPSTREAM_INSECURE_SKIP_VERIFY",
    "NODE_TLS_REJECT_UNAUTHORIZED",
  ]);
  expect(looseVariables(variables, ["--upstream-insecure-skip-verify=false"])).toEqual([]);
  expect(looseVariables(variables, ["--node-tls-reject-unauthorized=1"])).toEqual([]);
});

test("describeLooseSettings() is one line that says what is let through and what tightens it", () => {
  const setting = { variable: "A", allows: "everything passes", tighten: "A=b" };
  expect(describeLooseSettings([setting, setting])).toBe(
    "Loose settings: everything passes (tighten with A=b); everything passes (tighten with A=b)",
  );
  expect(describeLooseSettings([])).toBeUndefined();
});
