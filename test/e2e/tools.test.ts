// The tools that the other end-to-end tests rely on: that they run, are what they are taken for, and refuse what they
// should. A checker that accepts everything would make every test that asks it worthless.

import { createServer } from "node:http";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { findSignedBy } from "../../scripts/test-tools/apt-sources.ts";
import { askOracle } from "../support/openmetrics-oracle.ts";
import { promtoolCheckMetrics } from "../support/promtool.ts";
import {
  startPrometheus,
  type PrometheusOptions,
  type PrometheusServer,
} from "../support/prometheus-server.ts";
import { runCommand } from "../support/run-command.ts";
import {
  findOracle,
  findPrometheus,
  isVersion,
  oraclePaths,
  prometheusPaths,
  prometheusVersions,
  toolsFolder,
} from "../support/tool-paths.ts";

const textType = "text/plain; version=0.0.4; charset=utf-8";

/** Serves one body at every path, on a port of its own, until the test ends. */
async function serve(body: string): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader("Content-Type", textType);
    response.end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function start(options: PrometheusOptions): Promise<PrometheusServer> {
  const prometheus = await startPrometheus(options);
  onTestFinished(() => prometheus.stop());
  return prometheus;
}

function scrapeConfig(targets: readonly string[]): object {
  return {
    global: { scrape_interval: "1s", scrape_timeout: "1s" },
    scrape_configs: [{ job_name: "pods", static_configs: [{ targets }] }],
  };
}

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tools-test-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** A folder with programs that only say their version. */
function fakePrometheus(version: string): string {
  const folder = temporaryFolder();
  for (const name of ["prometheus", "promtool"]) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name}, version ${version} (branch: x)"\n`, {
      mode: 0o755,
    });
  }
  return folder;
}

describe("tool-paths", () => {
  test.each(prometheusVersions)("prometheusPaths() gives programs of version %s", (version) => {
    const { prometheus, promtool } = prometheusPaths(version);
    expect([isVersion(prometheus, version), isVersion(promtool, version)]).toEqual([true, true]);
  });

  test("oraclePaths() gives a python3 of major version 3", async () => {
    const { stdout } = await runCommand(oraclePaths().python, ["--version"], { input: "" });
    expect(stdout).toMatch(/^Python 3\./u);
  });

  test("findPrometheus() takes the first programs on the PATH that are of the version", () => {
    const folders = ["3.4.9", "2.41.0", "2.42.0", "4.5.0", "3.10.0", "3.5.0"].map(fakePrometheus);
    const env = { XDG_CACHE_HOME: temporaryFolder(), PATH: `/nonexistent:relative:${folders.join(":")}` };
    const [, , second, , third] = folders.map((folder) => ({
      prometheus: join(folder, "prometheus"),
      promtool: join(folder, "promtool"),
    }));
    expect(findPrometheus("2.42", env)).toEqual(second);
    expect(findPrometheus("3.5", env)).toEqual(third);
    expect(findPrometheus("3.5", { ...env, PATH: folders.slice(0, 4).join(":") })).toBeUndefined();
  });

  test("findOracle() finds nothing when the cache is empty and python3 has no prometheus_client", async () => {
    const { python } = oraclePaths();
    const inPython = await runCommand(python, ["-c", "import prometheus_client"], { input: "" });
    const found = findOracle({ XDG_CACHE_HOME: temporaryFolder(), PATH: "" });
    expect(found).toEqual(inPython.exitCode === 0 ? { python, modules: undefined } : undefined);
  });

  test("toolsFolder() ignores a relative XDG_CACHE_HOME", () => {
    expect(toolsFolder({ XDG_CACHE_HOME: "/cache" })).toBe("/cache/k8s-prometheus-proxy/test-tools");
    expect(toolsFolder({ XDG_CACHE_HOME: "cache" })).toBe(toolsFolder({}));
  });
});

describe("findSignedBy()", () => {
  const uri = "http://archive.test/debian/";
  const check = (sources: string, expected: string | undefined) => {
    test(JSON.stringify(sources), () => {
      expect(findSignedBy(sources, uri, "bookworm")).toBe(expected);
    });
  };
  check("deb http://archive.test/debian bookworm main\n", undefined);
  check("deb [signed-by=/a.gpg] http://archive.test/debian bookworm main\n", "/a.gpg");
  check(
    "deb [ arch=amd64 signed-by=/a.gpg,/b.gpg ] http://archive.test/debian/ bookworm main\n",
    "/a.gpg,/b.gpg",
  );
  check("deb [signed-by=/a.gpg] http://archive.test/debian bookworm-updates main\n", undefined);
  check("# deb [signed-by=/a.gpg] http://archive.test/debian bookworm main\n", undefined);
  check("deb-src [signed-by=/a.gpg] http://archive.test/debian bookworm main\n", undefined);
  const stanza =
    "Types: deb\nURIs: http://archive.test/debian\nSuites: bookworm bookworm-updates\nComponents: main\n";
  check(stanza, undefined);
  check(`${stanza}Signed-By: /a.gpg\n`, "/a.gpg");
  check(`${stanza}signed-by: /a.gpg\n# comment\n /b.gpg\n`, "/a.gpg\n /b.gpg");
  check(
    `${stanza}\nTypes: deb\nURIs: http://other.test/\nSuites: bookworm\nSigned-By: /other.gpg\n`,
    undefined,
  );
  check(
    `URIs: http://other.test/\nSuites: bookworm\nSigned-By: /other.gpg\n\n${stanza}Signed-By: /a.gpg\n`,
    "/a.gpg",
  );
  check(`${stanza}Signed-By:\n -----BEGIN\n .\n abc\nArchitectures: amd64\n`, "\n -----BEGIN\n .\n abc");
});

describe("runCommand()", () => {
  test("kills a command that takes too long", async () => {
    const call = runCommand("sleep", ["60"], { input: "", timeoutMs: 100 });
    await expect(call).rejects.toThrow('Cannot run "sleep": killed by SIGKILL');
  });

  test("fails when there is no such command", async () => {
    await expect(runCommand("/nonexistent/tool", [], { input: "x" })).rejects.toThrow("it did not start");
  });
});

describe("askOracle()", () => {
  test("accepts good bodies", async () => {
    expect(await askOracle('# TYPE a counter\na_total{b="c"} 1 1000\n', "text")).toEqual({ accepted: true });
    expect(await askOracle("# TYPE a counter\na_total 1\n# EOF\n", "openmetrics")).toEqual({
      accepted: true,
    });
  });

  test("refuses bad bodies and says why", async () => {
    expect(await askOracle("a b\n", "text")).toMatchObject({
      accepted: false,
      error: expect.stringContaining("could not convert") as string,
    });
    expect(await askOracle("a 1\n", "openmetrics")).toMatchObject({
      accepted: false,
      error: expect.stringContaining("# EOF") as string,
    });
    expect(await askOracle(Buffer.from("a 1\n# \xff\n", "latin1"), "text")).toMatchObject({
      accepted: false,
    });
  });
});

describe.each(prometheusVersions)("promtoolCheckMetrics() %s", (version) => {
  test.each([
    ["good", "# HELP a_seconds x\n# TYPE a_seconds gauge\na_seconds 1\n", 0, ""],
    ["with remarks", "# TYPE a_seconds gauge\na_seconds 1\n", 3, "a_seconds no help text"],
    ["broken", "a{b} 1\n", 1, "error while linting: text format parsing error in line 1"],
  ])("judges a body that is %s", async (_, body, exitCode, output) => {
    expect(await promtoolCheckMetrics(body, version)).toEqual({
      exitCode,
      output: output === "" ? "" : (expect.stringContaining(output) as string),
    });
  });
});

describe.each(prometheusVersions)("startPrometheus() %s", (version) => {
  test("scrapes servers, stores what is good and shows why the others failed", async () => {
    const good = await serve('# HELP a Some words.\n# TYPE a gauge\na{b="c"} 42\n');
    const bad = await serve("a b\n");
    const prometheus = await start({ version, config: scrapeConfig([good, bad]) });
    const targets = await prometheus.waitFor("a scrape of each", async () => {
      const found = await prometheus.targets();
      return found.length === 2 && found.every(({ health }) => health !== "unknown") && found;
    });

    expect(targets.toSorted((a, b) => a.health.localeCompare(b.health))).toMatchObject([
      { health: "down", scrapeUrl: `http://${bad}/metrics`, scrapePool: "pods", labels: { instance: bad } },
      { health: "up", scrapeUrl: `http://${good}/metrics`, lastError: "" },
    ]);
    expect(targets.map(({ lastError }) => lastError).join("")).toContain("strconv.ParseFloat");
    const labels = { __name__: "a", b: "c", instance: good, job: "pods" };
    // A target is shown as up a moment before its samples can be read.
    const samples = await prometheus.waitFor("the sample", async () => {
      const found = await prometheus.query("a");
      return found.length > 0 && found;
    });
    expect(samples).toMatchObject([{ labels, value: "42" }]);
    expect(await prometheus.query("1 + 1")).toMatchObject([{ labels: {}, value: "2" }]);
    await expect(prometheus.query("a[1m]")).rejects.toThrow("result is a matrix");
    await expect(prometheus.query("(")).rejects.toThrow("parse error");
    expect(await prometheus.series("a")).toEqual([labels]);
    expect(await prometheus.metadata()).toEqual({ a: [{ type: "gauge", help: "Some words.", unit: "" }] });
    const build = await prometheus.get<{ version: string }>("status/buildinfo", {});
    expect(build.version.split(".")[0]).toBe(version.split(".")[0]);
  });

  test("fails with Prometheus' own words when the configuration is wrong", async () => {
    const call = startPrometheus({ version, config: "nonsense: true\n" });
    await expect(call).rejects.toThrow("field nonsense not found");
  });
});

test("stop() leaves neither the process nor its data, and may be called twice", async () => {
  const prometheus = await start({ version: "3.5", config: {} });
  const { "storage.tsdb.path": data } = await prometheus.get<Record<string, string>>("status/flags", {});
  const folder = dirname(data!);
  expect(existsSync(folder)).toBe(true);
  await prometheus.stop();
  await prometheus.stop();
  expect(existsSync(folder)).toBe(false);
  await expect(fetch(`${prometheus.baseUrl}/-/ready`)).rejects.toThrow("fetch failed");
});

test("waitFor() ends in time and says what was awaited, why it failed and what was logged", async () => {
  const prometheus = await start({ version: "3.5", config: {} });
  const call = prometheus.waitFor("a wonder", () => prometheus.query("("), 200);
  await expect(call).rejects.toThrow(/^Cannot see a wonder: not there within 200 ms\n.*Listening on/su);
  await expect(call).rejects.toHaveProperty("cause.message", expect.stringContaining("parse error"));
});
