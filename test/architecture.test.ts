/** Holds the import table of ARCHITECTURE.md against the code. */
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { programFiles, sourceFolder, stripComments } from "./support/source-files.ts";

const root = resolve(import.meta.dirname, "..");

/** Which folders of ours a folder may import; `types` restricts to `import type`. */
const mayImport: Record<string, { values: string[]; types: string[] }> = {
  config: { values: [], types: [] },
  exposition: { values: [], types: [] },
  files: { values: [], types: [] },
  telemetry: { values: [], types: [] },
  discovery: { values: ["files", "telemetry"], types: [] },
  targets: { values: [], types: ["config", "discovery"] },
  scrape: { values: ["exposition", "files", "targets", "telemetry"], types: ["discovery"] },
  http: {
    values: ["discovery", "exposition", "files", "scrape", "targets", "telemetry"],
    types: ["config"],
  },
  "app.ts": {
    values: ["config", "discovery", "exposition", "files", "http", "scrape", "targets", "telemetry"],
    types: [],
  },
  "scrape-config": { values: ["config", "targets"], types: [] },
  "main.ts": { values: ["app.ts", "config", "scrape-config", "telemetry"], types: [] },
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(sourceFolder, file), "utf8");
  const found: Import[] = [];
  for (const match of text.matchAll(/^(?:import|export)\s+(type\s+)?([^;]*?)from\s+"(\.[^"]+)"/gms)) {
    const names = match[2]!.replace(/^\s*\{|\}\s*$/g, "").trim();
    const typeOnly = match[1] !== undefined || names.split(",").every((name) => /^\s*(type\s|$)/.test(name));
    found.push({
      from: file,
      to: relative(sourceFolder, join(sourceFolder, dirname(file), match[3]!)),
      typeOnly,
    });
  }
  for (const [, path] of text.matchAll(/\bimport\(\s*"(\.[^"]+)"\s*\)/g)) {
    found.push({
      from: file,
      to: relative(sourceFolder, join(sourceFolder, dirname(file), path!)),
      typeOnly: false,
    });
  }
  return found;
}

const folderOf = (file: string) => file.split("/")[0]!;
const allImports = programFiles.flatMap(importsOf).filter(({ to }) => to !== "../package.json");

describe("import table", () => {
  it("knows every folder below src", () => {
    expect(new Set(programFiles.map(folderOf))).toEqual(new Set(Object.keys(mayImport)));
  });

  it("is kept by every import between folders", () => {
    const broken = allImports.filter(({ from, to, typeOnly }) => {
      if (folderOf(from) === folderOf(to)) return false;
      const allowed = mayImport[folderOf(from)]!;
      return !(allowed.values.includes(folderOf(to)) || (typeOnly && allowed.types.includes(folderOf(to))));
    });
    expect(broken).toEqual([]);
    expect(allImports.length).toBeGreaterThan(50);
  });

  it("has no cycles between files", () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, typeOnly } of allImports) {
      if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
    }
    const done = new Set<string>();
    const visit = (file: string, path: string[]): string[] | undefined => {
      if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
      if (done.has(file)) return undefined;
      for (const next of edges.get(file) ?? []) {
        const cycle = visit(next, [...path, file]);
        if (cycle) return cycle;
      }
      done.add(file);
      return undefined;
    };
    for (const file of programFiles) expect(visit(file, [])).toBeUndefined();
  });

  it("leaves `process` to main.ts", () => {
    const using = programFiles.filter((file) =>
      /\bprocess\./.test(stripComments(readFileSync(join(sourceFolder, file), "utf8"))),
    );
    expect(using).toEqual(["main.ts"]);
  });

  it("keeps exposition pure: of Node only the byte helpers", () => {
    for (const file of programFiles.filter((name) => folderOf(name) === "exposition")) {
      const text = readFileSync(join(sourceFolder, file), "utf8");
      const modules = [...text.matchAll(/from "([^."][^"]*)"/g)].map((match) => match[1]);
      expect(modules.filter((name) => name !== "node:buffer")).toEqual([]);
    }
  });
});

describe("repository", () => {
  it("has no download address in the lock", () => {
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    expect([...lock.matchAll(/"resolved": "([^"]*)"/g)].map((match) => match[1])).toEqual(["tools/runtime"]);
    expect(lock).not.toMatch(/https?:\/\/registry/);
  });

  it("locks native bindings without a Node version, so that the npm of an old Node installs them", () => {
    const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { optional?: boolean; os?: string[]; cpu?: string[]; engines?: object }>;
    };
    const native = Object.entries(packages).filter(
      ([, { optional, os, cpu }]) => optional === true && (os ?? cpu),
    );
    expect(native.length).toBeGreaterThan(20);
    // Run `npm run lock` after a change of dependencies.
    expect(native.filter(([, { engines }]) => engines !== undefined).map(([path]) => path)).toEqual([]);
  });

  it("depends on exact versions, and on no package with an install script", () => {
    const { dependencies, devDependencies } = JSON.parse(
      readFileSync(join(root, "package.json"), "utf8"),
    ) as Record<string, Record<string, string>>;
    for (const version of Object.values({ ...dependencies, ...devDependencies })) {
      expect(version).toMatch(/^(\d+\.\d+\.\d+|file:tools\/runtime)$/);
    }
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
      packages: Record<string, { hasInstallScript?: boolean; optional?: boolean }>;
    };
    const scripted = Object.entries(lock.packages).filter(([, entry]) => entry.hasInstallScript === true);
    expect(scripted.map(([path]) => path)).toEqual([]);
  });
});
