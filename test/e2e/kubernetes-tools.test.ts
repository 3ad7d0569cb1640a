// The programs of Kubernetes that other tests run: which one is taken when there are several, and that what was installed
// is what it is taken for.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { placeTree, removeAbandonedScratch } from "../../scripts/test-tools/place-tree.ts";
import { runCommand } from "../support/run-command.ts";
import {
  etcdEnvironment,
  findKubernetesTool,
  kubernetesFolderNames,
  kubernetesToolPath,
  toolFolder,
  toolsFolder,
  type KubernetesTool,
} from "../support/tool-paths.ts";

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "tools-test-"));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** A program that only says something. */
function fake(name: KubernetesTool, says: string, folder = temporaryFolder()): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), `#!/bin/sh\n${says}\n`, { mode: 0o755 });
  return folder;
}

describe("kubernetesToolPath()", () => {
  test.each([
    ["etcd", ["--version"], /^etcd Version: 3\./u],
    ["kube-apiserver", ["--version"], /^Kubernetes v1\.\d+\.\d+/u],
    ["kubectl", ["version", "--client"], /version/iu],
  ] as const)("gives a %s that runs", async (name, args, said) => {
    const answer = await runCommand(kubernetesToolPath(name), args, { input: "", env: etcdEnvironment });
    expect(answer).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(said) as string });
  });
});

describe("findKubernetesTool()", () => {
  test("takes the first program of the PATH that runs and is new enough", () => {
    const check = (name: KubernetesTool, programs: readonly string[], expected: number | undefined) => {
      const folders = programs.map((says) => fake(name, says));
      const env = { XDG_CACHE_HOME: temporaryFolder(), PATH: `/nonexistent:relative:${folders.join(":")}` };
      const found = expected === undefined ? undefined : join(folders[expected]!, name);
      expect([name, findKubernetesTool(name, env)]).toEqual([name, found]);
    };
    const etcd = (version: string) => `echo "etcd Version: ${version}"`;
    check("etcd", ["exit 1", etcd("3.3.27"), etcd("2.3.8"), etcd("3.4.0"), etcd("3.5.0")], 3);
    check("etcd", [etcd("3.10.1")], 0);
    const server = (version: string) => `echo "Kubernetes v${version}"`;
    check("kube-apiserver", [server("1.2.0"), server("1.19.16"), server("1.20.2"), server("1.31.0")], 2);
    check("kube-apiserver", [server("1.100.0")], 0);
    check("kube-apiserver", ["exit 1", server("0.0.0-master")], undefined);
    check("kubectl", ["exit 1", "true", 'echo "Client Version: v1.32.4"'], 2);
    check("kubectl", [], undefined);
  });

  test.each(Object.keys(kubernetesFolderNames) as KubernetesTool[])(
    "takes %s of KUBEBUILDER_ASSETS before the cache, and the cache before the PATH",
    (name) => {
      const all = { XDG_CACHE_HOME: temporaryFolder() };
      const onPath = fake(name, 'echo "etcd Version: 3.4.0 Kubernetes v1.20.2"\necho "Kubernetes v1.20.2"');
      const env = { ...all, PATH: onPath };
      expect(findKubernetesTool(name, env)).toBe(join(onPath, name));
      const cached = join(toolFolder(kubernetesFolderNames[name], env), "usr", "bin");
      fake(name, "true", cached);
      expect(findKubernetesTool(name, env)).toBe(join(cached, name));
      const assets = fake(name, "true");
      expect(findKubernetesTool(name, { ...env, KUBEBUILDER_ASSETS: assets })).toBe(join(assets, name));
      const others = { ...env, KUBEBUILDER_ASSETS: temporaryFolder() };
      expect(findKubernetesTool(name, others)).toBe(join(cached, name));
      expect(findKubernetesTool(name, { ...env, KUBEBUILDER_ASSETS: "" })).toBe(join(cached, name));
    },
  );
});

describe("placeTree()", () => {
  const useCache = () => {
    vi.stubEnv("XDG_CACHE_HOME", temporaryFolder());
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
  };

  test("leaves the whole tree and no scratch", () => {
    useCache();
    placeTree("tool", (tree, scratch) => {
      writeFileSync(join(scratch, "download"), "");
      writeFileSync(join(tree, "program"), "");
      expect(existsSync(toolFolder("tool"))).toBe(false);
    });
    expect(readdirSync(toolsFolder(), { recursive: true, encoding: "utf8" }).toSorted()).toEqual([
      "tool",
      "tool/program",
    ]);
  });

  test("leaves nothing when filling fails", () => {
    useCache();
    const fail = () => {
      placeTree("tool", (tree) => {
        writeFileSync(join(tree, "program"), "");
        throw new Error("Cannot compile");
      });
    };
    expect(fail).toThrow("Cannot compile");
    expect(readdirSync(toolsFolder())).toEqual([]);
  });

  test("removeAbandonedScratch() removes what was left long ago, not what another run uses now", () => {
    useCache();
    for (const name of ["scratch-old", "scratch-new", "tool"]) {
      mkdirSync(join(toolsFolder(), name), { recursive: true });
    }
    const twoHoursAgo = Date.now() / 1000 - 7200;
    utimesSync(join(toolsFolder(), "scratch-old"), twoHoursAgo, twoHoursAgo);
    utimesSync(join(toolsFolder(), "tool"), twoHoursAgo, twoHoursAgo);
    removeAbandonedScratch();
    expect(readdirSync(toolsFolder()).sort()).toEqual(["scratch-new", "tool"]);
  });
});
