// The argument vector -> the texts behind each known flag, and what is wrong with the rest. Reads no values.
// Messages never show what follows an unknown flag: it may be a secret behind a misspelt name.
import { Command, CommanderError } from "commander";

export interface FlagShape {
  /** As in `--http-port`. */
  readonly flag: string;
  /** Undefined: the flag takes no value. */
  readonly placeholder: string | undefined;
}

export interface GivenFlags {
  readonly help: boolean;
  readonly version: boolean;
  /** What was given, in order; "" for each time that a flag without a value was. */
  readonly texts: ReadonlyMap<string, readonly string[]>;
  readonly problems: readonly string[];
}

/** `argv` are the user's arguments alone, without the paths of node and the script. Knows --help and --version by itself. */
export function readFlags(argv: readonly string[], shapes: readonly FlagShape[]): GivenFlags {
  const texts = new Map<string, string[]>();
  const command = createCommand(shapes, texts);
  const rest = splitArguments(command, argv);
  if (rest === "value missing") {
    const given = readFlags(argv.slice(0, -1), shapes);
    return { ...given, problems: [...given.problems, `Cannot use ${argv.at(-1)}: no value given`] };
  }

  const { help = false, version = false } = command.opts<{ help?: boolean; version?: boolean }>();
  const problems: string[] = [];
  const switches = new Set(["--help", "--version"]);
  for (const { flag, placeholder } of shapes) if (placeholder === undefined) switches.add(flag);
  for (const [index, argument] of rest.unknown.entries()) {
    if (isFlag(argument)) problems.push(describeUnknownFlag(command, { argument, switches }));
    else if (!isLikelyValue(rest.unknown[index - 1])) problems.push(unexpectedArgument);
  }
  problems.push(...rest.operands.map(() => unexpectedArgument));
  return { help, version, texts, problems };
}

/** A quiet commander that throws instead of printing and exiting. */
function createCommand(shapes: readonly FlagShape[], texts: Map<string, string[]>): Command {
  const command = new Command()
    .exitOverride()
    .helpOption(false)
    .configureOutput({ writeErr() {}, writeOut() {} });
  command.option("-h, --help").option("-V, --version");
  for (const { flag, placeholder } of shapes) {
    const add = (text: string) => {
      texts.set(flag, [...(texts.get(flag) ?? []), text]);
    };
    if (placeholder !== undefined) command.option(`${flag} <${placeholder}>`, "", add);
    else command.option(flag).on(`option:${flag.slice(2)}`, () => add(""));
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

function describeUnknownFlag(
  command: Command,
  { argument, switches }: { argument: string; switches: ReadonlySet<string> },
): string {
  const flag = argument.replace(/=[\s\S]*/, "");
  if (switches.has(flag)) return `Cannot use ${flag}: it takes no value`;
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
