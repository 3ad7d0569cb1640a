// BEARER_TOKENS_FILE at the running program: who gets in, what changes while it runs, and where no token is ever seen.
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";

import { answers, FakePods } from "../../support/http/fake-pods.ts";
import { request } from "../../support/http/http-client.ts";
import { runProgram, type StartedProgram, startProgram } from "../../support/http/start-program.ts";

let folder: string;
let path: string;
let pods: FakePods;
let program: StartedProgram;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "callers-"));
  path = join(folder, "tokens");
  pods = await FakePods.start([{ name: "web", http: answers("web_info 1\n") }]);
  await writeFile(path, "# Prometheus\nfirst-token\n");
  program = await startProgram({ env: { PODS_FILE: pods.file, BEARER_TOKENS_FILE: path } });
});
afterAll(async () => {
  program?.kill("SIGTERM");
  await program?.exit;
  await pods?.stop();
  await rm(folder, { recursive: true });
});

const ways = () => [
  `/mproxy/team-a/web/metrics?port=${pods.port}`,
  `/kubesd/metrics?pod=${pods.get("web").ip}&target_port=${pods.port}`,
  `/sd?namespace=team-a&port=${pods.port}`,
];
const statuses = (token: string) =>
  Promise.all(
    ways().map(async (target) => {
      const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
      return (await request(program.origin, target, { headers })).status;
    }),
  );

async function replace(text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error("Cannot go on: not within 10 s");
    await delay(20);
  }
}

test("a token of the file opens every way, and reaches no pod and no log", async () => {
  expect(await statuses("first-token")).toEqual([200, 200, 200]);
  for (const token of ["", "second-token", "first-tokens", "#"]) {
    expect(await statuses(token)).toEqual([401, 401, 401]);
  }
  expect(pods.get("web").requests).toHaveLength(2);
  expect(JSON.stringify(pods.get("web").requests)).not.toContain("token");
  expect(program.lines.join("\n")).not.toMatch(/(first|second)-token/);
});

test("tokens change while it runs; a file that is spoilt changes nothing", async () => {
  await replace("second-token\n");
  await until(async () => (await statuses("second-token"))[0] === 200);
  expect(await statuses("first-token")).toEqual([401, 401, 401]);
  await replace("not a token\n");
  await until(() =>
    Promise.resolve(program.lines.some((line) => line.includes("last good tokens stay in use"))),
  );
  expect(await statuses("second-token")).toEqual([200, 200, 200]);
  expect(program.lines.join("\n")).not.toContain("not a token");
});

test.for([
  ["that is not there", undefined, 1, /Cannot read tokens from BEARER_TOKENS_FILE/],
  ["that holds no tokens", "a b\n", 1, /BEARER_TOKENS_FILE.*line 1 holds something else than one token/],
  ["beside FORWARD_AUTHORIZATION", "token\n", 2, /Cannot use FORWARD_AUTHORIZATION with BEARER_TOKENS_FILE/],
] as const)("a file %s ends the start", async ([, text, code, words]) => {
  const file = join(folder, "other");
  await rm(file, { force: true });
  if (text !== undefined) await writeFile(file, text);
  const { lines, stderr, exit } = runProgram({
    env: {
      PODS_FILE: pods.file,
      CIDR_WHITELIST: "127.20.0.0/16",
      METRICS_PATH_WHITELIST: "^/metrics$",
      LISTEN_ADDRESS: "127.0.0.1",
      HTTP_PORT: "0",
      METRICS_HTTP_PORT: "0",
      BEARER_TOKENS_FILE: file,
      ...(code === 2 && { FORWARD_AUTHORIZATION: "true" }),
    },
  });
  expect((await exit).code).toBe(code);
  expect(`${lines.join("\n")}${stderr()}`).toMatch(words);
});
