// Loaded into a program before it begins: watches all of its process, and adds what is found to the file that the address of this module
// names. Nothing of it can be seen in the program's environment.
import { appendFileSync } from "node:fs";

import { holdConfiguredSecrets } from "./configured-secrets.ts";
import { ProgramWatch } from "./program-watch.ts";
import { settingsOf } from "./settings.ts";
import { watchNode } from "./watch-node.ts";

const report = new URL(import.meta.url).searchParams.get("report")!;
const settings = settingsOf(process.env, process.argv.slice(2));
const watch = new ProgramWatch(settings, (finding) => appendFileSync(report, `${JSON.stringify(finding)}\n`));
holdConfiguredSecrets(watch, settings);
watchNode(() => watch);
