import { expect, test } from "vitest";
import { renderHelp } from "./help.ts";
import { defaultOf, flagOf, type Option, optionGroups, options } from "./options.ts";

const help = renderHelp();
const oneLine = help.replaceAll(/\s+/g, " ");

test.for(Object.values<Option>(options))("renderHelp() shows $env whole", (option) => {
  expect(help).toContain(`  ${option.env}, ${flagOf(option)} <${option.kind.placeholder}>\n`);
  expect(oneLine).toContain(`${option.help} Default: ${defaultOf(option)}.`);
});

test("renderHelp() fits into 80 columns", () => {
  expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("renderHelp() shows every group with its options, in the table's order", () => {
  const shown = [...help.matchAll(/^ {2}([A-Z0-9_]+), /gm)].map(([, env]) => env);
  const groups = Object.keys(optionGroups);
  const inOrder = Object.values<Option>(options)
    .toSorted((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group))
    .map(({ env }) => env);
  expect(shown).toEqual(inOrder);
  for (const title of Object.values(optionGroups)) expect(help).toContain(`\n${title}:\n`);
});

test("renderHelp() names its own flags", () => {
  for (const flag of ["-h, --help", "-V, --version"]) expect(help).toContain(flag);
});
