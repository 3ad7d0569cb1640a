// Finds out where this machine gets Debian's own packages from, so that no archive is named here and a local mirror,
// its keys and its proxy are used. Reads apt's configuration; never changes it.

import { readFileSync } from "node:fs";
import { run } from "./run.ts";

/** An archive that has Debian's suites, as a source of apt. */
export interface Archive {
  readonly uri: string;
  /** Value of the field Signed-By (key files, fingerprints or a key itself); undefined: apt's trusted keys. */
  readonly signedBy: string | undefined;
}

/**
 * The archives in apt's configuration that have this suite with the component `main`. A third party may use the same
 * names for its own archive, so ask each one's Release file whether it is Debian's.
 */
export function findArchives(suite: string): readonly Archive[] {
  // apt itself reads both notations of its sources here, also before the first `apt-get update`.
  const format = ["$(CREATED_BY)", "$(RELEASE)", "$(COMPONENT)", "$(REPO_URI)", "$(SOURCESENTRY)"].join("\t");
  const lines = run("apt-get", ["indextargets", "--no-release-info", "--format", format]).split("\n");
  const archives = new Map<string, Archive>();
  for (const [createdBy, release, component, uri, entry] of lines.map((line) => line.split("\t"))) {
    if (createdBy === "Packages" && release === suite && component === "main" && uri && entry) {
      const file = entry.slice(0, entry.lastIndexOf(":"));
      archives.set(uri, { uri, signedBy: findSignedBy(readFileSync(file, "utf8"), uri, suite) });
    }
  }
  return [...archives.values()];
}

/** The keys named for one archive in a file of apt sources, in deb822 or one-line notation. */
export function findSignedBy(sources: string, uri: string, suite: string): string | undefined {
  const text = sources.replaceAll(/^#.*\n/gmu, "");
  const isOurs = (uris: string, suites: string) =>
    uris.split(/\s+/u).some((item) => withSlash(item) === withSlash(uri)) &&
    suites.split(/\s+/u).includes(suite);

  for (const stanza of text.split(/\n\s*\n/u)) {
    if (isOurs(readField(stanza, "URIs") ?? "", readField(stanza, "Suites") ?? "")) {
      return readField(stanza, "Signed-By");
    }
  }
  for (const [, options, lineUri, lineSuite] of text.matchAll(
    /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s/gmu,
  )) {
    if (isOurs(lineUri ?? "", lineSuite ?? "")) {
      return /(?:^|\s)signed-by=(\S+)/u.exec(options ?? "")?.[1];
    }
  }
  return undefined;
}

/** A field of a deb822 stanza with its continuation lines, as they stand. */
function readField(stanza: string, name: string): string | undefined {
  return new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, "imu").exec(stanza)?.[1]?.trimEnd();
}

function withSlash(uri: string): string {
  return uri.endsWith("/") ? uri : `${uri}/`;
}
