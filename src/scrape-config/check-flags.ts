// What is wrong with flags that are fine each by itself. Never repairs: a job that differs from what was asked scrapes other pods.
import { isDnsSubdomain } from "../targets/dns-name.ts";
import { saysWhichPods } from "../targets/pod-filter.ts";
import { type Flag, type FlagKey, flags, type FlagValues, nameOf, type Way } from "./flags.ts";

/** Flags that make sense under HTTPS alone. */
const tlsFlags = ["caFile", "certFile", "keyFile", "serverName", "insecureSkipVerify"] as const;

/** With --operator their values are `<secret>/<key>`. */
export const secretFlags = [
  "caFile",
  "certFile",
  "keyFile",
  "credentialsFile",
  "username",
  "passwordFile",
  "kubernetesCaFile",
  "kubernetesCredentialsFile",
] as const;

const secretKey = /^[-._a-zA-Z0-9]{1,253}$/;
/** Prometheus' default timeout, which is shorter than any usual interval of a global section, in whose place nothing is printed. */
const longestTimeoutAloneMs = 10_000;

/** One line for each problem. */
export function checkFlags(values: FlagValues): string[] {
  return [
    ...checkWay(values),
    ...checkTimes(values),
    ...checkCredentials(values),
    ...(values.operator ? checkOperator(values) : []),
  ];
}

const isGiven = (values: FlagValues, key: FlagKey) => values[key] !== undefined && values[key] !== false;

function checkWay(values: FlagValues): string[] {
  const { way } = values;
  const problems: string[] = [];
  if (values.externalUrl === undefined)
    problems.push("Cannot print a job without --external-url: neither it nor EXTERNAL_URL is set");
  for (const key of Object.keys(flags) as FlagKey[]) {
    const { ways }: Flag = flags[key];
    if (ways !== undefined && !ways.includes(way) && isGiven(values, key))
      problems.push(`Cannot use ${nameOf(key)} with --way ${way}: it needs --way ${ways.join(" or ")}`);
  }
  if (way === "kubesd" && values.kubernetesApiUrl === undefined)
    problems.push(needs("kubesd", "--kubernetes-api-url"));
  if (way === "mproxy") {
    if (values.namespace === undefined) problems.push(needs("mproxy", "--namespace"));
    if ((values.prefix ?? "") === "" && !narrows(values))
      problems.push(needs("mproxy", "one of --prefix, --selector, --workload and --annotated"));
  }
  return problems;
}

/** As on `/mproxy`, where a prefix of `-` needs it. */
function narrows({ selector, workload = [], annotated }: FlagValues): boolean {
  return saysWhichPods({ selector, workloads: workload, annotatedOnly: annotated });
}

const needs = (way: Way, what: string) => `Cannot print a job for --way ${way}: it needs ${what}`;

function checkTimes({ scrapeInterval, scrapeTimeout }: FlagValues): string[] {
  if (scrapeTimeout === undefined || scrapeTimeout.ms <= (scrapeInterval?.ms ?? longestTimeoutAloneMs))
    return [];
  const state =
    scrapeInterval === undefined
      ? "longer than 10s it needs --scrape-interval, because Prometheus refuses one that is longer than its interval"
      : `it is longer than --scrape-interval, which is ${scrapeInterval.text}`;
  return [`Cannot use --scrape-timeout: ${state}`];
}

function checkCredentials(values: FlagValues): string[] {
  const problems: string[] = [];
  const together = (one: FlagKey, other: FlagKey) => {
    if (isGiven(values, one) && !isGiven(values, other))
      problems.push(`Cannot use ${nameOf(one)}: it needs ${nameOf(other)}`);
  };
  together("certFile", "keyFile");
  together("keyFile", "certFile");
  together("username", "passwordFile");
  together("passwordFile", "username");
  if (isGiven(values, "credentialsFile") && (isGiven(values, "username") || isGiven(values, "passwordFile")))
    problems.push(
      "Cannot use --credentials-file: a user and a password are given too; Prometheus sends one of them",
    );
  const isPlain = (url: string | undefined) => url?.startsWith("http:") === true;
  for (const key of tlsFlags)
    if (values.externalUrl?.scheme === "http" && isGiven(values, key))
      problems.push(`Cannot use ${nameOf(key)}: --external-url is not https`);
  if (isPlain(values.kubernetesApiUrl?.origin) && isGiven(values, "kubernetesCaFile"))
    problems.push("Cannot use --kubernetes-ca-file: --kubernetes-api-url is not https");
  if (isPlain(values.kubernetesApiUrl?.origin) && isGiven(values, "kubernetesCredentialsFile"))
    problems.push("Cannot use --kubernetes-credentials-file: --kubernetes-api-url is not https");
  return problems;
}

function checkOperator(values: FlagValues): string[] {
  const problems: string[] = [];
  if (!isDnsSubdomain(values.jobName))
    problems.push(
      "Cannot use --job-name with --operator: it becomes the name of an object; wanted a DNS subdomain",
    );
  for (const key of secretFlags) {
    const text = values[key];
    if (text === undefined) continue;
    const [name = "", keyInSecret = "", ...rest] = text.split("/");
    if (rest.length > 0 || !isDnsSubdomain(name) || !secretKey.test(keyInSecret))
      problems.push(
        `Cannot use ${nameOf(key)} with --operator: wanted <secret>/<key>, such as proxy-client/token`,
      );
  }
  return problems;
}
