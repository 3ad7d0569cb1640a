// An apt of our own beside the system's: its state, cache and one source lie in a private folder, so that packages of
// any suite can be fetched without installing them and without the system's package lists ever seeing that suite.
// Signatures and hashes are verified as always; everything not named here (proxies, certificates, archive options)
// stays as this machine has it.

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Archive } from "./apt-sources.ts";
import { run } from "./run.ts";

/** What of a suite is to be fetched: its packages, or the sources that they are built from. */
export type SourceType = "deb" | "deb-src";

export class PrivateApt {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Fetches and verifies the package list of one suite. `folder` must not exist; its owner removes it. */
  static open(folder: string, archive: Archive, suite: string, type: SourceType = "deb"): PrivateApt {
    mkdirSync(join(folder, "lists", "partial"), { recursive: true });
    mkdirSync(join(folder, "archives", "partial"), { recursive: true });
    writeFileSync(join(folder, "status"), "");
    const settings = Object.entries(privateSettings(folder));
    writeFileSync(
      join(folder, "apt.conf"),
      settings.map(([name, value]) => `${name} "${value}";\n`).join(""),
    );
    const source = [
      `Types: ${type}`,
      `URIs: ${archive.uri}`,
      `Suites: ${suite}`,
      "Components: main",
      `Architectures: ${run("dpkg", ["--print-architecture"]).trim()}`,
      ...(archive.signedBy === undefined ? [] : [`Signed-By: ${archive.signedBy}`]),
    ];
    writeFileSync(join(folder, "archive.sources"), `${source.join("\n")}\n`);
    const apt = new PrivateApt(folder);
    apt.#aptGet(["update"]);
    return apt;
  }

  /** Whether the archive's Release file says that it is Debian's own. */
  isDebian(): boolean {
    const format = "$(CREATED_BY) $(ORIGIN) $(LABEL)";
    return this.#aptGet(["indextargets", "--format", format]).split("\n").includes("Packages Debian Debian");
  }

  /** Unpacks packages, without what they depend on and without running anything of theirs. */
  unpack(packages: readonly string[], folder: string): void {
    const downloads = join(this.#folder, `download-${packages.join("-")}`);
    mkdirSync(downloads);
    this.#aptGet(["download", ...packages], downloads);
    for (const file of readdirSync(downloads)) {
      run("dpkg-deb", ["--extract", join(downloads, file), folder]);
    }
    rmSync(downloads, { recursive: true });
  }

  /**
   * Fetches what a source package consists of, without unpacking it: that would need Debian's tools for developers.
   * The folder must exist. For type `deb-src`.
   */
  downloadSource(name: string, folder: string): void {
    this.#aptGet(["source", "--download-only", "--only-source", name], folder);
  }

  #aptGet(args: readonly string[], cwd = this.#folder): string {
    // Read after the machine's own configuration, so that it has the last word.
    return run("apt-get", ["--config-file", join(this.#folder, "apt.conf"), ...args], { cwd });
  }
}

function privateSettings(folder: string): Readonly<Record<string, string>> {
  return {
    "Dir::State": folder,
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::status": join(folder, "status"),
    "Dir::Cache": folder,
    "Dir::Cache::archives": join(folder, "archives"),
    "Dir::Etc::sourcelist": join(folder, "archive.sources"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::Etc::preferences": "/dev/null",
    "Dir::Etc::preferencesparts": "/dev/null",
    // The user _apt may not enter a home folder.
    "APT::Sandbox::User": "root",
    "APT::Update::Error-Mode": "any",
    "Acquire::Retries": "2",
    "Acquire::http::Timeout": "30",
    "Acquire::https::Timeout": "30",
  };
}
