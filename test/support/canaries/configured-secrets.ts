// Tells a program's judge the secrets that its settings hold: tokens, passwords and keys, in variables and in the files that these name.
// Files that cannot be read are the program's business.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

import type { ProgramWatch } from "./program-watch.ts";
import type { Settings } from "./settings.ts";

export function holdConfiguredSecrets(watch: ProgramWatch, settings: Settings): void {
  const of = (variable: string) => textOf(settings[variable]);
  watch.holds(settings["K8S_GLOBAL_TOKEN"] ?? "", "cluster");
  watch.holds(
    of("TOKEN_FILE")
      .replace(/^\s*K8S_GLOBAL_TOKEN=/u, "")
      .trim(),
    "cluster",
  );
  watch.holds(of("CERT_KEY_PASSWD_FILE").trim(), "operator");
  for (const line of of("BEARER_TOKENS_FILE").split("\n")) watch.holds(line.trim(), "operator");

  const webConfig = of("WEB_CONFIG_FILE");
  for (const [hash] of webConfig.matchAll(/\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}/gu))
    watch.holds(hash, "operator");
  const [, webKey = ""] = /\bkey_file: *["']?([^\s"',}]+)/u.exec(webConfig) ?? [];
  const webFolder = dirname(settings["WEB_CONFIG_FILE"] ?? ".");
  for (const key of [
    of("CERT_KEY_FILE"),
    of("UPSTREAM_KEY_FILE"),
    textOf(webKey && resolve(webFolder, webKey)),
  ])
    watch.holdsKeys(key);
}

function textOf(path: string | undefined): string {
  if (path === undefined || path === "") return "";
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
