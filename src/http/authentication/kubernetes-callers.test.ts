// The caches around the reviews: how long what is known counts, how much is kept and asked, and what an outage changes.
import { expect, test } from "vitest";

import { ApiError, type ApiProblem } from "../../discovery/kubernetes/api-error.ts";
import { HttpError } from "../http-error.ts";
import { mayGet } from "./caller.ts";
import { KubernetesCallers, maxCachedTokens, maxReviews } from "./kubernetes-callers.ts";

/** A cluster whose tokens are names of users, of whom each may see the namespaces listed. */
function create(users: Record<string, string[]> = { ann: ["team-a", "team-b"], root: ["*", "team-a"] }) {
  const clock = { ms: 0 };
  const rights = new Map(Object.entries(users));
  const asked: string[] = [];
  const log: string[] = [];
  const limits: string[] = [];
  const state: { problem: ApiProblem | undefined; status?: number; gate: Promise<void> | undefined } = {
    problem: undefined,
    gate: undefined,
  };
  const review = async <T>(what: string, answer: () => T): Promise<T> => {
    asked.push(what);
    await state.gate;
    if (state.problem === undefined) return answer();
    throw new ApiError(state.problem, "it said no", {
      status: state.status,
      serverMessage: `secret ${what}`,
    });
  };
  const write = (fields: unknown, text?: string) => void log.push(JSON.stringify([text, fields]));
  const callers = new KubernetesCallers({
    reviews: {
      userOf: (token) => review(token, () => (rights.has(token) ? { username: token } : undefined)),
      mayGet: ({ username }, namespace) =>
        review(`${username} ${namespace}`, () => rights.get(username)!.includes(namespace)),
    },
    freshMs: 60_000,
    staleMs: 3_600_000,
    logger: { info: write, warn: write } as never,
    metrics: { limitHit: (limit) => void limits.push(limit) },
    now: () => clock.ms,
  });
  /** What the caller of a token gets: a status, or whether he may see the namespaces. */
  const ask = async (token: string, namespaces: readonly string[] | "*" = ["team-a"]) => {
    try {
      const caller = await callers.identify(token);
      return caller === undefined ? 401 : await mayGet(caller, namespaces);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      expect(error.options.retryAfterSeconds).toBeGreaterThanOrEqual(1);
      return `${error.status} ${error.options.authenticationFailure}`;
    }
  };
  return { ask, asked, callers, clock, limits, log, rights, state };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

test("a caller is known by his token, and sees each namespace that RBAC lets him see", async () => {
  const { ask, callers } = create();
  expect(await ask("ann", ["team-a"])).toBe(true);
  expect(await ask("ann", ["team-a", "team-b"])).toBe(true);
  expect(await ask("ann", ["team-a", "team-c"])).toBe(false);
  expect(await ask("nobody")).toBe(401);
  const ann = (await callers.identify("ann"))!;
  expect([ann.name, ann.seesAll]).toEqual(["ann", false]);
  expect(await ann.visible(["team-c", "team-b", "team-a"])).toEqual(["team-b", "team-a"]);
});

test("* is one review for the whole cluster: rights in every namespace are not it", async () => {
  const { ask, asked } = create();
  expect(await ask("ann", "*")).toBe(false);
  expect(await ask("root", "*")).toBe(true);
  expect(asked).toEqual(["ann", "ann *", "root", "root *"]);
});

test("what the API server said is good for KUBERNETES_AUTH_CACHE, yes and no, and no longer", async () => {
  const { ask, asked, clock, rights } = create({ ann: ["team-a"] });
  const both = async () => [await ask("ann"), await ask("bob"), await ask("ann", ["team-b"])];
  expect(await both()).toEqual([true, 401, false]);
  expect(asked).toEqual(["ann", "ann team-a", "bob", "ann team-b"]);
  rights.delete("ann");
  rights.set("bob", []);
  clock.ms = 59_999;
  expect(await both()).toEqual([true, 401, false]);
  expect(asked).toHaveLength(4);
  clock.ms = 60_000;
  expect([await ask("ann"), await ask("bob")]).toEqual([401, false]);
});

test("a token that was revoked stops working within KUBERNETES_AUTH_CACHE, counted from when it was asked for", async () => {
  const { ask, clock, rights, state } = create({ ann: ["team-a"] });
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const slow = ask("ann");
  await settle();
  clock.ms = 30_000;
  gate.resolve();
  expect(await slow).toBe(true);
  rights.delete("ann");
  clock.ms = 59_999;
  expect(await ask("ann")).toBe(true);
  clock.ms = 60_000;
  expect(await ask("ann")).toBe(401);
});

test("while the API server is away, a yes is good until MAX_POD_LIST_AGE; what is not known is 503, not 401", async () => {
  for (const [problem, status] of [
    ["unreachable"],
    ["untrusted"],
    ["busy", 429],
    ["refused", 500],
  ] as const) {
    const { ask, clock, state } = create({ ann: ["team-a"] });
    expect([await ask("ann"), await ask("bob"), await ask("ann", ["team-b"])]).toEqual([true, 401, false]);
    Object.assign(state, { problem, status });
    clock.ms = 60_000;
    expect(await ask("ann")).toBe(true);
    expect(await ask("bob")).toBe("503 unavailable");
    expect(await ask("ann", ["team-b"])).toBe("503 unavailable");
    expect(await ask("ann", ["team-c"])).toBe("503 unavailable");
    expect(await ask("new")).toBe("503 unavailable");
    clock.ms = 3_599_999;
    expect(await ask("ann"), problem).toBe(true);
    clock.ms = 3_600_000;
    expect(await ask("ann"), problem).toBe("503 unavailable");
    state.problem = undefined;
    expect([await ask("ann"), await ask("bob")]).toEqual([true, 401]);
  }
});

test.for([
  ["unauthorized", 401],
  ["forbidden", 403],
  ["refused", 404],
  ["malformed", undefined],
  ["credentials", undefined],
] as const)(
  "an API server that is there and refuses (%s) makes no old answer good",
  async ([problem, status]) => {
    const { ask, clock, state } = create({ ann: ["team-a"] });
    expect(await ask("ann")).toBe(true);
    Object.assign(state, { problem, status });
    clock.ms = 60_000;
    expect(await ask("ann")).toBe("503 unavailable");
  },
);

test("nobody who is known waits for an API server that is away, and its return is seen behind him", async () => {
  const { ask, asked, clock, rights, state } = create({ ann: ["team-a"] });
  expect(await ask("ann")).toBe(true);
  state.problem = "unreachable";
  clock.ms = 60_000;
  expect(await ask("ann")).toBe(true);
  const before = asked.length;
  // Within a second it is not asked again.
  expect(await ask("ann")).toBe(true);
  expect(asked.length).toBe(before);
  state.problem = undefined;
  rights.delete("ann");
  state.gate = new Promise(() => undefined);
  clock.ms = 62_000;
  expect(await ask("ann")).toBe(true);
  expect(asked.length).toBeGreaterThan(before);
});

test("a token that was revoked during an outage works for one more request after it, and no longer", async () => {
  const { ask, clock, rights, state } = create({ ann: ["team-a"] });
  expect(await ask("ann")).toBe(true);
  state.problem = "unreachable";
  clock.ms = 60_000;
  expect(await ask("ann")).toBe(true);
  rights.delete("ann");
  state.problem = undefined;
  clock.ms = 62_000;
  await ask("ann");
  await settle();
  expect(await ask("ann")).toBe(401);
});

test("one review of a token runs at a time, however many ask", async () => {
  const { ask, asked, state } = create();
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const answers = Array.from({ length: 100 }, () => ask("ann"));
  await settle();
  expect(asked).toEqual(["ann"]);
  gate.resolve();
  expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  expect(asked).toEqual(["ann", "ann team-a"]);
});

test("strangers are reviewed 32 at a time, more are told to come again, and they keep nobody out who is known", async () => {
  const { ask, asked, clock, limits, state } = create();
  expect(await ask("ann")).toBe(true);
  clock.ms = 60_000;
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const strangers = Array.from({ length: maxReviews + 10 }, (_, index) => ask(`stranger-${index}`));
  const ann = ask("ann");
  await settle();
  expect(asked).toHaveLength(2 + maxReviews + 1);
  gate.resolve();
  const answers = await Promise.all(strangers);
  expect(answers.filter((answer) => answer === "503 busy")).toHaveLength(10);
  expect(answers.filter((answer) => answer === 401)).toHaveLength(maxReviews);
  expect(await ann).toBe(true);
  expect(limits).toEqual(Array.from({ length: 10 }, () => "authentication_reviews"));
});

test("a caller who is known gets no old answer because too many ask: only an outage makes it good", async () => {
  const many = Array.from({ length: maxReviews + 1 }, (_, index) => `user-${index}`);
  const { ask, clock, state } = create(Object.fromEntries(many.map((name) => [name, ["team-a"]])));
  for (const name of many) expect(await ask(name)).toBe(true);
  clock.ms = 60_000;
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const answers = many.map((name) => ask(name));
  await settle();
  gate.resolve();
  expect((await Promise.all(answers)).filter((answer) => answer === "503 busy")).toHaveLength(1);
});

test("many namespaces of one request are reviewed 8 at a time", async () => {
  const namespaces = Array.from({ length: 100 }, (_, index) => `team-${index}`);
  const { ask, asked, state } = create({ ann: namespaces });
  await ask("ann", ["team-0"]);
  const gate = Promise.withResolvers<void>();
  state.gate = gate.promise;
  const answer = ask("ann", namespaces);
  await settle();
  expect(asked).toHaveLength(2 + 8);
  gate.resolve();
  expect(await answer).toBe(true);
  expect(asked).toHaveLength(2 + 99);
});

test("what is kept is bounded, and wrong tokens drive out no right one", async () => {
  const { ask, asked, limits } = create();
  expect(await ask("ann")).toBe(true);
  for (let index = 0; index <= maxCachedTokens; index++) await ask(`stranger-${index}`);
  expect(limits).toEqual(["authentication_cache"]);
  const before = asked.length;
  expect(await ask("ann")).toBe(true);
  expect(await ask(`stranger-${maxCachedTokens}`)).toBe(401);
  expect(asked.length).toBe(before);
  // The one that was used the longest ago is gone.
  expect(await ask("stranger-0")).toBe(401);
  expect(asked.length).toBe(before + 1);
});

test("an outage and its end are told once each, without a token and without the server's words", async () => {
  const { ask, clock, log, state } = create({ ann: ["team-a"] });
  expect(await ask("ann")).toBe(true);
  Object.assign(state, { problem: "forbidden", status: 403 });
  clock.ms = 60_000;
  for (let index = 0; index < 5; index++) await ask("ann");
  state.problem = undefined;
  await ask("ann");
  await ask("bob");
  expect(log).toHaveLength(2);
  expect(log[0]).toContain("may not create it");
  expect(log[1]).toContain("can be reviewed again");
  expect(log.join("\n")).not.toMatch(/"ann|secret/);
});
