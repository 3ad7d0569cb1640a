// Holds SECURITY.md, the table of guards and the workflow to the code: a rule without a guard, a connection that the page does not
// list or an action that is not pinned fails here.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { designRules, guards } from "../scripts/guards/guards.ts";
import { programFiles, stripComments } from "./support/source-files.ts";

const root = join(import.meta.dirname, "..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const page = read("SECURITY.md");

describe("the ten rules", () => {
  test("stand in SECURITY.md under the names that the guards go by", () => {
    const named = [...page.matchAll(/^\d+\. \*\*(.+)\.\*\*/gm)].map(([, name]) => name);
    expect(named).toEqual(designRules);
    expect(named.length).toBe(10);
  });

  test("have a guard each", () => {
    expect(new Set(guards.map(({ rule }) => rule))).toEqual(new Set(designRules.keys().map((i) => i + 1)));
  });

  test.for(guards.map((guard) => [guard.against, guard] as const))("against %s", ([, guard]) => {
    expect(read(guard.file).split(guard.guard).length - 1, guard.file).toBe(1);
    expect(guard.without).not.toBe(guard.guard);
    expect(() => read(guard.test.file)).not.toThrow();
  });
});

/** Modules of which every use counts, and names of the others that open a connection or start a process. */
const opening: Readonly<Record<string, RegExp>> = {
  undici: /./,
  "node:child_process": /./,
  "node:cluster": /./,
  "node:dgram": /./,
  "node:dns": /./,
  "node:dns/promises": /./,
  "node:http": /^(?:\*|default|request|get|Agent|globalAgent)/,
  "node:http2": /./,
  "node:https": /./,
  "node:inspector": /^(?:\*|default|open|Session)/,
  "node:net": /^(?:\*|default|connect|createConnection)/,
  "node:tls": /^(?:\*|default|connect)/,
};
const openingCalls = /\bfetch\(|\bnew (?:WebSocket|EventSource|Socket|TLSSocket)\b|\brequire\(/;

function opens(text: string): boolean {
  const imports = text.matchAll(/^(?:import|export) (?!type)([^;]*?) from "([^"]+)"/gms);
  for (const [, clause, module] of imports) {
    const names = clause!.startsWith("{") ? clause!.replaceAll(/[{}\s]+/g, " ").split(",") : ["*"];
    const values = names.map((name) => name.trim()).filter((name) => name !== "" && !/^type\s/.test(name));
    if (values.some((name) => opening[module!]?.test(name) === true)) return true;
  }
  const loaded = [...text.matchAll(/\bimport\("([^"]+)"\)/g)].map(([, module]) => module!);
  if (loaded.some((module) => opening[module]?.test("*") === true)) return true;
  return openingCalls.test(stripComments(text));
}

describe("outbound connections", () => {
  test.for([
    ['import { connect } from "node:net";', true],
    ['import { isIP, connect as dial } from "node:net";', true],
    ['import * as net from "node:net";', true],
    ['import net from "node:net";', true],
    ['const { connect } = await import("node:net");', true],
    ['await import("./scrape-config.ts");', false],
    ['import { type Socket, isIP } from "node:net";', false],
    ['import type { Pool } from "undici";', false],
    ['import { type Dispatcher, Pool } from "undici";', true],
    ["await fetch(url);", true],
    ["// fetch(url)", false],
  ] as const)("%s counts: %s", ([text, expected]) => {
    expect(opens(text)).toBe(expected);
  });

  test("are opened by the files that SECURITY.md names, and by no other", () => {
    const table = page.slice(page.indexOf("## Every outbound connection"), page.indexOf("## Ten rules"));
    const named = new Set([...table.matchAll(/`(src\/[\w./-]+\.ts)`/g)].map(([, file]) => file!));
    const files = programFiles.map((file) => `src/${file}`);
    // It gives undici the sockets of pod-socket.ts.
    const withoutOwnSockets = "src/scrape/pod-connections.ts";
    expect(read(withoutOwnSockets)).toMatch(
      /connect: \(_options, callback\) => \{\s+const socket = openPodSocket\(/,
    );
    const opening = files.filter((file) => file !== withoutOwnSockets && opens(read(file)));
    expect(new Set(opening)).toEqual(named);
  });
});

describe("the hosted workflows", () => {
  const folder = ".github/workflows";
  const workflows = readdirSync(join(root, folder)).map((file) => [file, read(`${folder}/${file}`)] as const);

  test.for(workflows)("%s pins actions by commit and may only read", ([, text]) => {
    const uses = [...text.matchAll(/uses: (.+)/g)].map(([, action]) => action);
    expect(uses.length).toBeGreaterThan(0);
    expect(uses.filter((action) => !/@[0-9a-f]{40} # v\d/.test(action!))).toEqual([]);
    expect(text).toMatch(/^permissions: \{ contents: read \}$/m);
    expect(text).not.toMatch(/pull_request_target|secrets\.|write/);
  });

  test("verify the registry's signatures, and make the bill of materials", () => {
    const all = workflows.map(([, text]) => text).join("\n");
    for (const command of ["npm audit signatures", "npm run --silent sbom", ".ci/run", "npm run guards"])
      expect(all).toContain(`run: ${command}`);
  });
});
