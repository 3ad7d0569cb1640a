import { expect, test } from "vitest";
import { parseCommandLine } from "./command-line.ts";
import { options } from "./options.ts";

function parse(...argv: string[]) {
  const { help, version, flags, problems } = parseCommandLine(argv, Object.values(options));
  return { help, version, flags: Object.fromEntries(flags), problems };
}

const nothing = { help: false, version: false, flags: {}, problems: [] };

test.for([
  [[], {}],
  [["--http-port", "80"], { HTTP_PORT: "80" }],
  [["--http-port=80", "--log-level", "warn"], { HTTP_PORT: "80", LOG_LEVEL: "warn" }],
  [["--metrics-path-whitelist=^/m=1,/b$"], { METRICS_PATH_WHITELIST: "^/m=1,/b$" }],
  [["--http-port="], { HTTP_PORT: "" }],
  [["--http-port", ""], { HTTP_PORT: "" }],
  [["--http-port", "-1"], { HTTP_PORT: "-1" }],
] as const)("parseCommandLine() reads %j", ([argv, flags]) => {
  expect(parse(...argv)).toEqual({ ...nothing, flags });
});

test("parseCommandLine() knows --help and --version, whatever else stands there", () => {
  for (const flag of ["-h", "--help"]) expect(parse("--no-such", flag).help).toBe(true);
  for (const flag of ["-V", "--version"]) expect(parse(flag, "word").version).toBe(true);
  expect(parse("-hV")).toEqual({ ...nothing, help: true, version: true });
});

test.for([
  [["--cidr-whitlist", "x"], ['Cannot use "--cidr-whitlist": unknown flag (Did you mean --cidr-whitelist?)']],
  [["--cidr-whitlist=x"], ['Cannot use "--cidr-whitlist": unknown flag (Did you mean --cidr-whitelist?)']],
  [["--zzz"], ['Cannot use "--zzz": unknown flag']],
  [["-x"], ['Cannot use "-x": unknown flag']],
  [["--no-pod-status-metrics"], [expect.stringContaining('"--no-pod-status-metrics": unknown flag')]],
  [["word"], ["Cannot use an argument that is no flag and no flag's value: only flags are taken"]],
  [
    ["--zzz", "1", "word"],
    ['Cannot use "--zzz": unknown flag', expect.stringContaining("only flags are taken")],
  ],
  [
    ["--zzz=1", "word"],
    ['Cannot use "--zzz": unknown flag', expect.stringContaining("only flags are taken")],
  ],
  [["--help=yes"], ["Cannot use --help: it takes no value"]],
  [["--http-port"], ["Cannot use --http-port: no value given"]],
  [
    ["--zzz", "--http-port"],
    ['Cannot use "--zzz": unknown flag', "Cannot use --http-port: no value given"],
  ],
  [["--log-level=info", "--log-level=warn"], ["Cannot use --log-level: given more than once"]],
  [["--", "-x"], [expect.stringContaining("only flags are taken")]],
] as const)("parseCommandLine() refuses %j", ([argv, problems]) => {
  expect(parse(...argv).problems).toEqual(problems);
});

test("parseCommandLine() reads known flags around unknown ones", () => {
  const { flags, problems } = parse("--zzz", "--http-port", "80", "--yyy", "--log-level=warn");
  expect(flags).toEqual({ HTTP_PORT: "80", LOG_LEVEL: "warn" });
  expect(problems).toHaveLength(2);
});

test("parseCommandLine() does not show what follows an unknown flag", () => {
  const shown = JSON.stringify([parse("--k8s-global-tokn", "s3cret"), parse("--k8s-global-tokn=s3cret")]);
  expect(shown).toContain("k8s-global-tokn");
  expect(shown).not.toContain("s3cret");
});
