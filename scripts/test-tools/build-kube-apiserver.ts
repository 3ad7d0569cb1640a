// Builds a real kube-apiserver 1.20.2 from Debian's source package `kubernetes`, which holds the whole upstream tree with
// everything it imports; no package of Debian has the program. Go is unpacked beside the system, without a C compiler and
// without the network. About four minutes on two cores and 3.5 GB of scratch space.

import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { DebianArchive } from "./debian-archive.ts";
import { run } from "./run.ts";

const timeoutMs = 15 * 60_000;
const version = { full: "v1.20.2", major: "1", minor: "20" };
/** Where the tree must lie below GOPATH: its own imports name it so. */
const importPath = "k8s.io/kubernetes";

interface Build {
  readonly tree: string;
  readonly scratch: string;
  /** Runs a command in the tree, within what is left of the time. */
  readonly run: (command: string, args: readonly string[]) => string;
}

/** Writes the program to `target`. `scratch` is an empty folder, which its owner removes. */
export function buildKubeApiserver(debian: DebianArchive, scratch: string, target: string): void {
  const log = (step: string) => {
    console.log(`  kube-apiserver: ${step}`);
  };
  const end = Date.now() + timeoutMs;
  log("fetching Go and the sources of Kubernetes");
  const tree = unpackSources(debian, scratch);
  const goRoot = unpackGo(debian, join(scratch, "go"), tree);
  const env = { ...goEnvironment(scratch, goRoot), PATH: `${join(goRoot, "bin")}:${process.env["PATH"]}` };
  const build: Build = {
    tree,
    scratch,
    run: (command, args) => run(command, args, { cwd: tree, env, timeoutMs: Math.max(1, end - Date.now()) }),
  };
  log("generating the description of the API");
  generateOpenApi(build);
  log("compiling, a few minutes");
  build.run("go", ["build", "-ldflags", linkerFlags(), "-o", target, "./cmd/kube-apiserver"]);
  const reported = build.run(target, ["--version"]).trim();
  if (reported !== `Kubernetes ${version.full}`) {
    throw new Error(`Cannot use the built kube-apiserver: it calls itself "${reported}"`);
  }
}

/** Debian's patches are about kubectl only, so the upstream tree is taken as it is. */
function unpackSources(debian: DebianArchive, scratch: string): string {
  const downloads = join(scratch, "sources");
  mkdirSync(downloads);
  debian.stableSources().downloadSource("kubernetes", downloads);
  const original = readdirSync(downloads).find((name) => /\.orig\.tar\.\w+$/u.test(name));
  if (original === undefined) {
    throw new Error('Cannot unpack the source package "kubernetes": it has no upstream archive');
  }
  run("tar", ["--extract", "--no-same-owner", "--file", join(downloads, original), "--directory", downloads]);
  const top = readdirSync(downloads).find((name) => name.startsWith("kubernetes-"));
  const tree = join(scratch, "gopath", "src", importPath);
  mkdirSync(dirname(tree), { recursive: true });
  renameSync(join(downloads, top!), tree);
  rmSync(downloads, { recursive: true });
  return tree;
}

/** @returns GOROOT */
function unpackGo(debian: DebianArchive, folder: string, tree: string): string {
  mkdirSync(folder);
  const packages = ["golang-1.19-go", "golang-1.19-src", "golang-github-modern-go-reflect2-dev"];
  debian.stable().unpack(packages, folder);
  // The release that Kubernetes 1.20 has reads maps through private functions of Go, whose meaning changed with Go 1.18: the
  // server crashes on a large list.
  const reflect2 = join("github.com", "modern-go", "reflect2");
  rmSync(join(tree, "vendor", reflect2), { recursive: true });
  cpSync(join(folder, "usr", "share", "gocode", "src", reflect2), join(tree, "vendor", reflect2), {
    recursive: true,
  });
  return join(folder, "usr", "lib", "go-1.19");
}

/** Nothing of the user's own Go settings may matter, and an empty value counts as none. */
function goEnvironment(scratch: string, goRoot: string): Readonly<Record<string, string>> {
  const temporary = join(scratch, "tmp");
  mkdirSync(temporary);
  return {
    GOROOT: goRoot,
    GOPATH: join(scratch, "gopath"),
    GOCACHE: join(scratch, "cache"),
    GOTMPDIR: temporary,
    GOENV: "off",
    GO111MODULE: "off",
    GOPROXY: "off",
    CGO_ENABLED: "0",
    GOFLAGS: "",
    GOOS: "",
    GOARCH: "",
    GOEXPERIMENT: "",
  };
}

/** The one generated file that the tree lacks and does not compile without. */
function generateOpenApi({ tree, scratch, run }: Build): void {
  const generator = join(scratch, "openapi-gen");
  run("go", ["build", "-o", generator, "./vendor/k8s.io/kube-openapi/cmd/openapi-gen"]);
  run(generator, [
    "--input-dirs",
    openApiPackages(tree).join(","),
    "--output-package",
    `${importPath}/pkg/generated/openapi`,
    "--output-file-base",
    "zz_generated.openapi",
    "--go-header-file",
    join("hack", "boilerplate", "boilerplate.generatego.txt"),
    "--report-filename",
    join(scratch, "api-violations"),
  ]);
}

/** Every package with a file that asks to be described. `staging` is reached through links in `vendor`. */
function openApiPackages(tree: string): readonly string[] {
  const notServed = /^staging\/src\/k8s\.io\/(?:code-generator|sample-apiserver)\//u;
  const folders = new Set<string>();
  for (const root of ["staging/src/k8s.io", "pkg"]) {
    for (const entry of readdirSync(join(tree, root), { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      const folder = relative(tree, entry.parentPath);
      if (entry.isFile() && entry.name.endsWith(".go") && !folders.has(folder) && !notServed.test(folder)) {
        if (readFileSync(file, "latin1").includes("+k8s:openapi-gen=")) {
          folders.add(folder);
        }
      }
    }
  }
  return [...folders]
    .sort()
    .map((folder) => `${importPath}/${folder.replace(/^staging\/src\//u, "vendor/")}`);
}

/** Without these the server calls itself v0.0.0, and clients cannot tell what it can do. */
function linkerFlags(): string {
  const values = { gitVersion: version.full, gitMajor: version.major, gitMinor: version.minor };
  const settings = ["component-base/version", "client-go/pkg/version"].flatMap((name) =>
    Object.entries(values).map(([key, value]) => `-X ${importPath}/vendor/k8s.io/${name}.${key}=${value}`),
  );
  return ["-s", "-w", ...settings].join(" ");
}
