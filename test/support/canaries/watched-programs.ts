// The programs and apps that the tests of a file have started, each with a judge, and what these have found. Off until a setup file turns it
// on: the runner of the attack catalogue has judges of its own.
import { AsyncLocalStorage } from "node:async_hooks";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { holdConfiguredSecrets } from "./configured-secrets.ts";
import { type Finding, ProgramWatch } from "./program-watch.ts";
import type { Settings } from "./settings.ts";
import { watchNode } from "./watch-node.ts";

interface Watched {
  readonly name: string;
  readonly findings: () => Finding[];
  readonly log: () => string;
}

let folder: string | undefined;
let watched: Watched[] = [];
const apps = new AsyncLocalStorage<ProgramWatch>();

/** To be called once in a process. */
export function startWatching(): void {
  folder = mkdtempSync(join(tmpdir(), "canaries-"));
  writePreload(folder);
  watchNode(() => apps.getStore());
}

export function stopWatching(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true });
  folder = undefined;
}

/** As JavaScript: a program that removed the types itself would need 20 MB for that. */
function writePreload(into: string): void {
  writeFileSync(join(into, "package.json"), '{"type":"module"}');
  for (const name of readdirSync(import.meta.dirname)) {
    const code = stripTypeScriptTypes(readFileSync(join(import.meta.dirname, name), "utf8"));
    writeFileSync(join(into, name.replace(/ts$/u, "js")), code.replace(/(from "\.\/[^"]+)\.ts"/gu, '$1.js"'));
  }
}

/** Arguments for Node that have a program watched. `log` gives all that it has written. */
export function watchProgram(log: () => string): string[] {
  if (folder === undefined) return [];
  const report = join(folder, `report-${watched.length}-${Date.now()}`);
  appendFileSync(report, "");
  watched.push({
    name: `program ${watched.length}`,
    log,
    findings: () =>
      readFileSync(report, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Finding),
  });
  const preload = pathToFileURL(join(folder, "preload.js"));
  preload.searchParams.set("report", report);
  return ["--import", preload.href];
}

/** Has what `start` starts watched: all that is done in its asynchronous context, which sockets and timers inherit. */
export function watchApp<App>(
  { settings, log }: { readonly settings: Settings; readonly log: () => string },
  start: () => Promise<App>,
): Promise<App> {
  if (folder === undefined) return start();
  const findings: Finding[] = [];
  const watch = new ProgramWatch(settings, (finding) => findings.push(finding));
  holdConfiguredSecrets(watch, settings);
  watched.push({ name: `app ${watched.length}`, findings: () => findings, log });
  return apps.run(watch, start);
}

/** What was found since the last call: one line for each thing that may not be, and the kinds of things seen. */
export function takeFindings(): { violations: string[]; seen: ReadonlySet<string> } {
  const taken = watched;
  watched = [];
  const seen = new Set<string>();
  const violations = taken.flatMap(({ name, findings, log }) => {
    const text = log();
    return findings().flatMap((finding) => {
      if (finding.kind === "violation") return [`${name} ${finding.text}`];
      if (finding.kind === "seen") seen.add(finding.what);
      else if (text.includes(finding.secret.text))
        return [`${name} logged a secret of the ${finding.secret.owner} (${finding.secret.text})`];
      return [];
    });
  });
  return { violations, seen };
}
