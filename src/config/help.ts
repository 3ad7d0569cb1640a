// The text of --help, made from the option table and laid out for a terminal of 80 columns.
import { flagSections } from "./flag-help.ts";
import { defaultOf, flagOf, type Option, optionGroups, options } from "./options.ts";
import { wrapText } from "./wrap-text.ts";

export function renderHelp(): string {
  return [
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
    ...flagSections(
      optionGroups,
      Object.values<Option>(options).map((option) => ({
        group: option.group,
        usage: `${option.env}, ${flagOf(option)} <${option.kind.placeholder}>`,
        text: `${option.help} Default: ${defaultOf(option)}.`,
      })),
    ),
  ].join("\n");
}
