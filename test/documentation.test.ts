// Generated pages of docs/ equal what the code's tables make of them.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { generatePages } from "../scripts/generate-docs.ts";
import { flagOf, type Option, options } from "../src/config/options.ts";
import { metricDefinitions, metricPrefix } from "../src/telemetry/metric-definitions.ts";

const pages = await generatePages();

test.for([...pages.keys()])("%s is up to date (npm run docs)", async (path) => {
  expect(await readFile(new URL(`../${path}`, import.meta.url), "utf8")).toBe(pages.get(path));
});

test("docs/configuration.md has a row for every option", () => {
  const page = pages.get("docs/configuration.md")!;
  for (const option of Object.values<Option>(options)) {
    expect(page).toContain(`| \`${option.env}\`<br>\`${flagOf(option)}\` `);
  }
});

test("docs/metrics.md has a row for every metric", () => {
  const page = pages.get("docs/metrics.md")!;
  for (const { name } of Object.values(metricDefinitions))
    expect(page).toContain(`| \`${metricPrefix}${name}\` `);
});

test("documents name only files that exist", () => {
  const root = new URL("../", import.meta.url);
  const documents = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    ...readdirSync(new URL("docs/", root)),
  ];
  for (const document of documents.filter((name) => name.endsWith(".md"))) {
    const file = existsSync(new URL(document, root)) ? document : `docs/${document}`;
    const text = readFileSync(new URL(file, root), "utf8");
    const named = [...text.matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|js|md|json))`/g)].map(([, path]) => path!);
    const linked = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map(([, path]) => path!);
    const exists = (path: string) =>
      [path, `src/${path}`, `docs/${path}`].some((candidate) => existsSync(new URL(candidate, root)));
    expect([...named, ...linked].filter((path) => !exists(path))).toEqual([]);
  }
});
