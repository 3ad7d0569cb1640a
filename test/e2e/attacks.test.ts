// The attack catalogue, and attacks of our own, against the program as it is built, in the strict configuration and in a network of its own where every
// address there is is watched: test/support/attacks. Each attack is a test case.
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";

import { findAnswerProblems } from "../support/answer-problems.ts";
import { parseAttacks } from "../support/attacks/attack.ts";
import { type AttackRun, cataloguePath, ownAttacksPath, runAttacks } from "../support/attacks/run-attacks.ts";

const attacksOf = (path: string) => parseAttacks(JSON.parse(readFileSync(path, "utf8")));
const longestRunMs = 8 * 60_000;

/**
 * Attacks whose expectation the program does not meet, each with the fields that fail and the reason why. One that meets it all
 * the same has no place here.
 */
const exceptions: Readonly<Record<string, { fields: readonly string[]; reason: string }>> = {
  "nsp-50": {
    fields: ["forwarded", "forwardedNot"],
    reason:
      "should: a prefix is a prefix of the name, as the original documents, and `app` is one of `apple-1`; " +
      "docs/choosing-a-way.md shows `app-`, and `selector` and `workload` say exactly what is meant",
  },
  "dos-07": {
    fields: ["maxUpstreamPerPod"],
    reason:
      "should: scrapes are neither coalesced nor held back for one another, since each caller asks with its own deadline, " +
      "format and parameters; MAX_CONCURRENT_SCRAPES bounds what comes to a pod",
  },
};

describe.for([
  ["the attack", cataloguePath],
  ["the attack of our own", ownAttacksPath],
] as const)("%s", ([, path]) => {
  const attacks = attacksOf(path);
  let run: AttackRun;
  beforeAll(async () => {
    run = await runAttacks({ path });
  }, longestRunMs);

  test.for(attacks.map((attack) => [attack.id, attack.why, attack] as const))("%s: %s", async ([id, why]) => {
    const result = run.results.get(id);
    expect(result, `${id} was not run`).toBeDefined();
    const { failures, merged } = result!;
    const found = merged === undefined ? [] : await findAnswerProblems([merged]);
    // What a pod says twice by itself stands twice, as where Prometheus asks the pod: it parses, and is counted there.
    const problems = found.filter((problem) => !problem.startsWith("series twice"));
    const all = [...failures, ...problems.map((problem) => `parsesStrict: ${problem}`)];
    const failed = [...new Set(all.map((failure) => failure.slice(0, failure.indexOf(":"))))];
    const story = `${id} (${why}):\n${all.join("\n")}`;
    expect(failed, story).toEqual(exceptions[id]?.fields ?? []);
  });

  test("has exceptions only where the catalogue says should", () => {
    const must = new Set(attacks.filter(({ tier }) => tier === "must").map(({ id }) => id));
    expect(Object.keys(exceptions).filter((id) => must.has(id))).toEqual([]);
    const known = new Set([cataloguePath, ownAttacksPath].flatMap(attacksOf).map(({ id }) => id));
    expect(Object.keys(exceptions).filter((id) => !known.has(id))).toEqual([]);
  });

  test("reaches nothing but pods that the settings allow, and asks no name server", () => {
    expect([run.whole.violations, run.whole.datagrams]).toEqual([[], 0]);
  });

  test("gets nothing from the API server but lists and watches of the pods of allowed namespaces", () => {
    expect(
      run.whole.asked.filter(
        (asked) => !/^(?:list|watch) \/api\/v1\/namespaces\/team-[ab]\/pods$/u.test(asked),
      ),
    ).toEqual([]);
    expect(run.whole.asked).toContain("watch /api/v1/namespaces/team-a/pods");
  });

  test("finds no secret in what pods were sent, in answers, in the log or in metrics", () => {
    expect(run.whole.leaks).toEqual([]);
  });
});

describe("the runner, against a program that does everything wrong,", () => {
  const some = /^(?:ctl-02|mth|rte|sch|prt|ipf|ipp-\d|qry|pth|nsp|hdr|log|smg-50)/u;
  const chosen = attacksOf(cataloguePath).filter(({ id }) => some.test(id));
  let run: AttackRun;
  beforeAll(async () => {
    const entry = new URL("../support/attacks/wrong-program.ts", import.meta.url);
    run = await runAttacks({ only: some, entry: entry.pathname });
  }, longestRunMs);
  const fieldsOf = (id: string) => run.results.get(id)!.failures.map((failure) => failure.split(":")[0]);

  test("fails every attack that has to be refused", () => {
    const refused = chosen.filter(({ expect: { status } }) => status?.includes(200) !== true);
    expect(refused.length).toBeGreaterThan(200);
    expect(refused.filter(({ id }) => !fieldsOf(id).includes("status")).map(({ id }) => id)).toEqual([]);
  });

  test.for([
    ["ipp-03", "forwarded"],
    ["ctl-02", "bodyHas"],
    ["hdr-16", "upstreamHeaderNot"],
    ["smg-50", "upstreamBodyBytes"],
    ["log-02", "logLineNot"],
  ] as const)("fails %s for its %s", ([id, field]) => {
    expect(fieldsOf(id)).toContain(field);
  });

  test("sees what was dialled, and the secrets that went there", () => {
    expect(run.whole.violations).toContain("169.254.169.254:9000");
    expect(run.whole.datagrams).toBeGreaterThan(0);
    expect(run.whole.leaks.join("\n")).toMatch(/^CLUSTERTOKEN in what pods were sent/mu);
    expect(run.whole.leaks.join("\n")).toMatch(/^SECRETCOOKIE in the log/mu);
  });
});
