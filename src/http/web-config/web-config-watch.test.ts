import { rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

import { CertificateAuthority } from "../../../test/support/certificate-authority.ts";
import { CertificateFolder } from "../../../test/support/certificate-files.ts";
import { until } from "../../../test/support/scrape/until.ts";
import { createLogger } from "../../telemetry/logger.ts";
import type { LoadedWebConfig } from "./load-web-config.ts";
import { WebConfigWatch } from "./web-config-watch.ts";

const root = CertificateAuthority.create();
const tls = "tls_server_config: {cert_file: tls.crt, key_file: tls.key}";

async function setUp(text: string) {
  const folder = await CertificateFolder.create();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  await folder.write(root.issue({ notAfter: new Date("2045-01-01T00:00:00Z") }));
  const path = join(dirname(folder.key), "web.yml");
  const write = async (content: string) => {
    await writeFile(`${path}.new`, content);
    await rename(`${path}.new`, path);
  };
  await write(text);
  const log: string[] = [];
  const logger = createLogger({
    level: "debug",
    format: "json",
    destination: { write: (line) => void log.push(line) },
  });
  const open = async () => {
    const watch = await WebConfigWatch.open({ path, logger, intervalMs: 10 });
    onTestFinished(() => watch.stop());
    return watch;
  };
  return {
    folder,
    path,
    write,
    open,
    log,
    messages: () => log.map((line) => (JSON.parse(line) as { msg: string }).msg),
  };
}

const faulty = "WEB_CONFIG_FILE cannot be used, the last good one stays in use";
const mended = "WEB_CONFIG_FILE can be used again";
const headers = (value: string) => `http_server_config: {headers: {Strict-Transport-Security: ${value}}}`;

test("WebConfigWatch has the file from the start, and applies it and each that replaces it", async () => {
  const { write, open, messages } = await setUp(headers("a"));
  const watch = await open();
  expect(watch.current).toMatchObject({ tls: undefined, headers: { "strict-transport-security": "a" } });
  expect(watch.status).toEqual({ reloadSuccess: 1 });
  const applied: LoadedWebConfig[] = [];
  watch.start((config) => void applied.push(config));
  expect(applied).toEqual([watch.current]);
  await write(`${headers("b")}\nrate_limit: {interval: 1h, burst: 1}`);
  await until(() => applied.length === 2);
  expect(watch.current).toBe(applied[1]);
  expect(watch.current.headers).toEqual({ "strict-transport-security": "b" });
  expect([watch.rateLimit.take(), watch.rateLimit.take()]).toEqual([true, false]);
  expect(messages()).toEqual(["WEB_CONFIG_FILE read", "WEB_CONFIG_FILE read"]);
});

test("WebConfigWatch keeps the last good file, says so once, and goes on with the next good one", async () => {
  const { path, write, open, messages, log } = await setUp(headers("a"));
  const watch = await open();
  watch.start(() => undefined);
  await write("basic_auth_user: {alice: s3cret}");
  await until(() => watch.status.reloadSuccess === 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(watch.current.headers).toEqual({ "strict-transport-security": "a" });
  expect(messages()).toEqual(["WEB_CONFIG_FILE read", faulty]);
  expect(log[1]).toContain("basic_auth_user: there is no such key");
  expect(log.join("")).not.toContain("s3cret");
  await rm(path);
  await until(() => messages().length === 3);
  expect(log[2]).toContain("ENOENT");
  await write(headers("b"));
  await until(() => watch.status.reloadSuccess === 1);
  expect(watch.current.headers).toEqual({ "strict-transport-security": "b" });
  expect(messages().slice(3)).toEqual(["WEB_CONFIG_FILE read", mended]);
});

test("WebConfigWatch follows the certificate, and keeps the old pair while the new one does not fit", async () => {
  const { folder, open, messages } = await setUp(tls);
  const watch = await open();
  const chains: (string | undefined)[] = [];
  watch.start((config) => void chains.push(config.tls?.certificate.chain));
  expect(watch.status).toEqual({
    expirySeconds: Date.parse("2045-01-01T00:00:00Z") / 1000,
    reloadSuccess: 1,
  });
  const next = root.issue({ notAfter: new Date("2046-01-01T00:00:00Z") });
  await folder.write({ key: next.key });
  await until(() => watch.status.reloadSuccess === 0);
  await folder.write({ cert: next.cert });
  await until(() => watch.status.reloadSuccess === 1);
  expect(chains).toHaveLength(2);
  expect(chains[1]).toBe(next.cert);
  expect(watch.status.expirySeconds).toBe(Date.parse("2046-01-01T00:00:00Z") / 1000);
  expect(messages()).toContain("Certificate read from WEB_CONFIG_FILE");
});

test.for([
  [tls, "{}", "tls_server_config is gone, which takes a restart"],
  ["{}", tls, "tls_server_config is new, which takes a restart"],
] as const)(
  "TLS neither comes nor goes while the program runs: %j to %j",
  async ([first, second, message]) => {
    const { write, open, log } = await setUp(first);
    const watch = await open();
    const { current } = watch;
    let applied = 0;
    watch.start(() => void applied++);
    await write(second);
    await until(() => watch.status.reloadSuccess === 0);
    expect(log.at(-1)).toContain(message);
    expect([watch.current, applied]).toEqual([current, 1]);
    await write(`${second} # again`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(applied).toBe(1);
  },
);

test("what the user of the file refuses leaves the one before in use", async () => {
  const { write, open } = await setUp(headers("a"));
  const watch = await open();
  watch.start(({ headers: given }) => {
    if (given["strict-transport-security"] === "b") throw new Error("Cannot apply it");
  });
  await write(`${headers("b")}\nrate_limit: {interval: 1h, burst: 1}`);
  await until(() => watch.status.reloadSuccess === 0);
  expect(watch.current.headers).toEqual({ "strict-transport-security": "a" });
  expect([watch.rateLimit.take(), watch.rateLimit.take()]).toEqual([true, true]);
});

test("WebConfigWatch does not open a file that cannot be used", async () => {
  const { open, write, path } = await setUp("x: 1");
  await expect(open()).rejects.toThrow(/^Cannot use WEB_CONFIG_FILE "[^"]*": x: there is no such key$/);
  await write(tls);
  await open();
  await rm(path);
  await expect(open()).rejects.toThrow(/^Cannot read WEB_CONFIG_FILE "[^"]*": ENOENT/);
});

test("WebConfigWatch warns where any public authority makes certificates of clients", async () => {
  const verifying = `${tls.slice(0, -1)}, client_auth_type: VerifyClientCertIfGiven`;
  const { open, messages, write } = await setUp(`${verifying}}`);
  const warning =
    "Clients are verified against the public authorities: WEB_CONFIG_FILE has no client_ca_file";
  await open();
  expect(messages()).toContain(warning);
  const before = messages().length;
  await write(`${verifying}, client_ca_file: tls.crt}`);
  await open();
  expect(messages().slice(before)).not.toContain(warning);
});
