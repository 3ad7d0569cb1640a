// argv and environment -> Config, or every problem at once. Knows syntax only: opens no file, resolves no name. Foreign
// environment variables are ignored; foreign flags are problems.
import { parseCidr } from "./cidr.ts";
import { parseCommandLine } from "./command-line.ts";
import { describeProblem, type GivenValue, quoteValue } from "./given-value.ts";
import { renderHelp } from "./help.ts";
import { listenerWarnings } from "./listener-settings.ts";
import { describeLooseSettings, looseSettings } from "./loose-settings.ts";
import { type Option, type OptionKey, options, type Settings } from "./options.ts";
import { type Config, resolveSettings, type Sources } from "./resolve-settings.ts";

export type { Config } from "./resolve-settings.ts";

export interface ConfigInput {
  /** The user's arguments alone, without the paths of node and the script. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As the runtime tells it; undefined, 0 and numbers beyond 2^53 mean that there is no limit. */
  readonly memoryLimitBytes: number | undefined;
  readonly version: string;
}

export type ParsedConfig =
  | {
      readonly kind: "config";
      /** Frozen, lists included. */
      readonly config: Config;
      readonly sources: Sources;
      /** One line each, for the log at start. */
      readonly warnings: readonly string[];
    }
  /** To be printed on standard output; nothing else was looked at. */
  | { readonly kind: "help" | "version"; readonly text: string }
  /** One line each: the variable, what was given, what is wanted. */
  | { readonly kind: "problems"; readonly problems: readonly string[] };

/** Precedence: flag, then environment, then default. */
export function parseConfig({ argv, env, memoryLimitBytes, version }: ConfigInput): ParsedConfig {
  const line = parseCommandLine(argv, Object.values(options));
  if (line.help) return { kind: "help", text: renderHelp() };
  if (line.version) return { kind: "version", text: `k8s-prometheus-proxy ${version}` };

  const given = collectGiven(line.flags, env);
  const refused = new Set<OptionKey>();
  const problems = [...line.problems];
  const values: [OptionKey, unknown][] = [];
  for (const key of optionKeys) {
    const outcome = readOption(options[key], given.get(key));
    if (outcome.problems.length > 0) refused.add(key);
    problems.push(...outcome.problems);
    if (outcome.value !== undefined) values.push([key, outcome.value]);
  }
  // Complete unless there are problems, and then only the cross checks see it, without the refused options.
  const settings = Object.fromEntries(values) as unknown as Settings;
  const resolved = resolveSettings(settings, { given, refused, memoryLimitBytes });
  problems.push(...resolved.problems);
  if (problems.length > 0) return { kind: "problems", problems };

  const loose = describeLooseSettings(looseSettings(resolved.config));
  return {
    kind: "config",
    config: deepFreeze(resolved.config),
    sources: Object.fromEntries(
      optionKeys.map((key) => [key, given.get(key)?.source ?? "default"]),
    ) as Sources,
    warnings: [
      ...hostBitWarnings(given.get("cidrWhitelist")),
      ...clearTextWarnings(resolved.config, given),
      ...listenerWarnings(given),
      ...(loose === undefined ? [] : [loose]),
    ],
  };
}

const optionKeys = Object.keys(options) as OptionKey[];

function collectGiven(
  flags: ReadonlyMap<string, string>,
  env: Readonly<Record<string, string | undefined>>,
): Map<OptionKey, GivenValue> {
  const given = new Map<OptionKey, GivenValue>();
  for (const key of optionKeys) {
    const { env: name, takesEmpty }: Option = options[key];
    const flag = flags.get(name);
    const variable = env[name];
    if (flag !== undefined) given.set(key, { source: "flag", text: flag });
    else if (variable !== undefined && (variable !== "" || takesEmpty === true))
      given.set(key, { source: "environment", text: variable });
  }
  return given;
}

/** The value of one option on its own. Refused and missing values have problems; their value is that of an unset option. */
export function readOption(
  option: Option,
  given: GivenValue | undefined,
): { value: unknown; problems: string[] } {
  const { schema, wanted, split } = option.kind;
  const whenUnset = option.default === undefined ? option.unset : schema.parse(option.default);
  if (given === undefined) {
    const problems = option.required
      ? [`Cannot start without ${option.env}: it is not set; wanted ${wanted}`]
      : [];
    return { value: whenUnset, problems };
  }
  const text = given.text.trim();
  const result = schema.safeParse(text);
  if (result.success) return { value: result.data, problems: [] };
  const items = split?.(text);
  if (items === undefined)
    return { value: whenUnset, problems: [describeProblem(option, given, { wanted })] };
  const problems = result.error.issues.map(({ path: [index], message }) => {
    const item = items[Number(index)] ?? "";
    return describeProblem(option, given, { part: item === "" ? given.text : item, reason: message, wanted });
  });
  return { value: whenUnset, problems };
}

function hostBitWarnings(given: GivenValue | undefined): string[] {
  const { env, kind } = options.cidrWhitelist;
  const warnings: string[] = [];
  for (const item of kind.split?.(given?.text ?? "") ?? []) {
    const cidr = parseCidr(item);
    if ("reason" in cidr || !cidr.hostBits) continue;
    warnings.push(
      `${env}: ${quoteValue(options.cidrWhitelist, item)} has host bits set; taken as ${cidr.text}`,
    );
  }
  return warnings;
}

/** Without TLS no token is sent and nobody is verified. */
function clearTextWarnings({ kubernetes }: Config, given: ReadonlyMap<OptionKey, GivenValue>): string[] {
  if (kubernetes === undefined || kubernetes.token !== undefined) return [];
  const unused = {
    k8sGlobalToken: "is not sent",
    tokenFile: "is not sent",
    k8sCacert: "has no effect",
  } as const;
  return Object.entries(unused)
    .filter(([key]) => given.has(key as OptionKey))
    .map(
      ([key, state]) =>
        `${options[key as keyof typeof unused].env} ${state}: KUBERNETES_API_URL is not https`,
    );
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value))
    if (typeof inner === "object" && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
