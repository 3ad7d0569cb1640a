// The argument vector of the proxy -> the text of each option that was given as a flag. Reads no values.
import { flagOf, type Option } from "./options.ts";
import { readFlags } from "./read-flags.ts";

export interface CommandLine {
  readonly help: boolean;
  readonly version: boolean;
  /** Text by environment name. */
  readonly flags: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

/** `argv` are the user's arguments alone, without the paths of node and the script. */
export function parseCommandLine(argv: readonly string[], options: readonly Option[]): CommandLine {
  const shapes = options.map((option) => ({ flag: flagOf(option), placeholder: option.kind.placeholder }));
  const { help, version, texts, problems } = readFlags(argv, shapes);
  const flags = new Map<string, string>();
  const repeated: string[] = [];
  for (const option of options) {
    const [first, ...others] = texts.get(flagOf(option)) ?? [];
    if (first !== undefined) flags.set(option.env, first);
    if (others.length > 0) repeated.push(`Cannot use ${flagOf(option)}: given more than once`);
  }
  return { help, version, flags, problems: [...repeated, ...problems] };
}
