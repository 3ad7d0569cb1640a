// What a program was told, read again by other means than its own: an environment and arguments, as texts by variable.
// Checks nothing: a program that refused its settings does not run.

export type Settings = Readonly<Record<string, string | undefined>>;

/** A flag counts before its variable: `--cidr-whitelist` before CIDR_WHITELIST. */
export function settingsOf(env: Settings, args: readonly string[] = []): Settings {
  const flags = Object.fromEntries(
    args.flatMap((argument, index) => {
      const [, name, value] = /^--([a-z0-9-]+)(?:=(.*))?$/su.exec(argument) ?? [];
      if (name === undefined) return [];
      const next = args[index + 1];
      const behind = next === undefined || next.startsWith("--") ? "true" : next;
      return [[name.replaceAll("-", "_").toUpperCase(), value ?? behind]];
    }),
  );
  return { ...env, ...flags };
}

export function listOf(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

export function isTrue(text: string | undefined): boolean {
  return text?.trim().toLowerCase() === "true";
}
