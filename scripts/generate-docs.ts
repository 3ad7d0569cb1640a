// Writes the pages of docs/ that are made from tables in the code. test/documentation.test.ts fails while a committed
// page differs from what this makes.
import { writeFile } from "node:fs/promises";
import { format, resolveConfig } from "prettier";
import { defaultOf, flagOf, type Option, optionGroups, options } from "../src/config/options.ts";
import { differencesPage } from "./differences-page.ts";
import {
  authenticationFailures,
  limits,
  maxNamespaceSeries,
  metricDefinitions,
  metricPrefix,
  podScrapeOutcomes,
  routes,
  statusCodes,
} from "../src/telemetry/metric-definitions.ts";

const root = new URL("../", import.meta.url);

/** Text of every generated page by its path in the repository. */
export async function generatePages(): Promise<Map<string, string>> {
  const pages = new Map([
    ["docs/configuration.md", configurationPage()],
    ["docs/metrics.md", metricsPage()],
    ["docs/differences.md", differencesPage(generatedNote.replace("src/", "test/support/"))],
  ]);
  const style = await resolveConfig(new URL("docs/", root));
  for (const [path, text] of pages) pages.set(path, await format(text, { ...style, parser: "markdown" }));
  return pages;
}

const generatedNote = "<!-- Made by `npm run docs`; edit the tables in src/ instead. -->";

function configurationPage(): string {
  const groups = Object.entries(optionGroups).map(([group, title]) => {
    const rows = Object.values<Option>(options)
      .filter((option) => option.group === group)
      .map((option) => [
        `\`${option.env}\`<br>\`${flagOf(option)}\``,
        formatCell(option.kind.wanted),
        formatCell(defaultOf(option)),
        formatCell(option.help),
      ]);
    return `## ${title}\n\n${formatTable(["Variable and flag", "Value", "Default", "Meaning"], rows)}`;
  });
  return `${generatedNote}

# Configuration

Every setting is an environment variable and a flag: \`CIDR_WHITELIST\` is also \`--cidr-whitelist\`. A flag beats its
variable. A variable that is set to nothing counts as not set; an empty item in a list stops the start. Variables that are not
listed here are ignored, unknown flags are not.

If anything is wrong the program names every problem, each with its variable, what was given and what is wanted, and exits
with code 2. At start it warns in one line about every setting that lets through more than it could.

${groups.join("\n\n")}
`;
}

function metricsPage(): string {
  const rows = Object.values(metricDefinitions).map(({ name, type, labels, help }) => [
    `\`${metricPrefix}${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(", "),
    formatCell(help),
  ]);
  return `${generatedNote}

# Metrics of the proxy

Served as \`/metrics\` on the metrics listener (\`METRICS_HTTP_PORT\`), together with the metrics of the Node.js process
(\`process_*\`, \`nodejs_*\`). There are at most 500 series, whatever is sent to the proxy.

${formatTable(["Metric", "Type", "Labels", "Meaning"], rows)}

## Label values

- \`route\`: ${formatValues(routes)}
- \`code\`: ${formatValues([...statusCodes.map(String), "other"])}
- \`outcome\`: ${formatValues(podScrapeOutcomes)}
- \`reason\` of \`authentication_failures_total\`: ${formatValues(authenticationFailures)}
- \`limit\`: ${formatValues(limits)}
- \`namespace\`: the first ${maxNamespaceSeries} namespaces by name, and \`other\`
`;
}

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return lines.join("\n");
}

/** Plain text for a table cell; names of variables and paths of the proxy become code. */
function formatCell(text: string): string {
  return text
    .replaceAll("`", "")
    .replaceAll(/[\\|<>*]/g, String.raw`\$&`)
    .replaceAll(/\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/g, "`$&`");
}

function formatValues(values: readonly string[]): string {
  return values.map((value) => `\`${value}\``).join(", ");
}

if (import.meta.main) {
  for (const [path, text] of await generatePages()) {
    await writeFile(new URL(path, root), text);
    console.log(`wrote ${path}`);
  }
}
