import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Alarm } from "../../../test/support/files/alarm.ts";
import { PodStore } from "../pod-store.ts";
import { readPod } from "../pod.ts";
import { parsePodList } from "./parse-pod-list.ts";
import { maxPodsFileBytes, PodsFile } from "./pods-file.ts";

vi.mock("./parse-pod-list.ts", { spy: true });

const listOf = (...names: string[]) =>
  JSON.stringify({
    kind: "List",
    items: names.map((name) => ({ kind: "Pod", metadata: { uid: name, namespace: "team-a", name } })),
  });

let folder: string;
let path: string;
let nowMs: number;
let stopAll: (() => Promise<void>)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pods-"));
  path = join(folder, "pods");
  nowMs = 1000;
  stopAll = [];
});
afterEach(async () => {
  for (const stop of stopAll) await stop();
  await rm(folder, { recursive: true });
});

function create() {
  const store = new PodStore();
  const alarm = new Alarm();
  const logged: string[] = [];
  const log = (fields: { err?: Error }, text: string) => logged.push(fields.err?.message ?? text);
  const logger = { info: log, warn: log } as unknown as ConstructorParameters<typeof PodsFile>[0]["logger"];
  const hits: string[] = [];
  const metrics = { limitHit: (limit: string) => void hits.push(limit) };
  const file = new PodsFile({
    readPod,
    path,
    store,
    logger,
    metrics,
    intervalMs: 5,
    now: () => nowMs,
    sleep: alarm.sleep,
  });
  stopAll.push(() => file.stop());
  return {
    store,
    alarm,
    logged,
    hits,
    file,
    names: () => store.inNamespace("team-a").map(({ name }) => name),
  };
}

describe("PodsFile", () => {
  test("loads the file at start and again when its content changes", async () => {
    await writeFile(path, listOf("a", "b"));
    const { file, alarm, names, logged } = create();
    await file.start();
    expect([names(), file.status.notReady, file.status.lastContactMs]).toEqual([["a", "b"], undefined, 1000]);
    await writeFile(path, listOf("a", "c"));
    nowMs = 2000;
    await alarm.ring();
    expect([names(), file.status.lastContactMs]).toEqual([["a", "c"], 2000]);
    expect(logged).toEqual(["Pods read from PODS_FILE", "Pods read from PODS_FILE"]);
    expect(alarm.slept).toEqual([5, 5]);
  });

  test("leaves the store alone but counts the contact when nothing changed", async () => {
    await writeFile(path, listOf("a"));
    const { file, alarm, store, logged } = create();
    await file.start();
    const before = store.get("a");
    nowMs = 2000;
    await writeFile(path, listOf("a"));
    await alarm.ring();
    expect(store.get("a")).toBe(before);
    expect(file.status.lastContactMs).toBe(2000);
    expect(logged).toHaveLength(1);
  });

  test("follows links that are swapped", async () => {
    for (const [version, name] of Object.entries({ v1: "a", v2: "b" })) {
      await mkdir(join(folder, version));
      await writeFile(join(folder, version, "pods"), listOf(name));
    }
    await symlink("v1", join(folder, "data"));
    await symlink("data/pods", path);
    const { file, alarm, names } = create();
    await file.start();
    expect(names()).toEqual(["a"]);
    await symlink("v2", join(folder, "next"));
    await rename(join(folder, "next"), join(folder, "data"));
    await alarm.ring();
    expect(names()).toEqual(["b"]);
  });

  test("keeps the last good pods while the file is broken, and says why once", async () => {
    await writeFile(path, listOf("a"));
    const { file, alarm, names, logged, hits } = create();
    await file.start();
    const problems: string[] = [];
    const check = async (breakFile: () => Promise<unknown>, message: string) => {
      nowMs += 1000;
      await breakFile();
      for (let time = 0; time < 3; time += 1) await alarm.ring();
      problems.push(`Cannot read pods from PODS_FILE ${JSON.stringify(path)}: ${message}`);
      expect([names(), file.status.lastContactMs]).toEqual([["a"], 1000]);
      expect(logged.slice(1)).toEqual([...problems.slice(0, -1), expect.stringContaining(problems.at(-1)!)]);
      problems[problems.length - 1] = logged.at(-1)!;
    };
    await check(() => writeFile(path, "kind: Pod"), 'its kind is "Pod", wanted is "List" or "PodList"');
    await check(
      () => writeFile(path, "kind: Pod # still"),
      'its kind is "Pod", wanted is "List" or "PodList"',
    );
    await check(() => writeFile(path, listOf("b", "b")), 'items[0] and items[1] have the same uid "b"');
    await check(() => writeFile(path, listOf("b").slice(0, -1)), "it is not JSON: ");
    await check(() => writeFile(path, ""), "its kind is missing");
    await check(() => writeFile(path, Buffer.from("kind: \xff", "latin1")), "it is not UTF-8 text");
    await check(() => truncate(path, maxPodsFileBytes + 1), `it has more than ${maxPodsFileBytes} bytes`);
    expect(hits).toEqual(["pods_file_size"]);
    await check(() => rm(path), "ENOENT");
    await check(() => mkdir(path), "it is not a regular file");
    await rm(path, { recursive: true });
    await writeFile(path, listOf("a"));
    await alarm.ring();
    expect(file.status.lastContactMs).toBe(nowMs);
    expect(logged.slice(1)).toEqual([...problems, "PODS_FILE can be read again"]);
    await alarm.ring();
    await rm(path);
    await alarm.ring();
    expect(logged.slice(1)).toEqual([
      ...problems,
      "PODS_FILE can be read again",
      expect.stringContaining("ENOENT"),
    ]);
    await writeFile(path, listOf("a"));
    await alarm.ring();
    await writeFile(path, listOf("b"));
    await alarm.ring();
    expect(names()).toEqual(["b"]);
  });

  test("parses content once, good or bad", async () => {
    await writeFile(path, listOf("a"));
    const { file, alarm } = create();
    vi.mocked(parsePodList).mockClear();
    await file.start();
    await alarm.ring();
    expect(parsePodList).toHaveBeenCalledTimes(1);
    await writeFile(path, "kind: Pod");
    for (let time = 0; time < 3; time += 1) await alarm.ring();
    expect(parsePodList).toHaveBeenCalledTimes(2);
  });

  test("start() rejects when the file cannot be loaded, and watches nothing", async () => {
    const { file, alarm } = create();
    await expect(file.start()).rejects.toThrow(
      `Cannot read pods from PODS_FILE ${JSON.stringify(path)}: ENOENT: no such file or directory`,
    );
    await writeFile(path, listOf("a", "a"));
    await expect(file.start()).rejects.toThrow('items[0] and items[1] have the same uid "a"');
    expect([file.status.notReady !== undefined, file.status.lastContactMs, alarm.slept]).toEqual([
      true,
      undefined,
      [],
    ]);
  });

  test("stop() ends the watch and keeps the pods", async () => {
    await writeFile(path, listOf("a"));
    const { file, alarm, names } = create();
    await file.start();
    await file.stop();
    expect([names(), alarm.slept]).toEqual([["a"], [5]]);
    await file.stop();
  });

  test("watches with a real clock", async () => {
    await writeFile(path, listOf("a"));
    const store = new PodStore();
    let loaded: () => void = () => {};
    const changed = new Promise<void>((resolve) => {
      loaded = resolve;
    });
    let loads = 0;
    const info = () => {
      loads += 1;
      if (loads === 2) loaded();
    };
    const logger = { info, warn: info } as unknown as ConstructorParameters<typeof PodsFile>[0]["logger"];
    const file = new PodsFile({
      path,
      store,
      readPod,
      logger,
      metrics: { limitHit: () => {} },
      intervalMs: 1,
    });
    await file.start();
    await writeFile(join(folder, "next"), listOf("b"));
    await rename(join(folder, "next"), path);
    await changed;
    await file.stop();
    expect(store.inNamespace("team-a").map(({ name }) => name)).toEqual(["b"]);
    expect(file.status.lastContactMs).toBeGreaterThan(Date.now() - 60_000);
  });
});
