// The text of --help, made from the option table and laid out for a terminal of 80 columns.
import { defaultOf, flagOf, type Option, optionGroups, options } from "./options.ts";
import { wrapText } from "./wrap-text.ts";

export function renderHelp(): string {
  const lines = [
    "Usage: k8s-prometheus-proxy [flags]",
    "       k8s-prometheus-proxy scrape-config [flags]",
    "",
    "Lets a Prometheus outside a Kubernetes cluster scrape the pods inside it.",
    "",
    ...wrapText(
      "Every setting is an environment variable and a flag. A flag beats its variable; an empty variable counts as " +
        "not set. Durations are written 1500ms, 10s, 2m or 1h, sizes 16MiB, lists with commas.",
      "",
    ),
    "",
    ...wrapText(
      "scrape-config prints a job for Prometheus instead of starting the proxy; scrape-config --help says more.",
      "",
    ),
  ];
  for (const [group, title] of Object.entries(optionGroups)) {
    lines.push("", `${title}:`);
    for (const option of Object.values<Option>(options)) {
      if (option.group !== group) continue;
      lines.push(`  ${option.env}, ${flagOf(option)} <${option.kind.placeholder}>`);
      lines.push(...wrapText(`${option.help} Default: ${defaultOf(option)}.`, "      "));
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
