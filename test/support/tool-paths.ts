// Where the real programs are that the end-to-end tests talk to: below the user's cache folder, where
// scripts/install-test-tools.ts puts them, or on the PATH; those of Kubernetes also where KUBEBUILDER_ASSETS says. Finds
// only; it must never install or download.

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/** The oldest release of each major version that the tests accept; a later minor release is as good. */
export const prometheusVersions = ["2.42", "3.5"] as const;
export type PrometheusVersion = (typeof prometheusVersions)[number];

export interface PrometheusPaths {
  readonly prometheus: string;
  readonly promtool: string;
}

export interface OraclePaths {
  readonly python: string;
  /** The folder that holds the module prometheus_client; undefined when python3 finds it by itself. */
  readonly modules: string | undefined;
}

/** The programs of Kubernetes, and the folder below the cache that each is unpacked or built into. */
export const kubernetesFolderNames = {
  etcd: "etcd",
  "kube-apiserver": "kube-apiserver-1.20.2",
  kubectl: "kubectl",
} as const;
export type KubernetesTool = keyof typeof kubernetesFolderNames;

/** How a program of the PATH tells its version, and what it must say. kubectl only has to run. */
const kubernetesVersions: Readonly<Record<KubernetesTool, { args: readonly string[]; said: RegExp }>> = {
  etcd: { args: ["--version"], said: /^etcd Version: 3\.(?:[4-9]|\d\d)\./mu },
  "kube-apiserver": { args: ["--version"], said: /^Kubernetes v1\.(?:[2-9]\d|\d{3})\./mu },
  kubectl: { args: ["version", "--client"], said: /version/iu },
};

type Environment = Readonly<Record<string, string | undefined>>;

/** $XDG_CACHE_HOME/k8s-prometheus-proxy/test-tools, or ~/.cache/…; a relative XDG_CACHE_HOME is void by its specification. */
export function toolsFolder(env: Environment = process.env): string {
  const xdg = env["XDG_CACHE_HOME"] ?? "";
  return join(isAbsolute(xdg) ? xdg : join(homedir(), ".cache"), "k8s-prometheus-proxy", "test-tools");
}

/** The unpacked tree of one tool; it is there only when it is complete, because it is renamed into its place. */
export function toolFolder(name: string, env: Environment = process.env): string {
  return join(toolsFolder(env), name);
}

/** Folder name of an unpacked Prometheus. */
export function prometheusFolderName(version: PrometheusVersion): string {
  return `prometheus-${version}`;
}

/** Folder name of the unpacked Python module. */
export const oracleFolderName = "python3-prometheus-client";

/** The unpacked programs, else the first ones on the PATH that are of the version. */
export function findPrometheus(
  version: PrometheusVersion,
  env: Environment = process.env,
): PrometheusPaths | undefined {
  const unpacked = join(toolFolder(prometheusFolderName(version), env), "usr", "bin");
  const find = (name: string) => {
    const file = join(unpacked, name);
    return existsSync(file) ? file : onPath(name, env).find((found) => isVersion(found, version));
  };
  const prometheus = find("prometheus");
  const promtool = find("promtool");
  return prometheus === undefined || promtool === undefined ? undefined : { prometheus, promtool };
}

/** Debian's own python3 first: one that a version manager put on the PATH may be only a stub. */
export function findPython(env: Environment = process.env): string | undefined {
  return ["/usr/bin/python3"].filter((file) => existsSync(file)).concat(onPath("python3", env))[0];
}

export function findOracle(env: Environment = process.env): OraclePaths | undefined {
  const python = findPython(env);
  if (python === undefined) {
    return undefined;
  }
  const modules = join(toolFolder(oracleFolderName, env), "usr", "lib", "python3", "dist-packages");
  if (existsSync(modules)) {
    return { python, modules };
  }
  const importIt = ["-c", "import prometheus_client.parser, prometheus_client.openmetrics.parser"];
  return output(python, importIt) === undefined ? undefined : { python, modules: undefined };
}

/** As envtest does: what KUBEBUILDER_ASSETS holds is taken as it is; else the cache, else a program on the PATH that runs. */
export function findKubernetesTool(name: KubernetesTool, env: Environment = process.env): string | undefined {
  const assets = env["KUBEBUILDER_ASSETS"] ?? "";
  const unpacked = join(toolFolder(kubernetesFolderNames[name], env), "usr", "bin", name);
  const { args, said } = kubernetesVersions[name];
  return (
    [...(assets === "" ? [] : [resolve(assets, name)]), unpacked].find((file) => existsSync(file)) ??
    onPath(name, env).find((file) => said.test(output(file, args) ?? ""))
  );
}

/** @throws Error when it is not installed; a test must fail then, never skip */
export function kubernetesToolPath(name: KubernetesTool): string {
  return findKubernetesTool(name) ?? throwMissing(name);
}

/** @throws Error when it is not installed; a test must fail then, never skip */
export function prometheusPaths(version: PrometheusVersion): PrometheusPaths {
  return findPrometheus(version) ?? throwMissing(`Prometheus ${version} or later`);
}

/** @throws Error when it is not installed; a test must fail then, never skip */
export function oraclePaths(): OraclePaths {
  return findOracle() ?? throwMissing("python3 with prometheus_client");
}

/** True when the program calls itself the same major version, at least as new in its minor number. */
export function isVersion(file: string, version: PrometheusVersion): boolean {
  const [, major, minor] = /version (\d+)\.(\d+)\./u.exec(output(file, ["--version"]) ?? "") ?? [];
  const [wantedMajor, wantedMinor] = version.split(".");
  return major === wantedMajor && Number(minor) >= Number(wantedMinor);
}

function throwMissing(what: string): never {
  throw new Error(`Cannot find ${what}: not installed; run "node scripts/install-test-tools.ts"`);
}

function onPath(name: string, env: Environment): string[] {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  return folders.map((folder) => join(folder, name)).filter((file) => existsSync(file));
}

/** etcd 3.4 does not start on arm64 unless told so. */
export const etcdEnvironment = process.arch === "arm64" ? { ETCD_UNSUPPORTED_ARCH: "arm64" } : {};

/** What a command prints; undefined when it cannot be run or fails. */
function output(file: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(file, args, {
      env: { ...process.env, ...etcdEnvironment },
      encoding: "utf8",
      timeout: 20_000,
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch {
    return undefined;
  }
}
