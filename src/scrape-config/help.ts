// The text of `scrape-config --help`, made from the table of flags and laid out for a terminal of 80 columns.
import { flagSections } from "../config/flag-help.ts";
import { wrapText } from "../config/wrap-text.ts";
import { type Flag, flagGroups, type FlagKey, flags, nameOf } from "./flags.ts";

export function renderScrapeConfigHelp(): string {
  return [
    "Usage: k8s-prometheus-proxy scrape-config --external-url <url> [flags]",
    "",
    ...wrapText(
      "Prints a job with which Prometheus scrapes pods through the proxy: a file for scrape_config_files, or what stands " +
        "under scrape_configs. Opens no connection and reads no file. Lists have commas, or the flag is repeated.",
      "",
    ),
    ...flagSections(
      flagGroups,
      (Object.keys(flags) as FlagKey[]).map((key) => {
        const flag: Flag = flags[key];
        const value = flag.kind === undefined ? "" : ` <${flag.kind.placeholder}>`;
        const ending = flag.default === undefined ? "" : ` Default: ${flag.default}.`;
        return { group: flag.group, usage: `${nameOf(key)}${value}`, text: `${flag.help}${ending}` };
      }),
    ),
  ].join("\n");
}
