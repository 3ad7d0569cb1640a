// Fills a folder of the cache beside its place and moves it there when it is complete, so that a broken download or build
// leaves nothing that could be taken for a tool.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { toolFolder, toolsFolder } from "../../test/support/tool-paths.ts";

const scratchPrefix = "scratch-";
const abandonedMs = 3_600_000;

/** `fill` makes the tree; what else it needs room for goes into `scratch`, which is removed. */
export function placeTree(name: string, fill: (tree: string, scratch: string) => void): void {
  withScratch((scratch) => {
    const tree = join(scratch, name);
    mkdirSync(tree);
    fill(tree, scratch);
    try {
      renameSync(tree, toolFolder(name));
    } catch (cause) {
      // Another run of this script was quicker.
      if (!existsSync(toolFolder(name))) {
        throw cause;
      }
    }
  });
}

/** Gives room on the disk of the cache for the duration of one call. */
export function withScratch(use: (scratch: string) => void): void {
  mkdirSync(toolsFolder(), { recursive: true });
  const scratch = mkdtempSync(join(toolsFolder(), scratchPrefix));
  try {
    use(scratch);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Removes what a killed run left behind, 3.5 GB at worst. The longest build may take 15 minutes. */
export function removeAbandonedScratch(now = Date.now()): void {
  for (const name of existsSync(toolsFolder()) ? readdirSync(toolsFolder()) : []) {
    const folder = join(toolsFolder(), name);
    if (name.startsWith(scratchPrefix) && now - statSync(folder).mtimeMs > abandonedMs) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
