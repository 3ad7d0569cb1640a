// The argument vector -> the text of each flag that was given, and what is wrong with the rest. Reads no values.
// Messages never show what follows an unknown flag: it may be a secret behind a misspelt name.
import { Command, CommanderError } from "commander";
import { flagOf, type Option } from "./options.ts";

export interface CommandLine {
  readonly help: boolean;
  readonly version: boolean;
  /** Text by environment name. */
  readonly flags: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

/** `argv` are the user's arguments alone, without the paths of node and the script. */
export function parseCommandLine(argv: readonly string[], options: readonly Option[]): CommandLine {
  const given = new Map<Option, string[]>();
  const command = createCommand(options, given);
  const rest = splitArguments(command, argv);
  if (rest === "value missing") {
    const line = parseCommandLine(argv.slice(0, -1), options);
    return { ...line, problems: [...line.problems, `Cannot use ${argv.at(-1)}: no value given`] };
  }

  const { help = false, version = false } = command.opts<{ help?: boolean; version?: boolean }>();
  const flags = new Map<string, string>();
  const problems: string[] = [];
  for (const [option, [first = "", ...others]] of given) {
    flags.set(option.env, first);
    if (others.length > 0) problems.push(`Cannot use ${flagOf(option)}: given more than once`);
  }
  for (const [index, argument] of rest.unknown.entries()) {
    if (isFlag(argument)) problems.push(describeUnknownFlag(command, argument));
    else if (!isLikelyValue(rest.unknown[index - 1])) problems.push(unexpectedArgument);
  }
  problems.push(...rest.operands.map(() => unexpectedArgument));
  return { help, version, flags, problems };
}

/** A quiet commander that throws instead of printing and exiting. */
function createCommand(options: readonly Option[], given: Map<Option, string[]>): Command {
  const command = new Command()
    .exitOverride()
    .helpOption(false)
    .configureOutput({ writeErr() {}, writeOut() {} });
  command.option("-h, --help").option("-V, --version");
  for (const option of options) {
    command.option(`${flagOf(option)} <${option.kind.placeholder}>`, "", (text: string) => {
      given.set(option, [...(given.get(option) ?? []), text]);
    });
  }
  return command;
}

function splitArguments(
  command: Command,
  argv: readonly string[],
): ReturnType<Command["parseOptions"]> | "value missing" {
  try {
    return command.parseOptions([...argv]);
  } catch (error) {
    // Only the last argument can lack its value.
    if (error instanceof CommanderError && error.code === "commander.optionMissingArgument")
      return "value missing";
    throw error;
  }
}

function isFlag(argument: string): boolean {
  return argument.startsWith("-");
}

/** Whether a bare word behind `previous` is most likely its value. */
function isLikelyValue(previous: string | undefined): boolean {
  return previous !== undefined && isFlag(previous) && !previous.includes("=");
}

function describeUnknownFlag(command: Command, argument: string): string {
  const flag = argument.replace(/=[\s\S]*/, "");
  if (flag === "--help" || flag === "--version") return `Cannot use ${flag}: it takes no value`;
  try {
    command.parse([flag], { from: "user" });
  } catch (error) {
    const [suggestion = ""] = /\(Did you mean [^)]*\)/.exec((error as Error).message) ?? [];
    return `Cannot use ${JSON.stringify(flag)}: unknown flag ${suggestion}`.trimEnd();
  }
  return `Cannot use ${JSON.stringify(flag)}: unknown flag`;
}

/** Without the argument itself: it may be the rest of a secret that had a blank in it. */
const unexpectedArgument = "Cannot use an argument that is no flag and no flag's value: only flags are taken";
