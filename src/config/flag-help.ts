// The sections of a --help, laid out for a terminal of 80 columns: for the program and for its subcommand alike.
import { wrapText } from "./wrap-text.ts";

export interface FlagHelp {
  /** Key of a group. */
  readonly group: string;
  /** What stands before its sentences, such as `--port <port,...>`. */
  readonly usage: string;
  readonly text: string;
}

/** One section for each group, in the order of the groups, and one for the flags that everything has. */
export function flagSections(
  groups: Readonly<Record<string, string>>,
  flags: readonly FlagHelp[],
): readonly string[] {
  const lines: string[] = [];
  for (const [group, title] of Object.entries(groups)) {
    lines.push("", `${title}:`);
    for (const flag of flags) {
      if (flag.group === group) lines.push(`  ${flag.usage}`, ...wrapText(flag.text, "      "));
    }
  }
  return [
    ...lines,
    "",
    "Other flags:",
    "  -h, --help     Prints this text.",
    "  -V, --version  Prints the version.",
  ];
}
