// The subcommand `scrape-config`: argv and environment -> the text of a job for Prometheus, or every problem at once.
// Pure: opens no connection, reads no file, and takes no secret.
import type { ExternalUrl } from "../config/address-kinds.ts";
import { MalformedRequestError } from "../targets/malformed-request-error.ts";
import { checkFlags, secretFlags } from "./check-flags.ts";
import type { FlagValues } from "./flags.ts";
import { renderScrapeConfigHelp } from "./help.ts";
import { kubesdJob } from "./kubesd-job.ts";
import { mproxyJob } from "./mproxy-job.ts";
import { type Block, Noted, renderYaml } from "./noted.ts";
import { operatorForm } from "./operator-form.ts";
import { parseFlags } from "./parse-flags.ts";
import { sdJob } from "./sd-job.ts";

export interface ScrapeConfigInput {
  /** What follows `scrape-config`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

export type ScrapeConfigOutcome =
  /** To be printed on standard output. */
  | { readonly kind: "text"; readonly text: string }
  /** One line each. */
  | { readonly kind: "problems"; readonly problems: readonly string[] };

const jobs = { sd: sdJob, kubesd: kubesdJob, mproxy: mproxyJob };

export function createScrapeConfig({ argv, env, version }: ScrapeConfigInput): ScrapeConfigOutcome {
  const { help, version: asksVersion, values, problems: unread } = parseFlags(argv, env);
  if (help) return { kind: "text", text: renderScrapeConfigHelp() };
  if (asksVersion) return { kind: "text", text: `k8s-prometheus-proxy ${version}` };
  const problems = unread.length > 0 ? unread : checkFlags(values);
  const { externalUrl } = values;
  if (problems.length > 0 || externalUrl === undefined) return { kind: "problems", problems };
  try {
    const job = jobOf(values, externalUrl);
    const whole = values.operator
      ? operatorForm(job, values.jobName)
      : { scrape_configs: withPathNote([job], values) };
    return { kind: "text", text: renderYaml(whole).trimEnd() };
  } catch (error) {
    // Each part is fine, but not what they make together.
    if (!(error instanceof MalformedRequestError)) throw error;
    return {
      kind: "problems",
      problems: [`Cannot print a job that the proxy would refuse: ${error.message}`],
    };
  }
}

function jobOf(values: FlagValues, url: ExternalUrl): Block {
  const { way, jobName, scrapeInterval, scrapeTimeout } = values;
  return {
    job_name: jobName,
    scrape_interval: scrapeInterval?.text,
    scrape_timeout: scrapeTimeout?.text,
    ...jobs[way](values, url),
  };
}

function withPathNote(list: readonly Block[], values: FlagValues): readonly Block[] | Noted {
  const isRelative = secretFlags.some(
    (key) => key !== "username" && values[key] !== undefined && !values[key].startsWith("/"),
  );
  return isRelative ? new Noted("Relative paths begin at the folder of this file.", list) : list;
}
