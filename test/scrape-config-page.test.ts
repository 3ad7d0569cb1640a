// docs/scrape-config.md says what the program does: its flags are those of the table, and its examples print what stands there.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Flag, type FlagKey, flags, nameOf } from "../src/scrape-config/flags.ts";
import { createScrapeConfig } from "../src/scrape-config/scrape-config.ts";

const page = readFileSync(new URL("../docs/scrape-config.md", import.meta.url), "utf8");
const examples = [
  ...page.matchAll(
    /```sh\nnpx k8s-prometheus-proxy scrape-config ([^\n]*)\n```\n\n<!-- prettier-ignore -->\n```yaml\n(.*?)```/gs,
  ),
];

test("the page has an example of each way, and one for the operator", () => {
  expect(examples).toHaveLength(4);
});

test.for(examples.map(([, line, output]) => [line!, output!] as const))(
  "%s prints what the page says",
  ([line, output]) => {
    const argv = line.replace(/ [|>].*/, "").split(" ");
    expect(createScrapeConfig({ argv, env: {}, version: "" })).toEqual({
      kind: "text",
      text: output.trimEnd(),
    });
  },
);

test.for(Object.keys(flags) as FlagKey[])("the page has a row for the flag %s", (key) => {
  const { kind, help }: Flag = flags[key];
  const value = kind === undefined ? "" : ` <${kind.placeholder.replaceAll("|", "\\|")}>`;
  const row = page.split("\n").find((line) => line.startsWith(`| \`${nameOf(key)}${value}\` `));
  expect(row?.replaceAll(/\\(?=[<*])/g, "")).toContain(help);
});
