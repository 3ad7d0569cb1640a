/**
 * `npm run lock`: writes the lock after a change of dependencies. Takes the Node versions off native bindings: npm
 * silently leaves an optional package out when the Node that npm itself runs under does not fit, and a fresh Debian has
 * an old one, while every script of ours runs under the packaged Node.
 */
import { readFileSync, writeFileSync } from "node:fs";

interface LockedPackage {
  optional?: boolean;
  os?: unknown;
  cpu?: unknown;
  engines?: unknown;
}

const file = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(file, "utf8")) as { packages: Record<string, LockedPackage> };
for (const entry of Object.values(lock.packages)) {
  if (entry.optional === true && (entry.os !== undefined || entry.cpu !== undefined)) delete entry.engines;
}
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
