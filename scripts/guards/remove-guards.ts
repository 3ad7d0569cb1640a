/**
 * `npm run guards`: takes the guards of guards.ts away one at a time, in a copy of the project, and sees the test of each fail.
 * Ends with 1 if a test passes without its guard, or fails with it. An argument chooses guards by a part of their names.
 */
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Guard, designRules, guards } from "./guards.ts";

const root = resolve(import.meta.dirname, "../..");
const copied = ["src", "test", "bin", "scripts", "docs", "demo", "package.json", "tsconfig.json"];
const longestRunMs = 5 * 60_000;

interface Outcome {
  readonly passed: number;
  readonly failed: readonly string[];
}

const copy = await mkdtemp(join(tmpdir(), "guards-"));
/** Of each test as it is: several guards share one. */
const untouched = new Map<string, Promise<Outcome>>();
let bad = 0;
try {
  for (const name of [...copied, "tsconfig.build.json", "vitest.config.ts"])
    await cp(join(root, name), join(copy, name), { recursive: true });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
  const [part = ""] = process.argv.slice(2);
  for (const guard of guards.filter((one) => nameOf(one).includes(part))) {
    const problem = await check(guard);
    if (problem !== undefined) bad++;
    console.log(`${problem === undefined ? "seen " : "MISSED"} ${nameOf(guard)}${problem ?? ""}`);
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}
process.exitCode = bad === 0 ? 0 : 1;

function nameOf({ rule, against }: Guard): string {
  return `rule ${rule} (${designRules[rule - 1]}): against ${against}`;
}

/** Undefined, or what is wrong with the guard's test. */
async function check(guard: Guard): Promise<string | undefined> {
  const file = join(copy, guard.file);
  const whole = await readFile(file, "utf8");
  const parts = whole.split(guard.guard);
  if (parts.length !== 2) return `; it stands ${parts.length - 1} times in ${guard.file}`;
  const withGuard = await runUntouched(guard);
  if (withGuard.failed.length > 0 || withGuard.passed === 0)
    return `; with it ${withGuard.passed} tests pass and ${withGuard.failed.length} fail`;
  await writeFile(file, parts.join(guard.without));
  try {
    const { failed } = await run(guard);
    return failed.length === 0 ? `; ${guard.test.file} passes without it` : undefined;
  } finally {
    await writeFile(file, whole);
  }
}

function runUntouched(guard: Guard): Promise<Outcome> {
  const key = JSON.stringify(guard.test);
  const outcome = untouched.get(key) ?? run(guard);
  untouched.set(key, outcome);
  return outcome;
}

async function run({ test }: Guard): Promise<Outcome> {
  if (test.project === "e2e") await execute("npx", ["runtime", "tsc", "-p", "tsconfig.build.json"]);
  const report = join(copy, "report.json");
  await rm(report, { force: true });
  const name = test.name.replaceAll(/[\^$\\.*+?()[\]{}|]/g, "\\$&");
  const reporter = ["--reporter=json", `--outputFile=${report}`];
  await execute("npx", [
    "runtime",
    "vitest",
    "run",
    "--project",
    test.project,
    ...reporter,
    test.file,
    "-t",
    name,
  ]);
  // Without a report the code does not run at all, which proves nothing.
  const text = await readFile(report, "utf8").catch(() => '{"testResults":[]}');
  const { testResults } = JSON.parse(text) as {
    testResults: { assertionResults: { status: string; fullName: string }[] }[];
  };
  const results = testResults.flatMap(({ assertionResults }) => assertionResults);
  return {
    passed: results.filter(({ status }) => status === "passed").length,
    failed: results.filter(({ status }) => status === "failed").map(({ fullName }) => fullName),
  };
}

/** Resolves whatever the exit code is: a failing test is what is wanted. */
function execute(command: string, args: readonly string[]): Promise<void> {
  return new Promise((done) => {
    execFile(command, args, { cwd: copy, timeout: longestRunMs, maxBuffer: 64 * 1024 * 1024 }, () => done());
  });
}
