// Installs the programs that the end-to-end tests talk to and that npm does not have: two Prometheus servers and a
// second parser of expositions. On Debian 12 it unpacks Debian's packages below the user's cache folder, beside the
// system; elsewhere it says what to install. A missing tool is always a failure: no test skips for want of one.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  findOracle,
  findPrometheus,
  findPython,
  isVersion,
  oracleFolderName,
  prometheusFolderName,
  toolFolder,
  toolsFolder,
  type PrometheusVersion,
} from "../test/support/tool-paths.ts";
import { DebianArchive } from "./test-tools/debian-archive.ts";
import type { PrivateApt } from "./test-tools/private-apt.ts";
import { run } from "./test-tools/run.ts";

interface Tool {
  /** What to install where this script cannot. */
  readonly name: string;
  readonly isThere: () => boolean;
  readonly install: (debian: DebianArchive) => void;
}

const tools: readonly Tool[] = [
  {
    name: "python3",
    isThere: () => findPython() !== undefined,
    install: () => installPython(),
  },
  {
    name: "prometheus_client for python3",
    isThere: () => findOracle() !== undefined,
    install: (debian) => {
      place(oracleFolderName, (tree) => {
        debian.stable().unpack(["python3-prometheus-client", "python3-decorator"], tree);
      });
    },
  },
  {
    name: "prometheus and promtool 2.42 or later, of major version 2, on the PATH",
    isThere: () => findPrometheus("2.42") !== undefined,
    install: (debian) => {
      placePrometheus("2.42", debian.stable(), ["prometheus"]);
    },
  },
  {
    name: "prometheus and promtool 3.5 or later, of major version 3, on the PATH",
    isThere: () => findPrometheus("3.5") !== undefined,
    install: (debian) => {
      placePrometheus("3.5", debian.sid(), ["prometheus", "promtool"]);
    },
  },
];

function placePrometheus(version: PrometheusVersion, apt: PrivateApt, packages: readonly string[]): void {
  place(prometheusFolderName(version), (tree) => {
    apt.unpack(packages, tree);
    for (const program of ["prometheus", "promtool"]) {
      const file = join(tree, "usr", "bin", program);
      if (!isVersion(file, version)) {
        throw new Error(`Cannot use ${program} of Debian: it is not ${version} or later, or it does not run`);
      }
    }
  });
}

/** Fills a folder beside its place and moves it there when it is complete, so that a broken download leaves nothing. */
function place(name: string, fill: (tree: string) => void): void {
  const scratch = mkdtempSync(join(toolsFolder(), "unpacking-"));
  try {
    const tree = join(scratch, name);
    fill(tree);
    try {
      renameSync(tree, toolFolder(name));
    } catch (cause) {
      // Another run of this script was quicker.
      if (!existsSync(toolFolder(name))) {
        throw cause;
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The only one of the tools that goes into the system: unpacked beside it, it would not find its own library. */
function installPython(): void {
  if (process.getuid?.() !== 0) {
    throw new Error('Cannot install python3: not root; run "apt-get install python3"');
  }
  run("apt-get", ["update"]);
  run("apt-get", ["install", "--yes", "--no-install-recommends", "python3"]);
}

/** The code name of Debian 12; undefined on any other system. */
function debianSuite(): string | undefined {
  const file = "/etc/os-release";
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return /^ID=debian$/mu.test(text) && /^VERSION_ID="?12"?$/mu.test(text) ? "bookworm" : undefined;
}

function main(): void {
  const missing = tools.filter((tool) => !tool.isThere());
  if (missing.length === 0) {
    return;
  }
  const suite = debianSuite();
  if (suite === undefined) {
    const names = missing.map((tool) => `\n  ${tool.name}`).join("");
    throw new Error(`Cannot install what the tests need: not Debian 12. Please install:${names}`);
  }
  mkdirSync(toolsFolder(), { recursive: true });
  const scratch = mkdtempSync(join(toolsFolder(), "apt-"));
  try {
    const debian = new DebianArchive(scratch, suite);
    for (const tool of missing) {
      console.log(`Installing for the tests: ${tool.name}`);
      tool.install(debian);
      if (!tool.isThere()) {
        throw new Error(`Cannot install ${tool.name}: installed, but not found`);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
