// The text of `scrape-config --help`, made from the table of flags and laid out for a terminal of 80 columns.
import { wrapText } from "../config/wrap-text.ts";
import { type Flag, flagGroups, type FlagKey, flags, nameOf } from "./flags.ts";

export function renderScrapeConfigHelp(): string {
  const lines = [
    "Usage: k8s-prometheus-proxy scrape-config --external-url <url> [flags]",
    "",
    ...wrapText(
      "Prints a job with which Prometheus scrapes pods through the proxy: a file for scrape_config_files, or what stands " +
        "under scrape_configs. Opens no connection and reads no file. Lists have commas, or the flag is repeated.",
      "",
    ),
  ];
  for (const [group, title] of Object.entries(flagGroups)) {
    lines.push("", `${title}:`);
    for (const key of Object.keys(flags) as FlagKey[]) {
      const flag: Flag = flags[key];
      if (flag.group !== group) continue;
      lines.push(`  ${nameOf(key)}${flag.kind === undefined ? "" : ` <${flag.kind.placeholder}>`}`);
      const ending = flag.default === undefined ? "" : ` Default: ${flag.default}.`;
      lines.push(...wrapText(`${flag.help}${ending}`, "      "));
    }
  }
  lines.push(
    "",
    "Other flags:",
    "  -h, --help     Prints this text.",
    "  -V, --version  Prints the version.",
  );
  return lines.join("\n");
}
