import { hashSync } from "bcryptjs";
import { expect, onTestFinished, test } from "vitest";

import { BasicAuthUsers } from "./basic-auth-users.ts";
import { BcryptThread } from "./bcrypt-thread.ts";
import type { BcryptQuestion } from "./bcrypt-worker.ts";

const aliceHash = hashSync("wonderland", 4);
const bobHash = hashSync("builder", 5);
const both = new Map([
  ["alice", aliceHash],
  ["bob", bobHash],
]);

interface Setup {
  readonly users: BasicAuthUsers;
  /** The questions that bcrypt was asked. */
  readonly asked: BcryptQuestion[];
  /** Ends the open question that was asked first. */
  readonly answer: (matches: boolean) => void;
}

/** Users whose bcrypt the test is; with "at once" it knows the two passwords. */
function setUp(mode: "at once" | "by hand" = "at once"): Setup {
  const asked: BcryptQuestion[] = [];
  const open: ((matches: boolean) => void)[] = [];
  const passwords = new Map([
    [aliceHash, "wonderland"],
    [bobHash, "builder"],
  ]);
  const users = new BasicAuthUsers({
    bcrypt: {
      compare: (question) => {
        asked.push(question);
        if (mode === "at once") return Promise.resolve(passwords.get(question.hash) === question.password);
        return new Promise((resolve) => void open.push(resolve));
      },
      close: () => Promise.resolve(),
    },
    key: Buffer.alloc(32),
  });
  users.use(both);
  return { users, asked, answer: (matches) => open.shift()!(matches) };
}

test.for([
  ["alice", "wonderland", true],
  ["bob", "builder", true],
  ["alice", "builder", false],
  ["bob", "", false],
  ["alice", "Wonderland", false],
  ["Alice", "wonderland", false],
  ["", "", false],
  ["__proto__", "wonderland", false],
  ["alice", "wonderland\0wonderland", false],
] as const)("real bcrypt says of %j with %j: %j", async ([user, password, expected]) => {
  const users = new BasicAuthUsers();
  onTestFinished(() => users.close());
  users.use(both);
  expect(await users.verify(user, password)).toBe(expected);
  expect(await users.verify(user, password)).toBe(expected);
});

test.for(["$2a$", "$2b$", "$2y$"])("hashes of the form %s are understood", async (form) => {
  const users = new BasicAuthUsers();
  onTestFinished(() => users.close());
  users.use(new Map([["alice", aliceHash.replace("$2b$", form)]]));
  expect([await users.verify("alice", "wonderland"), await users.verify("alice", "x")]).toEqual([
    true,
    false,
  ]);
});

test("a good pair is checked once, a bad one each time", async () => {
  const { users, asked } = setUp();
  for (let i = 0; i < 3; i++) expect(await users.verify("alice", "wonderland")).toBe(true);
  expect(asked).toHaveLength(1);
  for (let i = 0; i < 3; i++) expect(await users.verify("alice", "x")).toBe(false);
  expect(asked).toHaveLength(4);
});

test("neither name nor hash nor password can slide into another", async () => {
  const { users, asked, answer } = setUp("by hand");
  const longer = `alice${aliceHash}x`;
  users.use(new Map([...both, [longer, bobHash]]));
  const first = users.verify("alice", `x${bobHash}y`);
  answer(true);
  expect(await first).toBe(true);
  void users.verify(longer, "y");
  expect(asked).toHaveLength(2);
});

test("an unknown user costs a check against one of the hashes, the same for each try", async () => {
  const { users, asked } = setUp();
  const hashes = new Set<string>();
  for (let i = 0; i < 20; i++) {
    asked.length = 0;
    for (const password of ["wonderland", "builder", "wonderland"])
      expect(await users.verify(`nobody-${i}`, password)).toBe(false);
    expect(asked).toHaveLength(3);
    expect(new Set(asked.map(({ hash }) => hash)).size).toBe(1);
    hashes.add(asked[0]!.hash);
  }
  expect([...hashes].sort()).toEqual([aliceHash, bobHash].sort());
});

test("passwords are required from the first user on, also when the last one is gone", () => {
  const { users } = setUp();
  const none = new BasicAuthUsers({
    bcrypt: {
      compare: () => Promise.reject(new Error("must not be called")),
      close: () => Promise.resolve(),
    },
  });
  none.use(new Map());
  users.use(new Map());
  expect([none.isRequired, users.isRequired]).toEqual([false, true]);
});

test("without users nobody is good, and nothing is checked", async () => {
  const { users, asked } = setUp();
  users.use(new Map());
  expect(await users.verify("alice", "wonderland")).toBe(false);
  expect(asked).toEqual([]);
});

test("requests with one pair share one check", async () => {
  const { users, asked, answer } = setUp("by hand");
  const three = Array.from({ length: 3 }, () => users.verify("alice", "wonderland"));
  expect(asked).toHaveLength(1);
  answer(true);
  expect(await Promise.all(three)).toEqual([true, true, true]);
});

test("beyond 32 checks at a time others are told to come again; who is known gets in", async () => {
  const { users, asked, answer } = setUp("by hand");
  const known = users.verify("alice", "wonderland");
  answer(true);
  expect(await known).toBe(true);
  const waiting = Array.from({ length: 32 }, (_, i) => users.verify("bob", `guess ${i}`));
  expect(await users.verify("bob", "builder")).toBe("busy");
  expect(await users.verify("nobody", "builder")).toBe("busy");
  expect(await users.verify("alice", "wonderland")).toBe(true);
  expect(asked).toHaveLength(33);
  for (let i = 0; i < 32; i++) answer(false);
  expect(new Set(await Promise.all(waiting))).toEqual(new Set([false]));
  const again = users.verify("bob", "builder");
  answer(true);
  expect(await again).toBe(true);
});

test("new users take effect at once, also for pairs that were good and for checks that run", async () => {
  const { users, answer, asked } = setUp("by hand");
  const [first, second] = [users.verify("alice", "wonderland"), users.verify("bob", "builder")];
  answer(true);
  answer(true);
  expect(await Promise.all([first, second])).toEqual([true, true]);
  const running = users.verify("alice", "other");
  users.use(new Map([["bob", bobHash]]));
  answer(true);
  expect(await running).toBe(false);
  // Bob's hash is the same: he is not checked again.
  expect(await users.verify("bob", "builder")).toBe(true);
  expect(asked).toHaveLength(3);
  const gone = users.verify("alice", "wonderland");
  answer(true);
  expect(await gone).toBe(false);
  // Not even when the old hash comes back.
  users.use(both);
  void users.verify("alice", "wonderland");
  expect(asked).toHaveLength(5);
});

test("no more than 1,000 good pairs are remembered, the newest", async () => {
  const { users, asked, answer } = setUp("by hand");
  for (let i = 0; i <= 1000; i++) {
    const check = users.verify("alice", `${i}`);
    answer(true);
    await check;
  }
  expect(asked).toHaveLength(1001);
  await users.verify("alice", "1");
  expect(asked).toHaveLength(1001);
  const first = users.verify("alice", "0");
  expect(asked).toHaveLength(1002);
  answer(true);
  expect(await first).toBe(true);
});

test("a check that fails is told, and the next one runs", async () => {
  let broken = true;
  const users = new BasicAuthUsers({
    bcrypt: {
      compare: () => (broken ? Promise.reject(new Error("Cannot check")) : Promise.resolve(true)),
      close: () => Promise.resolve(),
    },
  });
  users.use(both);
  await expect(users.verify("alice", "wonderland")).rejects.toThrow("Cannot check");
  broken = false;
  expect(await users.verify("alice", "wonderland")).toBe(true);
});

test("bcrypt leaves the event loop free, and is there again after its thread has died", async () => {
  const thread = new BcryptThread();
  onTestFinished(() => thread.close());
  const question = { password: "x", hash: hashSync("x", 11) };
  expect(await thread.compare({ password: "x", hash: aliceHash })).toBe(false);
  let turns = 0;
  const ticking = setInterval(() => turns++, 1);
  expect(await thread.compare(question)).toBe(true);
  clearInterval(ticking);
  // On the event loop bcryptjs computes 100 ms at a time.
  expect(turns).toBeGreaterThan(10);
  const checks = [thread.compare(question), thread.compare(question)];
  const ends = Promise.allSettled(checks);
  await new Promise((resolve) => setImmediate(resolve));
  await thread.close();
  expect((await ends).map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
});
