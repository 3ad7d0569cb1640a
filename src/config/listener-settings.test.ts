import { expect, test } from "vitest";
import { ConfigurationError } from "./configuration-error.ts";
import { withWebTls } from "./listener-settings.ts";
import { parseConfig } from "./parse-config.ts";

function parse(env: Readonly<Record<string, string>>, argv: readonly string[] = []) {
  const required = {
    CIDR_WHITELIST: "10.0.0.0/8",
    METRICS_PATH_WHITELIST: "^/metrics$",
    PODS_FILE: "pods.yaml",
  };
  return parseConfig({ argv, env: { ...required, ...env }, memoryLimitBytes: undefined, version: "1" });
}

function configOf(env: Readonly<Record<string, string>>, argv: readonly string[] = []) {
  const parsed = parse(env, argv);
  if (parsed.kind !== "config") throw new Error(JSON.stringify(parsed));
  return parsed;
}

const tls = { CERT_KEY_FILE: "tls.key", CERT_FILE: "tls.crt" };
type Case = [env: Record<string, string>, argv: string[], port: number, variable: string];

test.for([
  [{}, [], 5050, "HTTP_PORT"],
  [{ HTTP_PORT: "1", K8S_NODEJS_PORT: "2" }, [], 2, "K8S_NODEJS_PORT"],
  [{ K8S_NODEJS_PORT: "2" }, ["--http-port=1"], 1, "HTTP_PORT"],
  [{ HTTP_PORT: "1" }, ["--k8s-nodejs-port=2"], 2, "K8S_NODEJS_PORT"],
  [{}, ["--http-port=1", "--k8s-nodejs-port=2"], 2, "K8S_NODEJS_PORT"],
  [{ HTTP_PORT: "1", K8S_NODEJS_PORT: "" }, [], 1, "HTTP_PORT"],
  [{ K8S_NODEJS_PORT: "0" }, [], 0, "K8S_NODEJS_PORT"],
  [{ HTTPS_PORT: "3" }, [], 5050, "HTTP_PORT"],
  [{ HTTPS_PORT: "3", HTTP_PORT: "1" }, [], 1, "HTTP_PORT"],
] as Case[])("plain HTTP with %j %j is on port %i by %s", ([env, argv, mainPort, mainPortVariable]) => {
  const { config } = configOf(env, argv);
  expect(config).toMatchObject({ mainPort, mainPortVariable });
  for (const key of ["certificateFiles", "httpPort", "k8sNodejsPort"]) expect(config).not.toHaveProperty(key);
});

test.for([
  [tls, [], 5053, "HTTPS_PORT"],
  [{ ...tls, HTTP_PORT: "1" }, [], 5053, "HTTPS_PORT"],
  [{ ...tls, HTTPS_PORT: "3", HTTP_PORT: "1" }, [], 3, "HTTPS_PORT"],
  [{ ...tls, HTTPS_PORT: "3", K8S_NODEJS_PORT: "2" }, [], 2, "K8S_NODEJS_PORT"],
  [{ ...tls, K8S_NODEJS_PORT: "2" }, [], 2, "K8S_NODEJS_PORT"],
  [{ ...tls, K8S_NODEJS_PORT: "2" }, ["--https-port=3"], 3, "HTTPS_PORT"],
  [{ ...tls, K8S_NODEJS_PORT: "2" }, ["--http-port=1"], 2, "K8S_NODEJS_PORT"],
  [{ ...tls, HTTPS_PORT: "3" }, ["--k8s-nodejs-port=2"], 2, "K8S_NODEJS_PORT"],
  [tls, ["--https-port=3", "--k8s-nodejs-port=2"], 2, "K8S_NODEJS_PORT"],
  [{ CERT_FILE: "tls.crt" }, ["--cert-key-file=tls.key"], 5053, "HTTPS_PORT"],
] as Case[])("HTTPS with %j %j is on port %i by %s", ([env, argv, mainPort, mainPortVariable]) => {
  expect(configOf(env, argv).config).toMatchObject({
    mainPort,
    mainPortVariable,
    certificateFiles: { keyFile: "tls.key", certFile: "tls.crt", caFile: undefined, passwordFile: undefined },
  });
});

const web = { WEB_CONFIG_FILE: "web.yml" };

test.for([
  [web, [], 5053, "HTTPS_PORT"],
  [{ ...web, HTTP_PORT: "1", HTTPS_PORT: "3" }, [], 3, "HTTPS_PORT"],
  [{ ...web, HTTPS_PORT: "3", K8S_NODEJS_PORT: "2" }, [], 2, "K8S_NODEJS_PORT"],
  [{ ...web, K8S_NODEJS_PORT: "2" }, ["--https-port=3"], 3, "HTTPS_PORT"],
  [{ ...web, K8S_NODEJS_PORT: "2" }, ["--http-port=1"], 2, "K8S_NODEJS_PORT"],
] as Case[])(
  "TLS of WEB_CONFIG_FILE with %j %j is on port %i by %s",
  ([env, argv, port, mainPortVariable]) => {
    const { config, warnings } = configOf(env, argv);
    expect(config.servesTls).toBe(false);
    expect(withWebTls(config)).toMatchObject({ servesTls: true, mainPort: port, mainPortVariable });
    expect(warnings.join()).not.toContain("no effect");
  },
);

test.for([
  [tls, "CERT_KEY_FILE, CERT_FILE are set"],
  [{ CERT_FILE: "tls.crt" }, "CERT_FILE is set"],
  [{ CERT_CA_FILE: "tls.crt" }, "CERT_CA_FILE is set"],
] as [Record<string, string>, string][])("TLS of WEB_CONFIG_FILE contradicts %j", ([env, state]) => {
  const { config } = configOf({ ...web, ...env });
  expect(() => withWebTls(config)).toThrow(ConfigurationError);
  expect(() => withWebTls(config)).toThrow(
    `Cannot serve HTTPS in two ways: WEB_CONFIG_FILE has tls_server_config, and ${state}; wanted one of both`,
  );
});

const twice = (port: number, variable: string) =>
  `Cannot listen twice on port ${port}: ${variable} and METRICS_HTTP_PORT must differ`;

test.for([
  [
    { CERT_KEY_FILE: "k" },
    ["Cannot serve HTTPS: CERT_KEY_FILE is set, but CERT_FILE is not; wanted both, or none for plain HTTP"],
  ],
  [{ METRICS_HTTP_PORT: "5050" }, [twice(5050, "HTTP_PORT")]],
  [{ ...tls, METRICS_HTTP_PORT: "5053" }, [twice(5053, "HTTPS_PORT")]],
  [{ K8S_NODEJS_PORT: "5055" }, [twice(5055, "K8S_NODEJS_PORT")]],
  [{ ...tls, K8S_NODEJS_PORT: "5055" }, [twice(5055, "K8S_NODEJS_PORT")]],
] as [Record<string, string>, string[]][])("resolveListeners() refuses %j", ([env, problems]) => {
  expect(parse(env)).toEqual({ kind: "problems", problems });
});

test.for([
  { ...tls, METRICS_HTTP_PORT: "5050" },
  { ...tls, HTTP_PORT: "5055" },
  { METRICS_HTTP_PORT: "5053" },
  { HTTP_PORT: "0", METRICS_HTTP_PORT: "0" },
])("resolveListeners() compares only the ports that are used: %j", (env: Record<string, string>) => {
  configOf(env);
});

test.for([
  [{ HTTP_PORT: "1" }, undefined],
  [tls, undefined],
  [{ ...tls, HTTPS_PORT: "1" }, undefined],
  [{ HTTPS_PORT: "1" }, "HTTPS_PORT has no effect: CERT_KEY_FILE, which selects HTTPS, is not set"],
  [{ ...tls, HTTP_PORT: "1" }, "HTTP_PORT has no effect: CERT_KEY_FILE, which selects HTTPS, is set"],
  [{ CERT_FILE: "c" }, "CERT_FILE has no effect: CERT_KEY_FILE, which selects HTTPS, is not set"],
  [{ CERT_CA_FILE: "c" }, "CERT_CA_FILE has no effect: CERT_KEY_FILE, which selects HTTPS, is not set"],
  [
    { CERT_KEY_PASSWD_FILE: "p" },
    "CERT_KEY_PASSWD_FILE has no effect: CERT_KEY_FILE, which selects HTTPS, is not set",
  ],
] as [Record<string, string>, string | undefined][])(
  "a setting without effect: %j warns %s",
  ([env, expected]) => {
    expect(configOf(env).warnings.find((warning) => warning.includes("no effect"))).toBe(expected);
  },
);
