import { expect, test } from "vitest";
import { parseRequestPath } from "../targets/path.ts";
import { flagOf, type Option, type OptionKey, options } from "./options.ts";
import { type Config, type ConfigInput, parseConfig, readOption } from "./parse-config.ts";

/** What has no default. */
const required = {
  CIDR_WHITELIST: "10.0.0.0/8",
  METRICS_PATH_WHITELIST: "^/metrics$",
  KUBERNETES_SERVICE_HOST: "10.96.0.1",
};

function parse({ argv = [], env = {}, memoryLimitBytes }: Partial<ConfigInput> = {}) {
  return parseConfig({ argv, env: { ...required, ...env }, memoryLimitBytes, version: "1.2.3" });
}

function configOf(input?: Partial<ConfigInput>) {
  const parsed = parse(input);
  if (parsed.kind !== "config") throw new Error(`no config: ${JSON.stringify(parsed)}`);
  return parsed;
}

function problemsOf(input?: Partial<ConfigInput>): readonly string[] {
  const parsed = parse(input);
  return parsed.kind === "problems" ? parsed.problems : [];
}

interface OptionCase {
  /** The value when nothing is set. Absent: the option is required or has no value then. */
  readonly default?: unknown;
  readonly good: readonly (readonly [text: string, value: unknown])[];
  readonly bad: readonly string[];
  /** Other variables that the good values need. */
  readonly beside?: Readonly<Record<string, string>>;
}

const badDurations = [
  "10",
  "1.5s",
  "s",
  "10 s",
  "10S",
  "-1s",
  "1e3s",
  "2m30s",
  "25h",
  "01s",
  "99999999999999999h",
];
const badSizes = ["0", "0MiB", "-1", "1.5MiB", "64MB", "64Mi", "64mib", "64 MiB", "2048GiB", "1e6", "0x10"];
const badCounts = ["0", "-1", "1.5", "1e3", "0x10", "010", "many", "100001", "9999999999999999"];
const badPorts = ["-1", "65536", "http", "80.0", "0x50", "080", "80,81", "+80"];
const badBooleans = ["yes", "1", "True", "TRUE", "false,true"];
const badPaths = ["a\0b", "a\nb", " "];
const https = { CERT_KEY_FILE: "tls.key", CERT_FILE: "tls.crt" };

// Typed by the table: an option without a case here does not compile.
const cases: Record<OptionKey, OptionCase> = {
  cidrWhitelist: {
    good: [
      ["10.244.0.0/16, fd00::/8", ["10.244.0.0/16", "fd00::/8"]],
      ["10.244.1.0/16", ["10.244.0.0/16"]],
      ["10.1.2.3", ["10.1.2.3/32"]],
    ],
    bad: [",", "10.0.0.0/8,", "10.0.0.0/33", "010.0.0.0/8", "not-a-cidr", "10.0.0.0/8;10.1.0.0/16", " "],
  },
  metricsPathWhitelist: {
    good: [
      ["^/metrics$", ["^/metrics$"]],
      ["/a{1,3},/b", ["/a{1,3}", "/b"]],
    ],
    bad: ["^/metrics$,", ",^/metrics$", "/a,,/b", "(", "(?=a)", " ", ","],
  },
  metricsPathMatch: { default: "search", good: [["full", "full"]], bad: ["Full", "exact", "search,full"] },
  namespaceWhitelist: {
    default: [],
    good: [
      ["team-a", ["team-a"]],
      ["team-a, team-b", ["team-a", "team-b"]],
      ["team-a,team-b,team-a", ["team-a", "team-b"]],
      ["a".repeat(63), ["a".repeat(63)]],
    ],
    bad: ["team-a,", "Team", "a.b", "-a", "a-", "a".repeat(64), "*", "a b", " "],
  },
  portWhitelist: {
    default: [],
    good: [
      [
        "9100, 8000-8999",
        [
          { from: 9100, to: 9100 },
          { from: 8000, to: 8999 },
        ],
      ],
      ["1-65535", [{ from: 1, to: 65_535 }]],
      ["80-80", [{ from: 80, to: 80 }]],
    ],
    bad: [
      "0",
      "65536",
      "9100,",
      "metrics",
      "9-8",
      "80-",
      "-80",
      "080",
      "80-90-100",
      "1-65536",
      "80 - 90",
      " ",
    ],
  },
  kubesdRequirePod: {
    default: false,
    good: [["true", true]],
    bad: badBooleans,
    beside: { WATCH_NAMESPACES: "*" },
  },
  forwardAuthorization: { default: false, good: [["true", true]], bad: badBooleans },
  bearerTokensFile: { good: [["/etc/tokens", "/etc/tokens"]], bad: badPaths },
  kubernetesAuth: {
    default: false,
    good: [["true", true]],
    bad: badBooleans,
    beside: { WATCH_NAMESPACES: "*" },
  },
  kubernetesAuthResource: {
    default: { group: "", resource: "pods", subresource: "metrics" },
    good: [
      ["pods", { group: "", resource: "pods", subresource: "" }],
      ["services/proxy", { group: "", resource: "services", subresource: "proxy" }],
      [
        "podmonitors.monitoring.coreos.com/status",
        { group: "monitoring.coreos.com", resource: "podmonitors", subresource: "status" },
      ],
    ],
    bad: [
      " ",
      "/metrics",
      "pods/",
      "pods/metrics/x",
      "Pods",
      "pods metrics",
      "pods.",
      "*",
      "pods/*",
      "a".repeat(254),
    ],
  },
  kubernetesAuthAudiences: {
    default: [],
    good: [["https://proxy.example, other", ["https://proxy.example", "other"]]],
    bad: [",", "a,", "a b", "é", "a".repeat(1025)],
  },
  kubernetesAuthCacheMs: {
    default: 60_000,
    good: [["10s", 10_000]],
    bad: ["0s", ...badDurations],
  },
  kubernetesServiceHost: {
    good: [
      ["10.96.0.1", "10.96.0.1"],
      ["fd00::1", "fd00::1"],
      ["api.cluster.example", "api.cluster.example"],
    ],
    bad: [
      "10.96.0.256",
      "1.2.3.4.5",
      "0x7f.1",
      "127.1",
      "fe80::1%eth0",
      "[fd00::1]",
      "https://10.96.0.1",
      "10.96.0.1:443",
      "a/b",
      "a b",
      "a@b",
      "-a",
      "a".repeat(254),
      " ",
    ],
  },
  kubernetesServicePort: {
    default: 443,
    good: [["6443", 6443]],
    bad: [...badPorts, "0", "tcp://10.0.0.1:443"],
  },
  kubernetesApiUrl: {
    good: [
      ["http://127.0.0.1:8001", { origin: "http://127.0.0.1:8001", pathPrefix: "" }],
      ["https://api.example:443/", { origin: "https://api.example", pathPrefix: "" }],
      [
        "https://[fd00::1]:6443/k8s/clusters/c-1/",
        { origin: "https://[fd00::1]:6443", pathPrefix: "/k8s/clusters/c-1" },
      ],
    ],
    bad: [
      "api.example",
      "ftp://api.example",
      "//api.example",
      "https://u:p@a",
      "https://a?b",
      "https://a#b",
      "https://",
      "x",
      " ",
    ],
  },
  k8sGlobalToken: {
    good: [["abc.DEF-_~+/=", "abc.DEF-_~+/="]],
    bad: ["a b", "a\nb", "a\tb", "tok\u00e9n", " "],
  },
  tokenFile: {
    default: "/var/run/secrets/kubernetes.io/serviceaccount/token",
    good: [["/etc/token", "/etc/token"]],
    bad: ["a\0b", " "],
  },
  k8sCacert: { good: [["/etc/ca.crt", "/etc/ca.crt"]], bad: ["a\0b", " "] },
  watchNamespaces: {
    default: [],
    good: [
      ["*", "*"],
      ["team-a, team-b", ["team-a", "team-b"]],
    ],
    bad: ["team-a,", "*,team-a", "team-a,*", "Team", "a b", " "],
  },
  maxPodListAgeMs: { default: 3_600_000, good: [["3s", 3000]], bad: badDurations },
  podsFile: { good: [["/etc/pods.yaml", "/etc/pods.yaml"]], bad: badPaths },
  upstreamCaFile: { good: [["/etc/ca.pem", "/etc/ca.pem"]], bad: ["a\0b", " "] },
  upstreamServerName: {
    good: [
      ["metrics.example", "metrics.example"],
      ["pods_1.Team-A.svc", "pods_1.Team-A.svc"],
      ["localhost", "localhost"],
      ["10.0.0.1", "10.0.0.1"],
      ["fd00::1", "fd00::1"],
      [`${"a".repeat(63)}.b2`, `${"a".repeat(63)}.b2`],
    ],
    bad: [
      "*.example",
      "a..b",
      ".a",
      "a.",
      "-a",
      "a-.b",
      "10.0.0",
      "10.0.0.256",
      "[fd00::1]",
      "fe80::1%eth0",
      "a:443",
      "https://a",
      "ä.example",
      "a b",
      "a".repeat(64),
      `${"a.".repeat(127)}b`,
      " ",
    ],
  },
  upstreamCertFile: {
    good: [["/etc/cert.pem", "/etc/cert.pem"]],
    bad: [" "],
    beside: { UPSTREAM_KEY_FILE: "/etc/other" },
  },
  upstreamKeyFile: {
    good: [["/etc/key.pem", "/etc/key.pem"]],
    bad: [" "],
    beside: { UPSTREAM_CERT_FILE: "/etc/other" },
  },
  upstreamInsecureSkipVerify: { default: false, good: [["true", true]], bad: badBooleans },
  nodeTlsRejectUnauthorized: {
    default: true,
    good: [
      ["0", false],
      ["1", true],
      ["00", true],
      ["false", true],
      ["no", true],
    ],
    bad: [" "],
  },
  listenAddress: {
    good: [
      ["127.0.0.1", "127.0.0.1"],
      ["::", "::"],
    ],
    bad: ["localhost", "[::1]", "127.0.0.1:80", "127.1", "0", "*"],
  },
  httpPort: {
    default: 5050,
    good: [
      ["8080", 8080],
      ["0", 0],
      ["65535", 65_535],
      [" 8080\n", 8080],
    ],
    bad: badPorts,
  },
  httpsPort: { default: 5053, good: [["8443", 8443]], bad: badPorts, beside: https },
  k8sNodejsPort: { good: [["8080", 8080]], bad: badPorts },
  certKeyFile: { good: [["/tls.key", "/tls.key"]], bad: badPaths, beside: { CERT_FILE: "tls.crt" } },
  certFile: { good: [["/tls.crt", "/tls.crt"]], bad: badPaths, beside: { CERT_KEY_FILE: "tls.key" } },
  certCaFile: { good: [["/ca.crt", "/ca.crt"]], bad: badPaths, beside: https },
  certKeyPasswdFile: { good: [["/passwd", "/passwd"]], bad: badPaths, beside: https },
  webConfigFile: { good: [["/web.yml", "/web.yml"]], bad: badPaths },
  appUrlPrefix: {
    default: "",
    good: [
      ["v1", "/v1"],
      ["/v1", "/v1"],
      ["/v1/", "/v1"],
      ["v1/", "/v1"],
      ["a/b", "/a/b"],
      ["/a/b/", "/a/b"],
      ["/", ""],
      ["/...a/.b/-._~:@!$&'()*+,=", "/...a/.b/-._~:@!$&'()*+,="],
      ["x".repeat(256), `/${"x".repeat(256)}`],
    ],
    bad: [
      "//",
      "//v1",
      "v1//",
      "a//b",
      ".",
      "/..",
      "a/../b",
      "a/.../",
      "a b",
      "a%2fb",
      "a;b",
      "a?b",
      "a#b",
      "\u00e4",
      'a"b',
      "a\\b",
      "a\nb",
      "http://proxy/v1",
      "x".repeat(257),
    ],
  },
  metricsHttpPort: { default: 5055, good: [["0", 0]], bad: badPorts },
  scrapeTimeoutMs: {
    default: 10_000,
    good: [
      ["1500ms", 1500],
      ["2m", 120_000],
    ],
    bad: [...badDurations, "0s"],
  },
  scrapeTimeoutOffsetMs: { default: 500, good: [["0s", 0]], bad: badDurations },
  maxScrapeTimeoutMs: { default: 120_000, good: [["1h", 3_600_000]], bad: [...badDurations, "0ms"] },
  connectTimeoutMs: { default: 1500, good: [["3s", 3000]], bad: [...badDurations, "0s"] },
  maxConcurrentScrapes: { default: 64, good: [["1", 1]], bad: badCounts },
  maxConcurrentKubesd: { default: 2048, good: [["100000", 100_000]], bad: badCounts },
  maxConnections: { default: 4096, good: [["5000", 5000]], bad: badCounts },
  maxConnectionsPerScrape: { default: 512, good: [["4096", 4096]], bad: badCounts },
  maxBodyBytes: {
    default: 64 * 1024 ** 2,
    good: [
      ["16MiB", 16 * 1024 ** 2],
      ["512KiB", 512 * 1024],
      ["1000", 1000],
    ],
    bad: badSizes,
  },
  maxSamplesPerPod: {
    default: 500_000,
    good: [["1000000", 1_000_000]],
    bad: badCounts.filter((text) => text !== "100001"),
  },
  maxResponseBytes: { default: 512 * 1024 ** 2, good: [["2GiB", 2 * 1024 ** 3]], bad: badSizes },
  maxBufferedBytes: { default: 1024 ** 3, good: [["4GiB", 4 * 1024 ** 3]], bad: badSizes },
  labelConflict: {
    default: "rename",
    good: [
      ["honor", "honor"],
      ["drop", "drop"],
    ],
    bad: ["Honor", "keep"],
  },
  fallbackScrapeProtocol: {
    default: "PrometheusText0.0.4",
    good: [
      ["PrometheusText1.0.0", "PrometheusText1.0.0"],
      ["OpenMetricsText0.0.1", "OpenMetricsText0.0.1"],
      ["OpenMetricsText1.0.0", "OpenMetricsText1.0.0"],
      ["", ""],
    ],
    bad: ["PrometheusProto", "prometheustext0.0.4", "text/plain", "none"],
  },
  sdAnnotations: {
    default: "prometheus\\.io/.*",
    good: [
      [".*", ".*"],
      ["a|b/c", "a|b/c"],
      ["", ""],
    ],
    bad: ["(", "a(?=b)", "[", "*"],
  },
  externalUrl: {
    good: [
      ["https://proxy.example:5053", { scheme: "https", host: "proxy.example:5053", pathPrefix: "" }],
      ["http://10.0.0.1/", { scheme: "http", host: "10.0.0.1", pathPrefix: "" }],
      ["https://[fd00::1]:443/a/b/", { scheme: "https", host: "[fd00::1]", pathPrefix: "/a/b" }],
    ],
    bad: [
      "proxy.example",
      "ftp://proxy.example",
      "https://",
      "https://u@proxy.example",
      "https://proxy.example?x",
      "https://proxy.example/#x",
      "https://proxy.example/a//b",
      "https://proxy.example/a/../b",
      "https://proxy.example/%41",
      "https://proxy.example/a b",
    ],
  },
  extraLabels: {
    default: [],
    good: [
      [
        "node, label:app.kubernetes.io/name",
        [
          { source: "node", name: "node" },
          { source: "label", name: "app_kubernetes_io_name", key: "app.kubernetes.io/name" },
        ],
      ],
    ],
    // The reasons: extra-labels.test.ts.
    bad: ["nodes", "node,", "node,node", "label:job", "label:a=b-c", "label:-a", " "],
  },
  podStatusMetrics: { default: true, good: [["false", false]], bad: badBooleans },
  logLevel: {
    default: "info",
    good: [
      ["debug", "debug"],
      ["warn", "warn"],
      ["error", "error"],
    ],
    bad: ["trace", "INFO", "warning"],
  },
  logFormat: { default: "json", good: [["json", "json"]], bad: ["logfmt", "text"] },
  shutdownDelayMs: { default: 5000, good: [["0s", 0]], bad: badDurations },
};

const keys = Object.keys(options) as OptionKey[];

const mainPort = (config: Config) => config.mainPort;

/** Values that do not stand in Config under the name of their option. */
const elsewhere: Partial<Record<OptionKey, (config: Config) => unknown>> = {
  httpPort: mainPort,
  httpsPort: mainPort,
  k8sNodejsPort: mainPort,
  certKeyFile: ({ certificateFiles }) => certificateFiles?.keyFile,
  certFile: ({ certificateFiles }) => certificateFiles?.certFile,
  certCaFile: ({ certificateFiles }) => certificateFiles?.caFile,
  certKeyPasswdFile: ({ certificateFiles }) => certificateFiles?.passwordFile,
};

function valueOf(config: Config, key: OptionKey): unknown {
  return elsewhere[key] === undefined ? config[key as keyof Config] : elsewhere[key](config);
}

test.for(keys)("parseConfig() has the documented default of %s", (key) => {
  const { default: expected, beside: env = {} } = cases[key];
  if (options[key].env in required) return;
  const { config, sources } = configOf(expected === undefined ? {} : { env });
  expect(sources[key]).toBe("default");
  if (key !== "k8sNodejsPort") expect(valueOf(config, key)).toEqual(expected);
});

test.for(keys)("parseConfig() reads %s from its variable and from its flag", (key) => {
  const { env } = options[key];
  const { good, beside } = cases[key];
  for (const [text, value] of good) {
    const fromEnvironment = configOf({ env: { ...beside, [env]: text } });
    expect(valueOf(fromEnvironment.config, key), text).toEqual(value);
    expect(fromEnvironment.sources[key]).toBe("environment");

    const fromFlag = configOf({ argv: [`${flagOf(options[key])}=${text}`], env: beside ?? {} });
    expect(valueOf(fromFlag.config, key), text).toEqual(value);
    expect(fromFlag.sources[key]).toBe("flag");
  }
});

test.for(keys)("parseConfig() names %s when its value is refused", (key) => {
  const option: Option = options[key];
  for (const text of cases[key].bad) {
    const isHidden = option.secret === true || option.kind.conceals?.(text) === true;
    const shown = isHidden ? "a value that is not shown" : '"';
    const fromEnvironment = problemsOf({ env: { ...cases[key].beside, [option.env]: text } });
    expect(fromEnvironment.length, text).toBeGreaterThan(0);
    for (const problem of fromEnvironment) {
      expect(problem).toMatch(new RegExp(`^Cannot use ${option.env}: got ${shown}`));
      expect(problem).toContain(option.kind.wanted);
    }
    const [fromFlag] = problemsOf({ argv: [flagOf(option), text], env: cases[key].beside ?? {} });
    expect(fromFlag, text).toMatch(
      new RegExp(`^Cannot use ${option.env} \\(${flagOf(option)}\\): got ${shown}`),
    );
  }
});

const takesEmpty = (key: OptionKey) => (options[key] as Option).takesEmpty === true;

test("parseConfig() takes an empty FALLBACK_SCRAPE_PROTOCOL as no fallback, and no other empty variable as a value", () => {
  expect(keys.filter(takesEmpty)).toEqual(["fallbackScrapeProtocol", "sdAnnotations"]);
  const { config, sources } = configOf({ env: { FALLBACK_SCRAPE_PROTOCOL: "" } });
  expect([config.fallbackScrapeProtocol, sources.fallbackScrapeProtocol]).toEqual(["", "environment"]);
  expect(configOf({ argv: ["--fallback-scrape-protocol="] }).config.fallbackScrapeProtocol).toBe("");
});

test.for(keys.filter((key) => !takesEmpty(key)))(
  "parseConfig() takes an empty variable %s as not set, and refuses an empty flag",
  (key) => {
    const { env } = options[key];
    if (!(env in required)) expect(configOf({ env: { [env]: "" } }).sources[key]).toBe("default");
    expect(problemsOf({ argv: [`${flagOf(options[key])}=`] })[0]).toContain(`Cannot use ${env}`);
  },
);

test("parseConfig() prefers a flag to a variable, even when the variable is refused", () => {
  const { config, sources } = configOf({ argv: ["--log-level", "warn"], env: { LOG_LEVEL: "nonsense" } });
  expect([config.logLevel, sources.logLevel]).toEqual(["warn", "flag"]);
});

test("parseConfig() takes in APP_URL_PREFIX the characters that paths may have, and no others", () => {
  const accepts = (path: string) => {
    try {
      return parseRequestPath(path).text !== "";
    } catch {
      return false;
    }
  };
  const differing = Array.from({ length: 256 }, (_, code) => `/a${String.fromCharCode(code)}b`).filter(
    (path) => accepts(path) !== (problemsOf({ env: { APP_URL_PREFIX: path } }).length === 0),
  );
  expect(differing).toEqual([]);
});

test("parseConfig() leaves options without a value out", () => {
  expect(configOf().config).not.toHaveProperty("listenAddress");
});

test("parseConfig() names everything that is missing at once, and points to the demo", () => {
  const parsed = parseConfig({ argv: [], env: {}, memoryLimitBytes: undefined, version: "1" });
  expect(parsed).toEqual({
    kind: "problems",
    problems: [
      expect.stringMatching(/^Cannot start without CIDR_WHITELIST: it is not set; wanted /),
      expect.stringMatching(/^Cannot start without METRICS_PATH_WHITELIST: it is not set; wanted /),
      expect.stringMatching(
        /^Cannot start without a source of pods: neither the Kubernetes API .* nor PODS_FILE is set; .*npm run demo$/,
      ),
    ],
  });
});

test("parseConfig() reports every problem of flags, variables, items and combinations at once", () => {
  const problems = problemsOf({
    argv: ["--no-such-flag", "--log-level=loud"],
    env: {
      CIDR_WHITELIST: "10.0.0.0/8,10.0.0.0/33,,x",
      METRICS_PATH_WHITELIST: "/a,(?=b)",
      KUBERNETES_SERVICE_HOST: "",
      HTTP_PORT: "5055",
      SCRAPE_TIMEOUT: "3m",
      SHUTDOWN_DELAY: "soon",
    },
  });
  expect(problems).toEqual([
    'Cannot use "--no-such-flag": unknown flag',
    expect.stringMatching(/^Cannot use CIDR_WHITELIST: got "10.0.0.0\/33": .*32; wanted /),
    expect.stringMatching(
      /^Cannot use CIDR_WHITELIST: got "10.0.0.0\/8,10.0.0.0\/33,,x": an empty item; wanted /,
    ),
    expect.stringMatching(/^Cannot use CIDR_WHITELIST: got "x": "x" is not an IP address; wanted /),
    expect.stringMatching(/^Cannot use METRICS_PATH_WHITELIST: got "\(\?=b\)": .*`\(\?=`; wanted /),
    'Cannot use LOG_LEVEL (--log-level): got "loud"; wanted debug, info, warn or error',
    expect.stringMatching(/^Cannot use SHUTDOWN_DELAY: got "soon"; wanted a duration from 0s to 24h/),
    expect.stringContaining("Cannot start without a source of pods"),
    "Cannot listen twice on port 5055: HTTP_PORT and METRICS_HTTP_PORT must differ",
    'Cannot use SCRAPE_TIMEOUT: got "3m"; wanted at most MAX_SCRAPE_TIMEOUT, which is 2m by default',
  ]);
});

test("parseConfig() keeps problems on one line and short, whatever was given", () => {
  const [problem = ""] = problemsOf({ env: { LOG_LEVEL: `in\nfo\u001B[31m${"x".repeat(100_000)}` } });
  expect(problem).toContain(String.raw`"in\nfo\u001b[31mx`);
  expect(problem.length).toBeLessThan(500);
});

test("parseConfig() ignores foreign variables", () => {
  configOf({ env: { PATH: "/bin", KUBERNETES_PORT: "tcp://10.0.0.1:443", HTTP_PROXY: "x", MAX_BODY: "x" } });
});

test("parseConfig() gives help and version before it looks at anything else", () => {
  const input = { env: { HTTP_PORT: "x" }, memoryLimitBytes: undefined, version: "1.2.3" };
  expect(parseConfig({ ...input, argv: ["--bad", "--help"] })).toMatchObject({ kind: "help" });
  expect(parseConfig({ ...input, argv: ["--bad", "--version"] })).toEqual({
    kind: "version",
    text: "k8s-prometheus-proxy 1.2.3",
  });
});

test("parseConfig() freezes what it gives", () => {
  const { config } = configOf({ env: { PORT_WHITELIST: "80" } });
  for (const part of [config, config.cidrWhitelist, config.portWhitelist, config.portWhitelist[0]]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
  // The default of an option is one object for all configurations.
  expect(() => configOf().config.namespaceWhitelist.push("x")).toThrow(TypeError);
});

test("parseConfig() warns about host bits, naming both spellings", () => {
  const { warnings } = configOf({ env: { CIDR_WHITELIST: "10.1.2.3/16,10.2.0.0/16" } });
  expect(warnings[0]).toBe('CIDR_WHITELIST: "10.1.2.3/16" has host bits set; taken as 10.1.0.0/16');
  expect(warnings.filter((warning) => warning.includes("host bits"))).toHaveLength(1);
});

test("parseConfig() warns about loose settings in one line", () => {
  const { warnings } = configOf();
  expect(warnings).toEqual([expect.stringMatching(/^Loose settings: .*KUBESD_REQUIRE_POD=true/)]);
});

test("parseConfig() warns about nothing under strict settings", () => {
  const env = {
    KUBESD_REQUIRE_POD: "true",
    FALLBACK_SCRAPE_PROTOCOL: "",
    METRICS_PATH_MATCH: "full",
    NAMESPACE_WHITELIST: "team-a",
    BEARER_TOKENS_FILE: "tokens",
    LISTEN_ADDRESS: "127.0.0.1",
    PORT_WHITELIST: "9100",
  };
  expect(configOf({ env }).warnings).toEqual([]);
});

test("parseConfig() shows nothing of credentials in a URL, nor of the rest of a token with a blank in it", () => {
  const problems = problemsOf({
    argv: ["--k8s-global-token", "abc", "S3CRET"],
    env: { KUBERNETES_API_URL: "https://admin:S3CRET@kube:6443/?token=S3CRET" },
  });
  expect(problems).toHaveLength(2);
  expect(problems.join()).not.toContain("S3CRET");
});

test("parseConfig() shows nothing of a key that stands in place of its file", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nS3CRET\n-----END PRIVATE KEY-----\n";
  const problems = problemsOf({ env: { UPSTREAM_KEY_FILE: key, UPSTREAM_CERT_FILE: "/cert" } });
  expect(problems).toHaveLength(1);
  expect(problems.join()).not.toContain("S3CRET");
});

test("readOption() never shows a secret", () => {
  const option: Option = { ...options.httpPort, secret: true };
  const { problems } = readOption(option, { source: "environment", text: "s3cret" });
  expect(problems).toEqual([
    "Cannot use HTTP_PORT: got a value that is not shown; wanted a port number from 1 to 65535, or 0 for any free port",
  ]);
});
