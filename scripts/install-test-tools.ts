// Installs the programs that the end-to-end tests talk to and that npm does not have: Prometheus servers, a second parser of
// expositions, and a Kubernetes API server. On Debian 12 it unpacks Debian's packages below the user's cache folder, beside
// the system; elsewhere it says what to install. A missing tool is always a failure: no test skips for want of one.

import { existsSync, readFileSync } from "node:fs";
import { DebianArchive } from "./test-tools/debian-archive.ts";
import { removeAbandonedScratch, withScratch } from "./test-tools/place-tree.ts";
import { tools } from "./test-tools/tools.ts";

/** The code name of Debian 12; undefined on any other system. */
function debianSuite(): string | undefined {
  const file = "/etc/os-release";
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  return /^ID=debian$/mu.test(text) && /^VERSION_ID="?12"?$/mu.test(text) ? "bookworm" : undefined;
}

function main(): void {
  removeAbandonedScratch();
  const missing = tools.filter((tool) => !tool.isThere());
  if (missing.length === 0) {
    return;
  }
  const suite = debianSuite();
  if (suite === undefined) {
    const names = missing.map((tool) => `\n  ${tool.name}`).join("");
    throw new Error(`Cannot install what the tests need: not Debian 12. Please install:${names}`);
  }
  withScratch((scratch) => {
    const debian = new DebianArchive(scratch, suite);
    for (const tool of missing) {
      console.log(`Installing for the tests: ${tool.name}`);
      tool.install(debian);
      if (!tool.isThere()) {
        throw new Error(`Cannot install ${tool.name}: installed, but not found`);
      }
    }
  });
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
