// The text of --help, made from the option table and laid out for a terminal of 80 columns.
import { defaultOf, flagOf, type Option, optionGroups, options } from "./options.ts";

const columns = 80;

export function renderHelp(): string {
  const lines = [
    "Usage: k8s-prometheus-proxy [flags]",
    "",
    "Lets a Prometheus outside a Kubernetes cluster scrape the pods inside it.",
    "",
    ...wrap(
      "Every setting is an environment variable and a flag. A flag beats its variable; an empty variable counts as " +
        "not set. Durations are written 1500ms, 10s, 2m or 1h, sizes 16MiB, lists with commas.",
      "",
    ),
  ];
  for (const [group, title] of Object.entries(optionGroups)) {
    lines.push("", `${title}:`);
    for (const option of Object.values<Option>(options)) {
      if (option.group !== group) continue;
      lines.push(`  ${option.env}, ${flagOf(option)} <${option.kind.placeholder}>`);
      lines.push(...wrap(`${option.help} Default: ${defaultOf(option)}.`, "      "));
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

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    const separator = line === indent ? "" : " ";
    if (line.length + separator.length + word.length > columns) {
      lines.push(line);
      line = indent + word;
    } else {
      line += separator + word;
    }
  }
  return [...lines, line];
}
